/*
 * follow.c: which projection is due, and what if its batch fails?
 *
 * A turn is a short transaction that lists the projections, and one for each that is due. What fails is undone as a
 * subtransaction, and recorded by the transaction around it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "aws/http.h"
#include "postgres/projection/apply.h"
#include "postgres/projection/batch.h"
#include "postgres/projection/failure.h"
#include "postgres/projection/follow.h"
#include "postgres/projection/guard.h"
#include "postgres/projection/handler.h"
#include "postgres/projection/rights.h"
#include "postgres/projection/row.h"
#include "postgres/projection/session.h"
#include "postgres/session/wait.h"
#include "postgres/session/wake.h"

/* Far behind, batches are up to that many times as large. */
#define MOST_GROWTH 10

/* After a batch, while commits come in: the next one is to have some, too. */
#define COALESCE_MS 20

/* Without a projection, one is looked for that often. */
#define IDLE_MS 10000

typedef struct Follow
{
	const FollowSpec *spec;
	MemoryContext context;		/* as long as it follows */
	MemoryContext turn;			/* reset at each turn */
	List	   *sessions;		/* ProjectionSession, of those that are followed */
} Follow;

static void
begin_next(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
}

/* What runs SQL on the way may have taken the CALL's own snapshot anew, which no transaction may leave behind. */
static void
commit_transaction(void)
{
	if (ActiveSnapshotSet())
		ForgetPortalSnapshots();
	CommitTransactionCommand();
}

/* Between two transactions: statistics are counted only there. */
static void
commit(Follow *follow)
{
	commit_transaction();
	pgstat_report_stat(false);
	begin_next();
	MemoryContextSwitchTo(follow->turn);
}

/*
 * What the follower itself writes is no matter of the session's isolation level: it may wait for whoever has the row, and
 * then goes on. To be called before a transaction's first snapshot.
 */
static void
begin_own_work(void)
{
	XactIsoLevel = XACT_READ_COMMITTED;
}

static bool
is_ours(const Follow *follow, const ProjectionRow *row)
{
	if (follow->spec->name != NULL)
		return strcmp(row->name, follow->spec->name) == 0 && projection_is_usable(row);
	return projection_owner(row) == GetUserId();
}

static bool
row_is_of(const List *rows, const ProjectionSession *session)
{
	ListCell   *cell;

	foreach(cell, rows)
	{
		const ProjectionRow *row = lfirst(cell);

		if (strcmp(row->name, session->name) == 0)
			return true;
	}
	return false;
}

/* Somebody may have made it shorter; or have changed what stood in the way. */
static void
heed_changes(ProjectionSession *session, const ProjectionRow *row)
{
	if (session->has_begun && session->failures == 0)
		session->due_at = Min(session->due_at, http_now_ms() + row->poll_interval_ms);
	if (session->error != 0 && row->next_try == 0)
		session->due_at = http_now_ms();
}

/* The session of a projection that was not followed before. */
static ProjectionSession *
take_up(Follow *follow, const ProjectionRow *row)
{
	ProjectionSession *session = projection_session(row->name);
	MemoryContext caller;

	if (list_member_ptr(follow->sessions, session))
	{
		heed_changes(session, row);
		return session;
	}
	caller = MemoryContextSwitchTo(follow->context);
	follow->sessions = lappend(follow->sessions, session);
	MemoryContextSwitchTo(caller);
	session->due_at = http_now_ms() + guard_pause_ms(row);
	guard_mark(row->name);
	session->has_begun = false;
	session->failures = session->limit = session->error = 0;
	session->growth = 1;
	session->target = -1;
	session->is_at_end = false;
	return session;
}

static void
let_go(Follow *follow, ProjectionSession *session)
{
	follow->sessions = list_delete_ptr(follow->sessions, session);
	guard_unmark(session->name);
	session_drop_reader(session);
	kept_clear(&session->kept);
}

/* The rows that are to be followed, in the turn's memory. The one that was named must be there. */
static List *
rows_followed(Follow *follow)
{
	List	   *ours = NIL;
	ListCell   *cell;
	int			number = 0;

	foreach(cell, projection_list())
	{
		ProjectionRow *row = lfirst(cell);

		if (is_ours(follow, row) && number++ % follow->spec->parts == follow->spec->part && row->enabled)
			ours = lappend(ours, row);
	}
	if (follow->spec->name != NULL && ours == NIL)
		projection_check_enabled(projection_get(follow->spec->name));
	foreach(cell, list_copy(follow->sessions))
	{
		ProjectionSession *session = lfirst(cell);

		if (row_is_of(ours, session))
			continue;
		let_go(follow, session);
		projection_session_forget(session);
	}
	return ours;
}

