/*
 * apply.c: is a batch still the next one, and what does its handler make of it?
 *
 * The row's lock comes after the network and before the handler: whoever has it may compare and move the position. The
 * handler's snapshot is taken under it, so that it sees what the batches before have written.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "postgres/core/encoding.h"
#include "postgres/projection/apply.h"

int
apply_batch_size(const ProjectionSession *session, const ProjectionRow *row)
{
	int64		size = (int64) row->batch_size * session->growth;

	return session->limit > 0 ? Min(session->limit, row->batch_size) : (int) Min(size, PG_INT32_MAX / 2);
}

static bool
columns_are_equal(TupleDesc before, TupleDesc now)
{
	if (before->natts != now->natts || before->tdtypeid != now->tdtypeid)
		return false;
	for (int i = 0; i < now->natts; i++)
		if (TupleDescAttr(before, i)->atttypid != TupleDescAttr(now, i)->atttypid ||
			TupleDescAttr(before, i)->attisdropped != TupleDescAttr(now, i)->attisdropped)
			return false;
	return true;
}

/* Whoever has changed the source's columns since has changed what a row is. */
static bool
source_is_unchanged(const Batch *batch)
{
	Relation	relation = try_relation_open(batch->source, AccessShareLock);
	bool		is_equal;

	if (relation == NULL)
		return false;
	is_equal = columns_are_equal(batch->desc, RelationGetDescr(relation));
	relation_close(relation, NoLock);
	return is_equal;
}

static bool
handler_is_unchanged(const ProjectionRow *locked, const Handler *handler)
{
	Handler		now;

	return handler_find(locked->handler, &now) && now.function == handler->function && now.owner == handler->owner &&
		now.source == handler->source && now.row_type == handler->row_type;
}

/* What was to be skipped was not read; by now it may be that it is not to be skipped. */
static bool
has_all_rows(const ProjectionRow *locked, const Batch *batch)
{
	for (int i = 0; i < batch->count; i++)
		if (batch->rows[i] == (Datum) 0 && !projection_skips(locked, batch->ids[i]))
			return false;
	return true;
}

static bool
is_next(const ProjectionRow *locked, const Handler *handler, const Batch *batch)
{
	return locked != NULL && locked->position == batch->after && locked->enabled &&
		handler_is_unchanged(locked, handler) && source_is_unchanged(batch) && has_all_rows(locked, batch);
}

/* The rows as an array, without those that are skipped. */
static Datum
array_of_batch(const ProjectionRow *row, const Handler *handler, const Batch *batch, int64 *count)
{
	Datum	   *rows = palloc(sizeof(Datum) * Max(batch->count, 1));

	*count = 0;
	for (int i = 0; i < batch->count; i++)
		if (!projection_skips(row, batch->ids[i]))
			rows[(*count)++] = batch->rows[i];
	return PointerGetDatum(construct_array(rows, (int) *count, handler->row_type, -1, false, TYPALIGN_DOUBLE));
}

static void
call_handler(ProjectionSession *session, const Handler *handler, const Batch *batch, Datum array)
{
	MemoryContext context = CurrentMemoryContext;

	session->is_busy = true;
	PG_TRY();
	{
		CommandCounterIncrement();
		PushActiveSnapshot(GetTransactionSnapshot());
		handler_call(handler, array);
		PopActiveSnapshot();
		CommandCounterIncrement();
		session->is_busy = false;
	}
	PG_CATCH();
	{
		session->is_busy = false;
		MemoryContextSwitchTo(context);
		session_note_failing(session, batch_described(batch), batch->count == 1);
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
}

static char *
text_of_key(const char *key)
{
	bool		lost = true;
	char	   *string = key != NULL ? encoding_replace(key, &lost) : NULL;

	return lost ? NULL : string;
}

static void
move(const ProjectionRow *row, const Batch *batch, int64 applied)
{
	ProjectionMove move = {
		.from = batch->after,
		.position = batch->report.complete_to,
		.seen = batch->report.seen,
		.waiting_for = batch->report.waiting_for,
		.applied = applied,
		.passed = batch->passed,
		.passed_ranges = batch->report.passed,
		.npassed_ranges = batch->report.npassed,
		.late = batch->nlate,
		.out_of_order = batch->out_of_order,
		.looks = batch->looks,
	};

	if (batch->count > batch->nlate)
	{
		move.last_commit_id = batch->last_id;
		move.last_aggregate_id = text_of_key(batch->last_aggregate_id);
		move.last_version = batch->last_version != NULL ? strtoll(batch->last_version, NULL, 10) : 0;
	}
	projection_move(row, &move);
}

/* A poll that has found nothing writes nothing, unless the row says something else. */
static bool
has_news(const ProjectionRow *row, const Batch *batch)
{
	const IdRange *waiting_for = &batch->report.waiting_for;

	if (waiting_for->first != 0 && batch->report.seen > row->seen)
		return true;			/* it is farther behind */
	return batch->report.complete_to > batch->after || batch->looks.last > 0 || row->has_error || row->started_at != 0 ||
		waiting_for->first != row->waiting_for.first || waiting_for->last != row->waiting_for.last;
}

static void
tell_batch(void *arg)
{
	const Batch *batch = arg;

	if (batch->count > 0)
		errcontext("projection's %s", batch_described(batch));
}

ApplyResult
apply_batch(ProjectionSession *session, const ProjectionRow *row, const Handler *handler, const Batch *batch,
			int64 *applied)
{
	ErrorContextCallback context = {
	.previous = error_context_stack,.callback = tell_batch,.arg = unconstify(Batch *, batch)};
	ProjectionRow *locked;
	Datum		array;

	*applied = 0;
	if (!has_news(row, batch))
		return APPLY_UNCHANGED;
	locked = projection_lock(row->name);
	if (!is_next(locked, handler, batch))
		return APPLY_OVERTAKEN;
	if (batch->nlate > 0 && !passed_settle(row->name, batch->ids, batch->nlate, "late"))
		return APPLY_OVERTAKEN;
	array = array_of_batch(locked, handler, batch, applied);
	error_context_stack = &context;
	if (*applied > 0)
		call_handler(session, handler, batch, array);
	error_context_stack = context.previous;
	move(locked, batch, *applied);
	return APPLY_DONE;
}
