/*
 * newer.c: which commits came after an id?
 *
 * The counter says which ids were given out. What the index shows of them may be less, so the feed is read until it has
 * come to the last: each id is a commit, or a note says that it is burned. Nothing is ever given up here. In a dense store an
 * id that stays away is an error.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "postgres/core/budget.h"
#include "postgres/core/errors.h"
#include "postgres/decide/newer.h"
#include "postgres/scan/feed_scan.h"
#include "postgres/session/wait.h"

/* Between two looks at an index that lags behind, ms; doubled each time. */
#define SHORTEST_PAUSE_MS 10
#define LONGEST_PAUSE_MS 1000

NewerCommits *
newer_commits_new(const GivenRows *table, int64 after)
{
	NewerCommits *newer = palloc0(sizeof(NewerCommits));

	newer->table = table;
	newer->attributes = feed_scan_attributes(table->map, &newer->nattributes);
	newer->after = newer->complete_to = after;
	newer->rows = tuplestore_begin_heap(false, false, work_mem);
	return newer;
}

static void
start_feed(NewerCommits *newer, RowBatch *batch, int64 head)
{
	const TableOptions *options = newer->table->options;
	Client	   *client = tenure_client(batch->tenure);
	FeedSpec	spec = {
		.after = newer->complete_to,
		.upto = head,
		.all_given_out = head < PG_INT64_MAX,
		.rules = {.now = client_time_ms(client), .dense_above = PG_INT64_MAX},	/* which give up nothing */
		.max_parallel = options->max_connections,
		.max_ranges = options->scan_segments,
		.attributes = newer->attributes,
		.nattributes = newer->nattributes,
		.budget = budget_of_statement(),
	};

	tenure_hold(batch->tenure, feed_start(client, &options->names, &spec, &newer->usage), &feed_operation);
}

static void
add_row(NewerCommits *newer, const cJSON *item)
{
	const GivenRows *table = newer->table;
	Datum	   *values = palloc0(sizeof(Datum) * Max(table->desc->natts, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(table->desc->natts, 1));
	AttributeValue id = attribute_get(item, COMMIT_ID);
	int64_t		number = 0;

	(void) attribute_to_int64(&id, &number);
	columns_read(table->map, table->map->columns, table->map->natts, item, values, nulls);
	tuplestore_putvalues(newer->rows, table->desc, values, nulls);
	newer->first_id = newer->count == 0 ? number : newer->first_id;
	newer->last_id = number;
	newer->count++;
}

/* What the index shows now, up to `head`, which was given out; PG_INT64_MAX: up to whatever it has. */
static void
read_feed(NewerCommits *newer, RowBatch *batch, int64 head)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dynamodb_es newer commit", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	const cJSON *item;
	FeedReport	report;

	start_feed(newer, batch, head);
	while ((item = feed_scan_next(batch->tenure, &newer->usage, newer->table->map->relation_name)) != NULL)
	{
		add_row(newer, item);
		MemoryContextReset(context);
	}
	feed_report(batch->tenure->operation, &report);
	newer->complete_to = report.complete_to;
	tenure_drop(batch->tenure);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

void
newer_commits_glance(NewerCommits *newer, RowBatch *batch)
{
	read_feed(newer, batch, PG_INT64_MAX);
}

void
newer_commits_read(NewerCommits *newer, RowBatch *batch, int64 head)
{
	int64		deadline = http_now_ms() + newer->table->options->gap_timeout_ms;
	int64		pause = SHORTEST_PAUSE_MS;

	for (;;)
	{
		read_feed(newer, batch, head);
		if (newer->complete_to >= head)
			return;
		if (http_now_ms() >= deadline)
			feed_scan_report_missing(newer->table->map->relation_name,
									 feed_scan_range_text(&(IdRange) {.first = newer->complete_to + 1, .last = head}),
									 _("If they will never come, decide by a position from them on. See to it that everybody appends in dense mode."));
		batch_give_turn(batch);
		wait_for_time(Min(pause, Max(deadline - http_now_ms(), 1)));
		pause = Min(pause * 2, LONGEST_PAUSE_MS);
	}
}

static bool
is_row_of(const NewerCommits *newer, TupleTableSlot *slot, int64 id)
{
	const Column *commit_id = newer->table->map->by_role[COLUMN_COMMIT_ID];
	bool		isnull;

	if (commit_id == NULL)
		return newer->count == 1 && id == newer->first_id;
	return DatumGetInt64(slot_getattr(slot, commit_id->attnum, &isnull)) == id && !isnull;
}

static char *
describe_row(const NewerCommits *newer, TupleTableSlot *slot)
{
	Column	   *aggregate_id = newer->table->map->by_role[COLUMN_AGGREGATE_ID];
	Column	   *version = newer->table->map->by_role[COLUMN_VERSION];
	AttributeValue text_of_id;
	Commit		commit = {0};
	Datum		values[2];
	bool		nulls[2];

	values[0] = slot_getattr(slot, aggregate_id->attnum, &nulls[0]);
	values[1] = slot_getattr(slot, version->attnum, &nulls[1]);
	if (nulls[0] || nulls[1])
		return NULL;
	text_of_id = column_write(aggregate_id, values[0]);
	commit.aggregate_id = text_of_id.text;
	commit.aggregate_id_length = text_of_id.length;
	commit.version = version->type == INT4OID ? DatumGetInt32(values[1]) : DatumGetInt64(values[1]);
	return describe_commit(&commit);
}

char *
newer_commits_describe(const NewerCommits *newer, int64 id)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(newer->table->desc, &TTSOpsMinimalTuple);
	char	   *words = NULL;

	tuplestore_select_read_pointer(newer->rows, 0);
	tuplestore_rescan(newer->rows);
	while (words == NULL && tuplestore_gettupleslot(newer->rows, true, false, slot))
		if (is_row_of(newer, slot, id))
			words = describe_row(newer, slot);
	ExecDropSingleTupleTableSlot(slot);
	return words;
}
