/*
 * wait.c: how does a backend wait for the network and still obey?
 *
 * Everything below is behind one descriptor, so one wait on it and on the latch is enough. Interrupts are served here,
 * and between two rows (scan.c): the error they raise passes through no foreign code, and what was under way is freed
 * with its memory context (tenure.h).
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"

#include "postgres/core/compat.h"
#include "postgres/session/descriptors.h"
#include "postgres/session/tally.h"
#include "postgres/session/trace.h"
#include "postgres/session/wait.h"

/*
 * What is waited for, kept from one wait to the next, since making it takes longer than most waits: the latch, the
 * descriptor of one client, and the postmaster's end. One for all clients, so that it takes one descriptor.
 */
static WaitEventSet *wait_set = NULL;
static const Client *wait_set_client = NULL;	/* whose descriptor is in it */
static int	wait_set_latch;		/* the latch's position in it */

#define TELL_INTERVAL_MS 1000

/* As pg_stat_activity shows them. The last one: there is no request, but a pause, or credentials are fetched. */
static const char *const wait_names[OPERATIONS + 1] = {
	[OPERATION_GET_ITEM] = "DynamodbGet",
	[OPERATION_BATCH_GET_ITEM] = "DynamodbBatchGet",
	[OPERATION_PUT_ITEM] = "DynamodbPut",
	[OPERATION_UPDATE_ITEM] = "DynamodbUpdate",
	[OPERATION_QUERY] = "DynamodbQuery",
	[OPERATION_SCAN] = "DynamodbScan",
	[OPERATION_TRANSACT_WRITE_ITEMS] = "DynamodbTransactWrite",
	[OPERATION_CREATE_TABLE] = "DynamodbCreateTable",
	[OPERATION_DELETE_TABLE] = "DynamodbDeleteTable",
	[OPERATION_DESCRIBE_TABLE] = "DynamodbDescribeTable",
	[OPERATION_LIST_TABLES] = "DynamodbListTables",
	[OPERATIONS] = "DynamodbOther",
};

StaticAssertDecl(OPERATIONS == 11, "a new operation needs a name in wait_names");

static uint32
wait_event_for(const Client *client)
{
	static uint32 events[OPERATIONS + 1];
	int			operation = client_awaited_operation(client);

	return compat_wait_event(&events[operation], wait_names[operation]);
}

/* A statement that takes hours is seen in the sums meanwhile. */
static void
tell_now_and_then(void)
{
	static int64 told_at = 0;
	int64		now = http_now_ms();

	if (now - told_at < TELL_INTERVAL_MS)
		return;
	told_at = now;
	tally_tell_all();
}

/* PostgreSQL would call it an internal error that no descriptor is left. */
static void
descriptor_ensure(const Client *client)
{
	int			descriptor = -1;

	do
	{
		if (!AcquireExternalFD())
			continue;
		descriptor = fcntl(client_fd(client), F_DUPFD_CLOEXEC, 0);
		ReleaseExternalFD();
	} while (descriptor < 0 && descriptors_free_some());
	if (descriptor < 0)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("could not wait for DynamoDB: %m")));
	close(descriptor);
}

static WaitEventSet *
wait_set_new(const Client *client)
{
	WaitEventSet *set;

	descriptor_ensure(client);
	set = compat_wait_event_set(3);
	PG_TRY();
	{
		wait_set_latch = AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
		AddWaitEventToSet(set, WL_SOCKET_READABLE, client_fd(client), NULL, NULL);
		if (IsUnderPostmaster)
			AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	}
	PG_CATCH();
	{
		FreeWaitEventSet(set);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return set;
}

void
wait_forget_client(const Client *client)
{
	if (wait_set_client != client || wait_set == NULL)
		return;
	FreeWaitEventSet(wait_set);
	wait_set = NULL;
	wait_set_client = NULL;
}

void
wait_for_client(Client *client)
{
	WaitEvent	event = {0};

	trace_client(client);
	CHECK_FOR_INTERRUPTS();
	if (wait_set_client != client)
	{
		wait_forget_client(wait_set_client);
		wait_set = wait_set_new(client);
		wait_set_client = client;
	}
	tell_now_and_then();
	if (client_await(client))
	{
		ModifyWaitEvent(wait_set, wait_set_latch, WL_LATCH_SET, MyLatch);
		WaitEventSetWait(wait_set, -1, &event, 1, wait_event_for(client));
	}
	client_pump(client);
	if (event.events & WL_LATCH_SET)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
wait_for_time(int64 ms)
{
	int			event;

	CHECK_FOR_INTERRUPTS();
	event = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, Min(ms, PG_INT32_MAX), compat_idle_wait_event());
	if (event & WL_LATCH_SET)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}
