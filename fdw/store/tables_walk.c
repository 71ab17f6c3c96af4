/*
 * tables_walk.c: how does a walk over the tables of a store go on, wait, and end?
 */
#include "store/tables_walk.h"

#include <stdarg.h>
#include <stdio.h>

#define FIRST_POLL_MS 50
#define SLOWEST_POLL_MS 2000

/* For both tables. DynamoDB takes seconds as a rule, and minutes for an index; AWS's own waiters give up after 8. */
#define LONGEST_WAIT_MS (10 * 60 * 1000)

void
walk_done(TablesOperation *operation)
{
	operation->state = FINISHED;
	operation->result = STEP_DONE;
}

void
walk_fail_as(TablesOperation *operation, const Failure *failure)
{
	operation->failure = *failure;
	operation->state = FINISHED;
	operation->result = STEP_FAILED;
}

void
walk_fail(TablesOperation *operation, FailureKind kind, const char *format,...)
{
	char		message[sizeof(operation->failure.message)];
	Failure		failure;
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	failure_set(&failure, kind, NULL, "%s", message);
	walk_fail_as(operation, &failure);
}

void
walk_fail_bad_answer(TablesOperation *operation)
{
	walk_fail(operation, FAILURE_BAD_ANSWER, "an answer about the tables is not one of DynamoDB's");
}

void
walk_go(TablesOperation *operation, TablesState state)
{
	operation->state = state;
	operation->not_before = 0;
	operation->poll_ms = FIRST_POLL_MS;
}

/* What a waiting state has seen of its table, for people. */
static void
describe_awaited(TablesOperation *operation)
{
	const StoreNames *names = &operation->names;
	const TablesReport *report = &operation->report;
	bool		of_commits = operation->state == AWAIT_COMMITS || operation->state == AWAIT_COMMITS_GONE;
	const TableSchema *table = of_commits ? &report->commits : &report->counters;
	const char *status = table->exists ? table->status : "not there";
	const char *name = of_commits ? names->commit_table : names->counter_table;

	if (of_commits && table->has_index && table->index_status[0] != '\0')
		snprintf(operation->awaited, sizeof(operation->awaited), "table \"%s\" is %s, its index \"%s\" %s", name, status,
				 names->commit_index, table->index_status);
	else
		snprintf(operation->awaited, sizeof(operation->awaited), "table \"%s\" is %s", name, status);
}

void
walk_again_later(TablesOperation *operation)
{
	describe_awaited(operation);
	if (operation->wait_until == 0)
		operation->wait_until = http_now_ms() + LONGEST_WAIT_MS;
	if (http_now_ms() > operation->wait_until)
	{
		walk_fail(operation, FAILURE_NOT_READY, "After %d minutes %s.", LONGEST_WAIT_MS / 60000, operation->awaited);
		return;
	}
	operation->not_before = http_now_ms() + operation->poll_ms;
	operation->poll_ms = operation->poll_ms * 2 < SLOWEST_POLL_MS ? operation->poll_ms * 2 : SLOWEST_POLL_MS;
}
