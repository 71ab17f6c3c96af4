/*
 * unreadable.c: which values of a statement were replaced, where the option "unreadable" allows that?
 *
 * A statement may read several tables, and each of them many times; it is to hear of all that in one WARNING. The
 * executor has no place for what its scans share, so it is found by the statement's EState.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "postgres/table/unreadable.h"

typedef struct StatementReplacements
{
	Replacements replacements;
	const EState *estate;
	struct StatementReplacements *next;
	MemoryContextCallback forget;
} StatementReplacements;

static StatementReplacements *statements = NULL;

Replacements *
replacements_new(void)
{
	Replacements *replacements = palloc0(sizeof(Replacements));

	replacements->context = CurrentMemoryContext;
	return replacements;
}

static void
forget_statement(void *arg)
{
	StatementReplacements **link = &statements;

	while (*link != arg)
		link = &(*link)->next;
	*link = (*link)->next;
}

Replacements *
replacements_of_statement(EState *estate)
{
	StatementReplacements *statement = statements;

	while (statement != NULL && statement->estate != estate)
		statement = statement->next;
	if (statement == NULL)
	{
		statement = MemoryContextAllocZero(estate->es_query_cxt, sizeof(StatementReplacements));
		statement->replacements.context = estate->es_query_cxt;
		statement->estate = estate;
		statement->next = statements;
		statement->forget.func = forget_statement;
		statement->forget.arg = statement;
		MemoryContextRegisterResetCallback(estate->es_query_cxt, &statement->forget);
		statements = statement;
	}
	return &statement->replacements;
}

void
replacements_add(Replacements *replacements, const char *place)
{
	if (replacements->values++ == 0)
		replacements->first = MemoryContextStrdup(replacements->context, place);
}

void
replacements_report(Replacements *replacements)
{
	if (replacements->values == 0)
		return;
	ereport(WARNING,
			(errmsg_plural("%lld value that cannot be read was replaced",
						   "%lld values that cannot be read were replaced",
						   (unsigned long) replacements->values, (long long) replacements->values),
			 replacements->values == 1 ? errdetail("It is %s.", replacements->first)
			 : errdetail("The first one is %s.", replacements->first)));
	replacements->values = 0;
	pfree(replacements->first);
	replacements->first = NULL;
}
