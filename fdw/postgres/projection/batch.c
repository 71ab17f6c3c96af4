/*
 * batch.c: which commits come next, and as which rows?
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "dynamodb/json.h"
#include "postgres/core/budget.h"
#include "postgres/core/encoding.h"
#include "postgres/core/errors.h"
#include "postgres/projection/batch.h"
#include "postgres/projection/late.h"
#include "postgres/projection/lookup.h"
#include "postgres/projection/same_store.h"
#include "postgres/scan/feed_scan.h"
#include "postgres/session/task.h"
#include "postgres/session/wait.h"

/* Rows of a batch, in bytes. */
#define MOST_BYTES (8 * 1024 * 1024)

/* Gaps that are passed in a batch, which the feed must list: one step of it may pass several. */
#define MOST_GAPS (FEED_MOST_PASSED / 2)

/*
 * History is given up by its stamps when it is that old: no clock is wrong by as much, and whoever starts anew need not
 * wait for what happened long ago.
 */
#define HISTORY_MS 360000

/* An id that is passed is looked for so long, and on record for that; older ones are only counted. */
#define LATE_WINDOW_MS INT64CONST(86400000)

/* A session that begins takes the counter for its first sighting. As a rule that tells as well that it is not behind. */
static void
meet_counter(ProjectionSession *session, const FeedReader *reader, const ProjectionRow *row)
{
	int64		head;
	int64		now;

	if (session->sightings.count > 0)
		return;
	head = lookup_counter(reader);
	now = http_now_ms();
	sightings_note(&session->sightings, row->gap_timeout_ms, now, head);
	if (head >= row->position)
		session->head_at = now;
}

static void
start_feed(ProjectionSession *session, FeedReader *reader, const ProjectionRow *row, int64 wanted, bool keeps)
{
	Client	   *client = tenure_client(reader->tenure);
	int64		now = client_time_ms(client);
	int64		ticks = http_now_ms();
	int64		stamps_ms = Max(row->gap_timeout_ms, HISTORY_MS);
	FeedSpec	spec = {
		.after = row->position,
		.upto = PG_INT64_MAX,
		.wanted = wanted,
		.rules = {
			.known_below = sightings_known_below(&session->sightings, row->gap_timeout_ms, ticks),
			.now = now,
			.stamped_before = now - stamps_ms,
			.old_before = now - Max(stamps_ms, GAP_OLD_MS),
			.listed_since = now - Max(stamps_ms, LATE_WINDOW_MS),
			.dense_above = reader->options.dense_since,
		},
		.checks_head = session->head_at == 0 || ticks - session->head_at >= FEED_HEAD_CHECK_MS,
		.max_parallel = reader->options.max_connections,
		.max_ranges = reader->options.scan_segments,
		.attributes = reader->attributes,
		.nattributes = reader->nattributes,
		.budget = budget_of_statement(),
		.kept = keeps ? &session->kept : NULL,
	};

	tenure_hold(reader->tenure, feed_start(client, &reader->options.names, &spec, &reader->usage), &feed_operation);
	reader->position = row->position;
}

