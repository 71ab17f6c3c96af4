/*
 * statement.c: what has the statement that ends here cost?
 *
 * A statement is what the client has sent: what functions and triggers do within it is its own. So the depth of executions is kept, and
 * the end of an outermost one is an end of a statement. One that fails ends with its transaction or savepoint, and an append at commit
 * is part of the statement that commits.
 */
#include "postgres.h"

#include <float.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/guc.h"

#include "postgres/core/compat.h"
#include "postgres/session/stat.h"
#include "postgres/session/statement.h"
#include "postgres/session/tally.h"

static double log_min_units = -1;	/* capacity units; below 0: off */
static int	depth = 0;			/* of executions within each other */
static bool has_client = true;	/* whose statements these are */
static char *kept_text = NULL;	/* of the statement that came last; malloc */

static ExecutorRun_hook_type run_before = NULL;
static ExecutorFinish_hook_type finish_before = NULL;
static ExecutorEnd_hook_type end_before = NULL;
static ProcessUtility_hook_type utility_before = NULL;

static bool
is_logged(void)
{
	return log_min_units >= 0;
}

static void
forget_text(void)
{
	free(kept_text);
	kept_text = NULL;
}

/* When a transaction ends by an error, PostgreSQL has let go of the statement's text already, which belongs to the line in the log. */
static void
keep_text(void)
{
	forget_text();
	if (is_logged() && debug_query_string != NULL)
		kept_text = strdup(debug_query_string);
}

/* An error has ended an execution. */
static void
failed(void)
{
	depth--;
	if (depth == 0)
		keep_text();
}

static void
log_statement_cost(const Usage *usage, uint64 query)
{
	const char *current = debug_query_string;

	if (!is_logged() || usage->read_units + usage->write_units < log_min_units)
		return;
	if (current == NULL)
		debug_query_string = kept_text;
	ereport(LOG,
			(errmsg("statement consumed %.1f read and %.1f write capacity units", usage->read_units, usage->write_units),
			 query == 0 ? errdetail("Requests: %lld.", (long long) usage->requests)
			 : errdetail("Requests: %lld; query identifier: %lld.", (long long) usage->requests, (long long) query),
			 errhidecontext(true)));
	debug_query_string = current;
}

static void
statement_ended(void)
{
	StatRow		row = {.usage = tally_take_statement(), .executions = IsParallelWorker() ? 0 : 1};
	uint64		query;

	if (row.usage.requests == 0 && row.usage.abandoned == 0)
		return;
	query = has_client ? compat_query_id() : 0;
	row.key = (StatKey) {.database = MyDatabaseId, .role = GetOuterUserId(), .query = query};
	if (query != 0)
		stat_add(STAT_STATEMENTS, &row);
	log_statement_cost(&row.usage, query);
}

/* Whoever ends the process leaves the executions that it is in without coming back to them. */
static void
end_if_outermost(void)
{
	if (depth == 0 || proc_exit_inprogress)
		statement_ended();
}

static void
run(COMPAT_EXECUTOR_RUN_PARAMETERS)
{
	depth++;
	PG_TRY();
	{
		if (run_before != NULL)
			run_before(COMPAT_EXECUTOR_RUN_ARGUMENTS);
		else
			standard_ExecutorRun(COMPAT_EXECUTOR_RUN_ARGUMENTS);
	}
	PG_CATCH();
	{
		failed();
		PG_RE_THROW();
	}
	PG_END_TRY();
	depth--;
}

static void
finish(QueryDesc *query)
{
	depth++;
	PG_TRY();
	{
		if (finish_before != NULL)
			finish_before(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_CATCH();
	{
		failed();
		PG_RE_THROW();
	}
	PG_END_TRY();
	depth--;
}

/* What comes next may fail, too: an import's last request, or an append at commit. */
static void
executed(void)
{
	if (depth == 0)
		keep_text();
}

static void
end(QueryDesc *query)
{
	executed();
	if (end_before != NULL)
		end_before(query);
	else
		standard_ExecutorEnd(query);
	end_if_outermost();
}

static void
utility(PlannedStmt *statement, const char *source, bool is_shared, ProcessUtilityContext context, ParamListInfo parameters,
		QueryEnvironment *environment, DestReceiver *destination, QueryCompletion *completion)
{
	depth++;
	PG_TRY();
	{
		if (utility_before != NULL)
			utility_before(statement, source, is_shared, context, parameters, environment, destination, completion);
		else
			standard_ProcessUtility(statement, source, is_shared, context, parameters, environment, destination, completion);
	}
	PG_CATCH();
	{
		failed();
		PG_RE_THROW();
	}
	PG_END_TRY();
	depth--;
	executed();
	end_if_outermost();
}

static void
transaction_ended(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	end_if_outermost();
	forget_text();
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId own, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		end_if_outermost();
}

void
statement_serves_no_client(void)
{
	has_client = false;
}

void
statement_init(void)
{
	DefineCustomRealVariable("dynamodb_es.log_min_units",
							 "Capacity units from which on a statement that consumed them is logged.",
							 "Read and write units together. 0 logs each that sent a request; -1 turns this off.",
							 &log_min_units, -1, -1, DBL_MAX, PGC_SUSET, 0, NULL, NULL, NULL);
	run_before = ExecutorRun_hook;
	ExecutorRun_hook = run;
	finish_before = ExecutorFinish_hook;
	ExecutorFinish_hook = finish;
	end_before = ExecutorEnd_hook;
	ExecutorEnd_hook = end;
	utility_before = ProcessUtility_hook;
	ProcessUtility_hook = utility;
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
}
