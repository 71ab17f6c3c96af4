/*
 * async.c: how does an Append read several stores at once?
 *
 * Each scan is told not to wait; where it has no row yet, the Append waits on the descriptors of all of them. Scans
 * of one server share a client, so one scan's turn may bring another's page: that one must not be waited for, as its
 * descriptor has nothing more to tell.
 */
#include "postgres.h"

#include "executor/execAsync.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "storage/latch.h"

#include "postgres/core/compat.h"
#include "postgres/scan/async.h"
#include "postgres/scan/scan.h"
#include "postgres/session/tenure.h"
#include "postgres/session/trace.h"

bool
async_capable(ForeignPath *path)
{
	return true;
}

/*
 * Answers with the next row, with the end, or with "not yet". The row comes by way of the node, for its conditions
 * and projection; not through ExecProcNode, as PostgreSQL measures an asynchronous node by itself.
 */
static void
produce(AsyncRequest *request)
{
	ForeignScanState *node = castNode(ForeignScanState, request->requestee);
	StoreScan  *scan = node->fdw_state;
	TupleTableSlot *row;

	scan->never_waits = true;
	row = request->requestee->ExecProcNodeReal(request->requestee);
	scan->never_waits = false;
	/* Without a descriptor of its own nobody would wake it up. */
	if (TupIsNull(row) && scan->must_wait && !tenure_make_descriptor(scan->tenure))
		row = request->requestee->ExecProcNodeReal(request->requestee);
	if (TupIsNull(row) && scan->must_wait)
		ExecAsyncRequestPending(request);
	else
		ExecAsyncRequestDone(request, TupIsNull(row) ? NULL : row);
}

void
async_request(AsyncRequest *request)
{
	produce(request);
}

void
async_configure_wait(AsyncRequest *request)
{
	ForeignScanState *node = castNode(ForeignScanState, request->requestee);
	StoreScan  *scan = node->fdw_state;
	AppendState *append = castNode(AppendState, request->requestor);

	if (scan_is_ready(scan))
		client_wake_at(tenure_client(scan->tenure), 0);
	trace_client(tenure_client(scan->tenure));
	if (!client_await(tenure_client(scan->tenure)))
		client_wake_at(tenure_client(scan->tenure), 0);
	AddWaitEventToSet(append->as_eventset, WL_SOCKET_READABLE, scan->tenure->descriptor, NULL, request);
}

void
async_notify(AsyncRequest *request)
{
	ForeignScanState *node = castNode(ForeignScanState, request->requestee);
	StoreScan  *scan = node->fdw_state;

	client_pump(tenure_client(scan->tenure));
	produce(request);
}
