/*
 * attempt.c: how is a batch tried, and what follows from its end?
 *
 * What fails is undone as a subtransaction, and recorded by the transaction around it, or by the next one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/resowner.h"

#include "aws/http.h"
#include "postgres/projection/apply.h"
#include "postgres/projection/attempt.h"
#include "postgres/projection/batch.h"
#include "postgres/projection/chain.h"
#include "postgres/projection/failure.h"
#include "postgres/projection/guard.h"
#include "postgres/projection/handler.h"

/* Far behind, batches are up to that many times as large. */
#define MOST_GROWTH 10

/* After a batch, while commits come in: the next one is to have some, too. */
#define COALESCE_MS 20

/* In a transaction of its own: under REPEATABLE READ the one that has failed does not see the row as it is. */
static void
fail(MemoryContext memory, ProjectionSession *session, const ErrorData *error)
{
	session_drop_reader(session);
	if (!failure_plan(session, error))
		return;
	chain_read_committed();
	failure_record(session, error);
	chain_next(memory);
}

/* What a batch that was applied, or an idle poll, says about the next one. */
static void
succeed(ProjectionSession *session, const ProjectionRow *row, const Batch *batch)
{
	int64		now = http_now_ms();

	session->failures = 0;
	session->error = 0;
	session->has_begun = true;
	if (session->limit > 0)
		session->limit = session->limit < row->batch_size / 2 ? session->limit * 2 : 0;
	session->growth = batch->more && session->limit == 0 ? Min(session->growth * 2, MOST_GROWTH) : 1;
	session->due_at = batch->more ? now : now + pace_next_ms(&session->pace, &batch->report, row->poll_interval_ms);
	session->not_before = batch->more || batch->count == 0 ? now : now + COALESCE_MS;
	if (session->target < 0 && !batch->more)
		session->target = batch->report.seen;
	session->is_at_end = session->target >= 0 && batch->report.complete_to >= session->target;
}

/* One batch of a projection; raises what stands in its way. */
static void
step(ProjectionSession *session, const ProjectionRow *row)
{
	Handler		handler;
	Batch	   *batch;
	Oid			user;
	int			context;
	int64		applied;

	session_note_failing(session, NULL, false);
	if (!handler_find(row->handler, &handler))
		handler_report_missing(row->handler, row->name);
	/* As the owner, who reads what is recorded of an error: he is told no more than he may know. */
	GetUserIdAndSecContext(&user, &context);
	if (user != handler.owner)
		SetUserIdAndSecContext(handler.owner, context | SECURITY_LOCAL_USERID_CHANGE);
	batch = batch_read(session, row, &handler, apply_batch_size(session, row), true);
	session->last_count = batch->count;
	if (apply_batch(session, row, &handler, batch, &applied) != APPLY_OVERTAKEN)
		succeed(session, row, batch);
	else
	{
		session_drop_reader(session);
		session->due_at = http_now_ms();
	}
	SetUserIdAndSecContext(user, context);
}

/* An error that is not a projection's: somebody wants this session to end. */
static bool
ends_session(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED;
}

/* The error that `step` has raised, of which nothing is left; NULL: none. */
static ErrorData *
try_step(MemoryContext memory, ProjectionSession *session, const ProjectionRow *row)
{
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		step(session, row);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
	return error;
}

/* Before a session's first batch, in a transaction of its own. */
static void
begin_first(MemoryContext memory, const ProjectionSession *session, ProjectionRow *row)
{
	chain_read_committed();
	guard_begin(session, row);
	chain_next(memory);
}

/* After it, unless the record has been taken back together with the batch. */
static void
end_first(MemoryContext memory, const ProjectionSession *session, bool was_applied)
{
	guard_forget();
	if (was_applied)
		return;
	chain_read_committed();
	projection_started(session->name);
	chain_next(memory);
}

void
attempt_batch(MemoryContext memory, ProjectionSession *session, ProjectionRow *row)
{
	bool		is_first = !session->has_begun;
	ErrorData  *error;

	if (is_first)
		begin_first(memory, session, row);
	error = try_step(memory, session, row);
	if (error == NULL)
		error = chain_try_next(memory); /* constraints may be deferred until the commit */
	else
		chain_next(memory);
	if (is_first)
		end_first(memory, session, error == NULL && session->has_begun);
	session->has_begun = true;
	if (error == NULL)
		return;
	if (ends_session(error))
		ReThrowError(error);
	fail(memory, session, error);
}
