/*
 * tenure.c: who frees an operation of the layers below, and gives its connection back?
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "postgres/core/budget.h"
#include "postgres/core/errors.h"
#include "postgres/session/descriptors.h"
#include "postgres/session/tenure.h"
#include "postgres/session/trace.h"
#include "postgres/session/wait.h"

static void
operation_drop(Tenure *tenure)
{
	if (tenure->operation != NULL)
		tenure->kind->free(tenure->operation);
	tenure->operation = NULL;
}

void
tenure_drop(Tenure *tenure)
{
	operation_drop(tenure);
	trace_client(tenure_client(tenure));
}

static void
tenure_end(void *arg)
{
	Tenure	   *tenure = arg;

	operation_drop(tenure);		/* nothing is reported where an error would do harm */
	if (tenure->descriptor >= 0)
	{
		close(tenure->descriptor);
		descriptor_release();
	}
	connection_release(tenure->connection);
}

Tenure *
tenure_new(MemoryContext context, Connection *connection)
{
	Tenure	   *tenure = MemoryContextAllocExtended(context, sizeof(Tenure), MCXT_ALLOC_ZERO | MCXT_ALLOC_NO_OOM);

	if (tenure == NULL)
	{
		connection_release(connection);
		report_out_of_memory();
	}
	tenure->connection = connection;
	tenure->descriptor = -1;
	tenure->callback.func = tenure_end;
	tenure->callback.arg = tenure;
	MemoryContextRegisterResetCallback(context, &tenure->callback);
	return tenure;
}

void
tenure_hold(Tenure *tenure, void *operation, const OperationKind *kind)
{
	operation_drop(tenure);
	if (operation == NULL)
		report_out_of_memory();
	tenure->operation = operation;
	tenure->kind = kind;
}

const Failure *
tenure_run(Tenure *tenure)
{
	StepResult	result;

	while ((result = tenure->kind->step(tenure->operation)) == STEP_PENDING)
		wait_for_client(tenure_client(tenure));
	trace_client(tenure_client(tenure));
	return result == STEP_FAILED ? tenure_failure(tenure) : NULL;
}

ReadResult
tenure_next(Tenure *tenure, const cJSON **item)
{
	return tenure->kind->next(tenure->operation, item);
}

ReadResult
tenure_await(Tenure *tenure, Usage *usage, const char *relation_name, const cJSON **item)
{
	ReadResult	result;

	do
	{
		CHECK_FOR_INTERRUPTS();
		budget_of_statement();
		result = tenure_next(tenure, item);
		budget_check(usage, relation_name);
		if (result == READ_PENDING)
		{
			/* A long wait must not hold back what VACUUM may remove. */
			InvalidateCatalogSnapshotConditionally();
			wait_for_client(tenure_client(tenure));
		}
	} while (result == READ_PENDING || result == READ_EMPTY_PAGE);
	return result;
}

const cJSON *
tenure_await_item(Tenure *tenure, Usage *usage, const char *relation_name)
{
	const cJSON *item = NULL;
	ReadResult	result = tenure_await(tenure, usage, relation_name, &item);

	if (result == READ_FAILED)
	{
		trace_client(tenure_client(tenure));
		report_failure(tenure_failure(tenure), relation_name);
	}
	return result == READ_ITEM ? item : NULL;
}

const Failure *
tenure_failure(const Tenure *tenure)
{
	return tenure->kind->failure(tenure->operation);
}

Client *
tenure_client(const Tenure *tenure)
{
	return connection_client(tenure->connection);
}

Usage *
tenure_usage(const Tenure *tenure, Operation operation)
{
	return connection_usage(tenure->connection, operation);
}

bool
tenure_make_descriptor(Tenure *tenure)
{
	if (tenure->descriptor >= 0)
		return true;
	if (!descriptor_acquire())
		return false;
	tenure->descriptor = fcntl(client_fd(tenure_client(tenure)), F_DUPFD_CLOEXEC, 0);
	if (tenure->descriptor < 0)
		descriptor_release();
	return tenure->descriptor >= 0;
}