/* The source's lock goes at once: nobody is to wait for it while the network is waited for. */
static FeedReader *
reader_new(ProjectionSession *session, MemoryContext parent, const ProjectionRow *row, const Handler *handler,
		   int64 wanted, bool keeps)
{
	MemoryContext context = AllocSetContextCreate(parent, "dynamodb_es feed", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	FeedReader *reader = palloc0(sizeof(FeedReader));
	Relation	relation;

	PG_TRY();
	{
		reader->context = context;
		reader->source = handler->source;
		reader->user = handler->owner;
		handler_check_rights(handler);
		relation = table_open(handler->source, AccessShareLock);
		reader->desc = CreateTupleDescCopy(RelationGetDescr(relation));
		reader->map = column_map_new(relation);
		table_close(relation, AccessShareLock);
		reader->options = options_of_table(handler->source);
		reader->map->replaces_unreadable = reader->options.replaces_unreadable;
		if (reader->options.replaces_unreadable)
			reader->map->replacements = replacements_new();
		reader->attributes = feed_scan_attributes(reader->map, &reader->nattributes);
		reader->tenure = tenure_new(context, connection_acquire(handler->owner, reader->options.server,
																task_owner(handler->source)));
		session_meet_store(session, reader);
		meet_counter(session, reader, row);
		start_feed(session, reader, row, wanted, keeps);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	return reader;
}

static HeapTuple
tuple_of_item(const FeedReader *reader, const cJSON *item)
{
	int			natts = reader->desc->natts;
	Datum	   *values = palloc0(sizeof(Datum) * Max(natts, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(natts, 1));

	columns_read(reader->map, reader->map->columns, reader->map->natts, item, values, nulls);
	return heap_form_tuple(reader->desc, values, nulls);
}

static char *
key_copied(char *before, const cJSON *item, const char *attribute)
{
	AttributeValue value = attribute_get(item, attribute);

	if (before != NULL)
		pfree(before);
	return value.type == ATTRIBUTE_S || value.type == ATTRIBUTE_N ? pnstrdup(value.text, value.length) : NULL;
}

/* The commit that the batch has come to. */
static void
note_key(Batch *batch, const cJSON *item, int64 id)
{
	batch->last_id = id;
	batch->last_aggregate_id = key_copied(batch->last_aggregate_id, item, COMMIT_AGGREGATE_ID);
	batch->last_version = key_copied(batch->last_version, item, COMMIT_VERSION);
}

static char *
shown(const char *key)
{
	return key != NULL ? encoding_for_message(key, strlen(key), MAX_NAMED_BYTES) : pstrdup("(none)");
}

static char *
last_described(const Batch *batch)
{
	return psprintf("commit " INT64_FORMAT " (aggregate \"%s\", version %s)", batch->last_id,
					shown(batch->last_aggregate_id), shown(batch->last_version));
}

char *
batch_described(const Batch *batch)
{
	return batch->count == 1 ? last_described(batch)
		: psprintf("commits " INT64_FORMAT " to " INT64_FORMAT, batch->ids[0], batch->last_id);
}

static void
add_row(Batch *batch, const cJSON *item, int64 id, Datum row)
{
	if (batch->count == batch->room)
	{
		/* It grows with the commits: `most` is often far from what there is. */
		batch->room *= 2;
		batch->ids = repalloc(batch->ids, sizeof(int64) * batch->room);
		batch->rows = repalloc(batch->rows, sizeof(Datum) * batch->room);
	}
	batch->ids[batch->count] = id;
	batch->rows[batch->count++] = row;
	note_key(batch, item, id);
}

/*
 * The item's row; NULL where it cannot be read and others come before it: these are a batch, and it is the first of the
 * next one. What raises the error leaves nothing behind but memory (column_read.c).
 */
static HeapTuple
try_item(Batch *batch, ProjectionSession *session, const FeedReader *reader, MemoryContext row_context,
		 const cJSON *item, int64 id)
{
	MemoryContext context = CurrentMemoryContext;
	HeapTuple volatile tuple = NULL;

	MemoryContextReset(row_context);
	MemoryContextSwitchTo(row_context);
	PG_TRY();
	{
		tuple = tuple_of_item(reader, item);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (batch->count == 0)
		{
			note_key(batch, item, id);
			session_note_failing(session, last_described(batch), true);
		}
		if (batch->count == 0 || ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return tuple;
}

/* What the feed has come to know, of ids that no batch before has reported; up to the last commit of the batch or to its own end. */
static void
take_report(Batch *batch, FeedReader *reader, bool is_cut)
{
	FeedReport *report = &batch->report;
	IdRange    *ranges;
	size_t		count = 0;

	feed_report(reader->tenure->operation, report);
	if (is_cut)
		report->complete_to = batch->count > batch->nlate ? batch->last_id : batch->after;
	ranges = palloc(sizeof(IdRange) * Max(report->npassed, 1));
	for (size_t i = 0; i < report->npassed; i++)
	{
		IdRange		range = report->passed[i];

		range.first = Max(range.first, batch->after + 1);
		if (range.first > range.last || range.first > report->complete_to)
			continue;
		ranges[count++] = range;
		batch->passed += range.last - range.first + 1;
	}
	batch->passed += report->passed_old - reader->passed_old;
	reader->passed_old = report->passed_old;
	report->passed = ranges;
	report->npassed = count;
	reader->position = report->complete_to;
}

/* That id, and so all below it, had been given out by now. */
static void
note_sighting(ProjectionSession *session, const ProjectionRow *row, const Batch *batch)
{
	if (batch->report.seen > batch->after)
		sightings_note(&session->sightings, row->gap_timeout_ms, http_now_ms(), batch->report.seen);
}

/* Commits as rows of a batch; the next one of each of its sources is added to it. */
typedef struct Filling
{
	Batch	   *batch;
	ProjectionSession *session;
	const FeedReader *reader;
	const ProjectionRow *row;
	MemoryContext row_context;
	int			most;
	bool		is_cut;			/* the last commit was not taken, and is the first of the next batch */
	List	   *late_keys;		/* LateKey */
} Filling;

static bool
is_full(const Filling *filling)
{
	return filling->batch->count >= filling->most || filling->batch->bytes >= MOST_BYTES || filling->is_cut;
}

static void
add_item(Filling *filling, const cJSON *item)
{
	Batch	   *batch = filling->batch;
	AttributeValue id = attribute_get(item, COMMIT_ID);
	HeapTuple	tuple;
	int64_t		number = 0;

	(void) attribute_to_int64(&id, &number);
	if (projection_skips(filling->row, number))
	{
		add_row(batch, item, number, (Datum) 0);
		return;
	}
	tuple = try_item(batch, filling->session, filling->reader, filling->row_context, item, number);
	filling->is_cut = tuple == NULL;
	if (filling->is_cut)
		return;
	add_row(batch, item, number, heap_copy_tuple_as_datum(tuple, batch->desc));
	batch->bytes += tuple->t_len;
}

static void
check_is_once(const Batch *batch, const FeedReader *reader)
{
	if (batch->count > 1 && batch->ids[batch->count - 1] == batch->ids[batch->count - 2])
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("commit id " INT64_FORMAT " of foreign table \"%s\" was given out twice",
							   batch->ids[batch->count - 1], reader->map->relation_name),
						errhint("dynamodb_es_check finds such commits.")));
}

/* A LateTaker. */
static bool
take_late(void *arg, const cJSON *item)
{
	Filling    *filling = arg;
	const Batch *batch = filling->batch;
	LateKey    *key;

	if (is_full(filling))
		return false;
	add_item(filling, item);
	if (filling->is_cut)
		return false;
	check_is_once(batch, filling->reader);
	if (batch->last_aggregate_id == NULL || batch->last_version == NULL)
		return true;
	key = palloc(sizeof(LateKey));
	*key = (LateKey) {
		.aggregate_id = pstrdup(batch->last_aggregate_id),.version = strtoll(batch->last_version, NULL, 10)
	};
	filling->late_keys = lappend(filling->late_keys, key);
	return true;
}

/* A higher version that is late itself, and in this batch, has not been applied yet. */
static void
fill_late(Filling *filling, const ProjectionRow *row)
{
	Batch	   *batch = filling->batch;
	ListCell   *cell;

	if (!row->late_is_due)
		return;
	late_look(row, filling->reader, take_late, filling, &batch->looks);
	batch->nlate = batch->count;
	foreach(cell, filling->late_keys)
		batch->out_of_order +=
			late_is_out_of_order(filling->reader, lfirst(cell), batch->after, batch->ids, batch->nlate);
}

/* Has the feed passed so many gaps since the batch began that it may come to list no more of them? */
static bool
has_many_gaps(const Batch *batch, FeedReader *reader)
{
	FeedReport	report;

	feed_report(reader->tenure->operation, &report);
	return report.npassed >= MOST_GAPS && report.passed[report.npassed - MOST_GAPS].first > batch->after;
}

/* false: the feed is at its end, or has handed out more than is in the batch: it is of no more use. */
static bool
fill(Filling *filling, FeedReader *reader)
{
	Batch	   *batch = filling->batch;
	const cJSON *item = NULL;
	bool		reader_goes_on;

	batch->more = true;
	while (!is_full(filling) && batch->more && !has_many_gaps(batch, reader))
	{
		item = feed_scan_next(reader->tenure, &reader->usage, reader->map->relation_name);
		batch->more = item != NULL;
		if (batch->more)
			add_item(filling, item);
	}
	take_report(batch, reader, filling->is_cut);
	reader_goes_on = batch->more && !filling->is_cut;
	batch->more = batch->more || batch->report.goes_on;
	return reader_goes_on;
}

Batch *
batch_read(ProjectionSession *session, const ProjectionRow *row, const Handler *handler, int most, bool keeps)
{
	Batch	   *batch = palloc0(sizeof(Batch));
	FeedReader *reader = session->reader;
	Filling		filling;
	bool		goes_on;

	session_begin_read(session);
	session->reader = NULL;
	if (reader != NULL &&
		(reader->source != handler->source || reader->user != handler->owner || reader->position != row->position))
	{
		MemoryContextDelete(reader->context);
		reader = NULL;
	}
	if (reader == NULL)
		reader = reader_new(session, keeps ? session->context : CurrentMemoryContext, row, handler,
							keeps ? 0 : most, keeps);
	if (keeps)
	{
		session->reader = reader;	/* an error on the way drops it with the session's */
		pace_listen(&session->pace, tenure_client(reader->tenure), &reader->options.names);
	}
	batch->context = CurrentMemoryContext;
	batch->source = handler->source;
	batch->after = row->position;
	batch->desc = CreateTupleDescCopy(reader->desc);
	batch->room = 64;
	batch->ids = palloc(sizeof(int64) * batch->room);
	batch->rows = palloc(sizeof(Datum) * batch->room);
	filling = (Filling) {.batch = batch, .session = session, .reader = reader, .row = row, .most = most};
	filling.row_context = AllocSetContextCreate(CurrentMemoryContext, "dynamodb_es row", ALLOCSET_DEFAULT_SIZES);
	same_store_check(session, row, reader);
	fill_late(&filling, row);
	goes_on = fill(&filling, reader);
	note_sighting(session, row, batch);
	if (batch->report.head_checked)
		session->head_at = http_now_ms();
	session_end_read(session);
	MemoryContextDelete(filling.row_context);
	if (reader->map->replacements != NULL)
		replacements_report(reader->map->replacements);
	if (!keeps)
		MemoryContextDelete(reader->context);
	else if (!goes_on)
		session_drop_reader(session);
	return batch;
}
