/*
 * append_function.c: dynamodb_es_append: may the rows still be appended?
 *
 * The append is tried at once, under the counter's value that the caller knows: where nothing came since, that is the one
 * request. When the counter has moved, the refusal tells to where. What came is read, and asked about; if it does not stand in the
 * way, the append is tried under that value. So only DynamoDB's comparison ever decides that nothing came in between.
 *
 * Whoever had to wait for the turn knows that others were at it, and that the first try would be refused. So that begins with the
 * read, and is tried under the last id that this shows.
 *
 * The turn (dense_store.h) is kept from a lost race to the next try, since others would only win again meanwhile.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "postgres/append/batch.h"
#include "postgres/append/store_batch.h"
#include "postgres/core/arguments.h"
#include "postgres/core/errors.h"
#include "postgres/decide/given.h"
#include "postgres/decide/newer.h"
#include "postgres/decide/position.h"
#include "postgres/decide/unless.h"
#include "postgres/scan/feed_scan.h"

PG_FUNCTION_INFO_V1(dynamodb_es_append);

/* Races that may be lost, as of a dense INSERT. */
#define MAX_LOST_RACES 25

typedef struct Decision
{
	GivenRows  *given;
	NewerCommits *newer;
	SPIPlanPtr	unless;			/* NULL: any commit that came stands in the way */
	int64		expected;		/* up to it, all that came is known not to stand in the way */
	RowBatch	batch;
} Decision;

static void
report_refusal(const Decision *decision, int64 id)
{
	const NewerCommits *newer = decision->newer;
	const char *relation_name = decision->given->map->relation_name;
	char	   *words = id > 0 ? newer_commits_describe(newer, id) : NULL;
	char	   *which = id > 0 ? psprintf("commit " INT64_FORMAT " stands", id)
		: psprintf("commits " INT64_FORMAT " to " INT64_FORMAT " stand", newer->first_id, newer->last_id);

	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("%s in the way of an append to foreign table \"%s\"", which, relation_name),
			 words != NULL
			 ? errdetail_internal("%s", psprintf(_("It came after commit id " INT64_FORMAT ": %s."), newer->after, words))
			 : errdetail("The query \"unless\" returns a row over what came after commit id " INT64_FORMAT ".", newer->after),
			 errhint("Read what has come since, and decide anew.")));
}

static void
report_starved(const Decision *decision)
{
	Failure		failure;

	failure_set(&failure, FAILURE_CONFLICT, NULL, "others took the next commit id too often");
	report_append_failure(&failure, decision->given->map->relation_name, NULL, NULL);
}

static void
check_what_came(const Decision *decision)
{
	UnlessAnswer answer = {.has_row = true, .commit_id = decision->newer->first_id};

	if (decision->newer->count == 0)
		return;
	if (decision->unless != NULL)
		answer = unless_ask(decision->unless, decision->newer);
	if (answer.has_row)
		report_refusal(decision, answer.commit_id);
}

static void
decide_and_append(Decision *decision)
{
	RowBatch   *batch = &decision->batch;

	if (batch_take_turn(batch))
	{
		newer_commits_glance(decision->newer, batch);
		check_what_came(decision);
		decision->expected = decision->newer->complete_to;
	}
	for (int lost_races = 0; given_rows_fill(decision->given, batch), !batch_try(batch); lost_races++)
	{
		int64		head = *batch->settings.head;

		if (head < decision->expected)
			feed_scan_report_behind(batch->relation_name, decision->expected, psprintf(INT64_FORMAT, head));
		if (lost_races == MAX_LOST_RACES)
			report_starved(decision);
		newer_commits_read(decision->newer, batch, head);
		check_what_came(decision);
		decision->expected = head;
	}
	batch_wake(batch);
}

static void
connect_to_store(Decision *decision)
{
	const GivenRows *given = decision->given;
	RowBatch   *batch = &decision->batch;

	*batch = store_batch_new(given->options, given->map);
	(void) store_batch_connect(batch, CurrentMemoryContext, given->options, GetUserId(), given->owner);
	batch->rows = palloc(sizeof(AppendRow) * given->nrows);
	batch->settings.indivisible = true;
	batch->settings.expected = &decision->expected;
}

/* The rows as they are stored go into `result`. */
static void
append_given(GivenRows *given, int64 after, const char *unless, Tuplestorestate *result)
{
	Decision   *decision = palloc0(sizeof(Decision));
	MemoryContext context = CurrentMemoryContext;

	decision->given = given;
	decision->expected = after;
	decision->newer = newer_commits_new(given, after);
	SPI_connect();
	if (unless != NULL)
		decision->unless = unless_prepare(unless, decision->newer);
	MemoryContextSwitchTo(context);
	connect_to_store(decision);
	PG_TRY();
	{
		decide_and_append(decision);
	}
	PG_FINALLY();
	{
		batch_give_turn(&decision->batch);
	}
	PG_END_TRY();
	given_rows_return(given, &decision->batch, result);
	SPI_finish();
	MemoryContextSwitchTo(context);
	tuplestore_end(decision->newer->rows);
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[] = {"commits", "after"};

	arguments_check_given(fcinfo, names, lengthof(names));
	position_check(PG_GETARG_INT64(1));
}

Datum
dynamodb_es_append(PG_FUNCTION_ARGS)
{
	const char *unless = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	MemoryContext context;
	MemoryContext caller;
	GivenRows  *given;

	PreventCommandIfReadOnly("dynamodb_es_append()");
	check_arguments(fcinfo);
	context = AllocSetContextCreate(CurrentMemoryContext, "dynamodb_es append", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	given = given_rows_new(get_fn_expr_argtype(fcinfo->flinfo, 0), PG_GETARG_ARRAYTYPE_P(0));
	InitMaterializedSRF(fcinfo, 0);
	if (given->nrows > 0)
		append_given(given, PG_GETARG_INT64(1), unless, ((ReturnSetInfo *) fcinfo->resultinfo)->setResult);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
