/*
 * follow.c: which projection is due, and how is waited for it?
 *
 * A turn is a short transaction that lists the projections, and one for each that is due (attempt.h).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "aws/http.h"
#include "postgres/projection/attempt.h"
#include "postgres/projection/chain.h"
#include "postgres/projection/follow.h"
#include "postgres/projection/guard.h"
#include "postgres/projection/rights.h"
#include "postgres/projection/row.h"
#include "postgres/projection/session.h"
#include "postgres/session/wait.h"
#include "postgres/session/wake.h"

/* Without a projection, one is looked for that often. */
#define IDLE_MS 10000

typedef struct Follow
{
	const FollowSpec *spec;
	MemoryContext context;		/* as long as it follows */
	MemoryContext turn;			/* reset at each turn */
	List	   *sessions;		/* ProjectionSession, of those that are followed */
} Follow;

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

static void
show_name(const char *name)
{
	if (strcmp(application_name, name) != 0)
		SetConfigOption("application_name", name, PGC_USERSET, PGC_S_SESSION);
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
	chain_next(follow->turn);
	foreach(cell, rows)
	{
		ProjectionSession *session = projection_session(((ProjectionRow *) lfirst(cell))->name);

		if (session_due_at(session) > http_now_ms())
			continue;
		if (follow->spec->shows_name)
			show_name(session->name);
		attempt_batch(follow->turn, session, lfirst(cell));
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
 * Outside of a transaction: transaction_timeout could end one that waits, and whoever watches the server would take it for
 * a long one. The next transaction begins in the memory context that the last one has left, because PostgreSQL 18 comes
 * back to it. It begins after an error, too: an error is there to end a transaction.
 */
static void
wait_for_next(Follow *follow)
{
	MemoryContext outside;

	chain_commit();
	outside = MemoryContextSwitchTo(follow->turn);
	PG_TRY();
	{
		wait_until_due(follow);
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(outside);
		chain_begin();
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
