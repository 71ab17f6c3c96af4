/*
 * budget.c: how much has this statement read, and how much its transaction?
 *
 * Reads add up what their pages cost, over all scans of one statement, and ask for no page ahead that the budget may not
 * bear. A page that is waited for is asked for in any case, so a statement may go beyond its budget by that one.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/xact.h"
#include "utils/guc.h"

#include "postgres/core/budget.h"

/* Capacity units; 0: unlimited. */
static double read_budget = 0;
static double transaction_read_budget = 0;

static ReadBudget budget = {0};	/* of the statement, within what is left to the transaction */
static double spent_before = 0;	/* by the transaction, beside what its statement has spent */
static TimestampTz spent_by = 0;	/* the statement that began then */

/* The next transaction's count begins at 0, also where the statement goes on, as in a procedure. */
static void
transaction_ended(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		spent_before = -budget.spent;
}

void
budget_define(void)
{
	DefineCustomRealVariable("dynamodb_es.read_budget",
							 "Read capacity units that one statement may consume.",
							 "0 means that there is no limit.",
							 &read_budget, 0, 0, DBL_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("dynamodb_es.transaction_read_budget",
							 "Read capacity units that the statements of one transaction may consume together.",
							 "0 means that there is no limit.",
							 &transaction_read_budget, 0, 0, DBL_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
	RegisterXactCallback(transaction_ended, NULL);
}

/* What the earlier statements of the transaction have left; more than anything where that is not limited. */
static double
left_to_transaction(void)
{
	return transaction_read_budget > 0 ? transaction_read_budget - spent_before : INFINITY;
}

static void
report_transaction(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("transaction has used up its read budget"),
			 errdetail("It has read %.1f capacity units; dynamodb_es.transaction_read_budget is %g.",
					   spent_before + budget.spent, transaction_read_budget),
			 errhint("Ask for less, or raise dynamodb_es.transaction_read_budget.")));
}

ReadBudget *
budget_of_statement(void)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();
	double		limit;

	if (statement != spent_by)
	{
		spent_by = statement;
		spent_before += budget.spent;
		budget.spent = 0;		/* what is promised is still under way: of cursors */
	}
	if (left_to_transaction() <= 0)
		report_transaction();
	limit = Min(read_budget > 0 ? read_budget : INFINITY, left_to_transaction());
	budget.limit = isinf(limit) ? 0 : limit;
	return &budget;
}

void
budget_check(Usage *usage, const char *relation_name)
{
	read_budget_count(&budget, usage);
	if (budget.spent > left_to_transaction())
		report_transaction();
	if (read_budget > 0 && budget.spent > read_budget)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("statement has gone past its read budget at foreign table \"%s\"", relation_name),
				 errdetail("It has read %.1f capacity units; dynamodb_es.read_budget is %g.", budget.spent, read_budget),
				 errhint("Ask for less, or raise dynamodb_es.read_budget.")));
}
