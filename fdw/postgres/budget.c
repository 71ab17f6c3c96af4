/*
 * budget.c: how much has this statement read?
 *
 * Capacity units are added up over all scans of one statement, as they become known with each page; the pages under
 * way at that moment are past saving, so a statement may go beyond its budget by these.
 */
#include "postgres.h"

#include <float.h>

#include "access/xact.h"
#include "utils/guc.h"

#include "postgres/budget.h"

static double read_budget = 0;	/* capacity units for each statement; 0: unlimited */
static double spent = 0;		/* by the statement that began at: */
static TimestampTz spent_by = 0;

void
budget_define(void)
{
	DefineCustomRealVariable("dynamodb_es.read_budget",
							 "Read capacity units that one statement may consume.",
							 "0 means that there is no limit.",
							 &read_budget, 0, 0, DBL_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("dynamodb_es");
}

void
budget_check(const Usage *usage, double *checked_units, const char *relation_name)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();

	if (statement != spent_by)
	{
		spent_by = statement;
		spent = 0;
	}
	spent += usage->read_units - *checked_units;
	*checked_units = usage->read_units;
	if (read_budget > 0 && spent > read_budget)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("statement has gone past its read budget at foreign table \"%s\"", relation_name),
				 errdetail("It has read %.1f capacity units; dynamodb_es.read_budget is %g.", spent, read_budget),
				 errhint("Ask for less, or raise dynamodb_es.read_budget.")));
}