/* In a transaction of its own: under REPEATABLE READ the one that has failed does not see the row as it is. */
static void
fail(Follow *follow, ProjectionSession *session, const ErrorData *error)
{
	session_drop_reader(session);
	if (!failure_plan(session, error))
		return;
	begin_own_work();
	failure_record(session, error);
	commit(follow);
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
try_step(Follow *follow, ProjectionSession *session, const ProjectionRow *row)
{
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(follow->turn);
	PG_TRY();
	{
		step(session, row);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(follow->turn);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(follow->turn);
	CurrentResourceOwner = owner;
	return error;
}

/* Likewise of the commit: constraints may be deferred until then. */
static ErrorData *
try_commit(Follow *follow)
{
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		commit_transaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(follow->turn);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	pgstat_report_stat(false);
	begin_next();
	MemoryContextSwitchTo(follow->turn);
	return error;
}

/* Before a session's first batch, in a transaction of its own. */
static void
begin_first(Follow *follow, const ProjectionSession *session, ProjectionRow *row)
{
	begin_own_work();
	guard_begin(session, row);
	commit(follow);
}

/* After it, unless the record has been taken back together with the batch. */
static void
end_first(Follow *follow, const ProjectionSession *session, bool was_applied)
{
	guard_forget();
	if (was_applied)
		return;
	begin_own_work();
	projection_started(session->name);
	commit(follow);
}

static void
show_name(const char *name)
{
	if (strcmp(application_name, name) != 0)
		SetConfigOption("application_name", name, PGC_USERSET, PGC_S_SESSION);
}

static void
take_turn(Follow *follow, ProjectionSession *session, ProjectionRow *row)
{
	bool		is_first = !session->has_begun;
	ErrorData  *error;

	if (follow->spec->shows_name)
		show_name(row->name);
	if (is_first)
		begin_first(follow, session, row);
	error = try_step(follow, session, row);
	if (error == NULL)
		error = try_commit(follow);
	else
		commit(follow);
	if (is_first)
		end_first(follow, session, error == NULL && session->has_begun);
	session->has_begun = true;
	if (error == NULL)
		return;
	if (ends_session(error))
		ReThrowError(error);
	fail(follow, session, error);
}

static bool
all_are_at_end(const Follow *follow)
{
	ListCell   *cell;

	foreach(cell, follow->sessions)
	{
		const ProjectionSession *session = lfirst(cell);

		if (!session->is_at_end)
			return false;
	}
	return true;
}

static void
report_not_caught_up(const Follow *follow)
{
	ListCell   *cell;

	foreach(cell, follow->sessions)
	{
		const ProjectionSession *session = lfirst(cell);

		if (session->error != 0)
			ereport(ERROR, (errcode(session->error), errmsg("projection \"%s\" has not caught up", session->name),
							errhint("The view dynamodb_es_projections shows why.")));
	}
}

static int64
next_due_at(const Follow *follow)
{
	int64		due_at = http_now_ms() + IDLE_MS;
	ListCell   *cell;

	foreach(cell, follow->sessions)
		due_at = Min(due_at, session_due_at(lfirst(cell)));
	return due_at;
}

/* Each projection that is due has its batch. */
static void
turn(Follow *follow)
{
	List	   *rows;
	ListCell   *cell;

	MemoryContextReset(follow->turn);
	MemoryContextSwitchTo(follow->turn);
	rows = rows_followed(follow);
	foreach(cell, rows)
		(void) take_up(follow, lfirst(cell));
	commit(follow);
	foreach(cell, rows)
	{
		ProjectionSession *session = projection_session(((ProjectionRow *) lfirst(cell))->name);

		if (session_due_at(session) <= http_now_ms())
			take_turn(follow, session, lfirst(cell));
	}
}

/* What was appended on this server is of concern to those who follow that store. */
static void
hear(Follow *follow)
{
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, follow->sessions)
	{
		const ProjectionSession *listening = lfirst(cell);
		IdRange		ids;

		if (!wake_heard(listening->pace.store, &ids))
			continue;
		foreach(other, follow->sessions)
		{
			ProjectionSession *session = lfirst(other);

			if (session->pace.store == listening->pace.store && session->failures == 0
				&& pace_wake(&session->pace, &ids))
				session->due_at = http_now_ms();
		}
	}
}

/* A session that follows may be years old. */
static void
reload_settings(void)
{
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
}

/* At the latest until it is time to look for new projections, as it is after a reload. */
static void
wait_until_due(Follow *follow)
{
	int64		due_at = next_due_at(follow);

	for (;;)
	{
		int64		now = http_now_ms();

		hear(follow);
		due_at = Min(due_at, next_due_at(follow));
		if (now >= due_at || ConfigReloadPending)
			break;
		wait_for_time(due_at - now);
	}
	if (ConfigReloadPending)
		reload_settings();
}

/*
 * Outside of a transaction: one that waits may be ended by transaction_timeout, and looks like a long one to whoever
 * watches the server. The next one begins in the memory context that the last one has left, since PostgreSQL 18 comes
 * back to it; and also after an error, which ends it as any other.
 */
static void
wait_for_next(Follow *follow)
{
	MemoryContext outside;

	commit_transaction();
	outside = MemoryContextSwitchTo(follow->turn);
	PG_TRY();
	{
		wait_until_due(follow);
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(outside);
		begin_next();
		MemoryContextSwitchTo(follow->turn);
	}
	PG_END_TRY();
}

static void
follow_on(Follow *follow)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (follow->spec->goes_on != NULL && !follow->spec->goes_on())
			return;
		turn(follow);
		if (follow->spec->until_caught_up && all_are_at_end(follow))
		{
			report_not_caught_up(follow);
			return;
		}
		wait_for_next(follow);
	}
}

void
follow_projections(const FollowSpec *spec)
{
	MemoryContext caller = CurrentMemoryContext;
	Follow		follow = {.spec = spec};

	follow.context = AllocSetContextCreate(caller, "dynamodb_es follow", ALLOCSET_DEFAULT_SIZES);
	follow.turn = AllocSetContextCreate(follow.context, "dynamodb_es turn", ALLOCSET_DEFAULT_SIZES);
	PG_TRY();
	{
		follow_on(&follow);
	}
	PG_FINALLY();
	{
		wake_ignore();
		while (follow.sessions != NIL)
			let_go(&follow, linitial(follow.sessions));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(follow.context);
}
