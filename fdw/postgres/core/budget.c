/*
 * budget.c: how much has this statement read?
 *
 * Reads add up what their pages cost, over all scans of one statement, and ask for no page ahead that the budget may not
 * bear. A page that is waited for is asked for in any case, so a statement may go beyond its budget by that one.
 */
#include "postgres.h"

#include <float.h>

#include "access/xact.h"
#include "utils/guc.h"

#include "postgres/core/budget.h"

static double read_budget = 0;	/* capacity units for each statement; 0: unlimited */
static ReadBudget budget = {0};
static TimestampTz spent_by = 0;	/* the statement that began then */

void
budget_define(void)
{
	DefineCustomRealVariable("dynamodb_es.read_budget",
							 "Read capacity units that one statement may consume.",
							 "0 means that there is no limit.",
							 &read_budget, 0, 0, DBL_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
}

ReadBudget *
budget_of_statement(void)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();

	if (statement != spent_by)
	{
		spent_by = statement;
		budget.spent = 0;		/* what is promised is still under way: of cursors */
	}
	budget.limit = read_budget;
	return &budget;
}

void
budget_check(Usage *usage, const char *relation_name)
{
	read_budget_count(&budget, usage);
	if (budget.limit > 0 && budget.spent > budget.limit)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("statement has gone past its read budget at foreign table \"%s\"", relation_name),
				 errdetail("It has read %.1f capacity units; dynamodb_es.read_budget is %g.", budget.spent, budget.limit),
				 errhint("Ask for less, or raise dynamodb_es.read_budget.")));
}
