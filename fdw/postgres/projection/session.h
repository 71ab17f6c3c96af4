/*
 * session: what a backend remembers of a projection from one batch to the next. It is part of no transaction, and
 * only saves work: a session that starts anew waits a little longer, or reads a little more.
 */
#ifndef DYNAMODB_ES_PROJECTION_SESSION_H
#define DYNAMODB_ES_PROJECTION_SESSION_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "postgres/projection/pace.h"
#include "postgres/session/tenure.h"
#include "postgres/table/options.h"
#include "postgres/table/relation.h"
#include "store/kept.h"
#include "store/sightings.h"

/* A feed that is read, and what its items become. */
typedef struct FeedReader
{
	MemoryContext context;		/* of all below; deleted by reader_drop */
	Tenure	   *tenure;
	Oid			source;
	Oid			user;			/* by whose mapping it reads */
	TableOptions options;
	TupleDesc	desc;
	ColumnMap  *map;
	const char **attributes;
	int			nattributes;
	int64		position;		/* up to it all has been handed out */
	int64		passed_old;		/* of the report's, as many have been handed out */
	Usage		usage;
} FeedReader;

typedef struct ProjectionSession
{
	char	   *name;
	MemoryContext context;		/* of all that is remembered */
	FeedReader *reader;			/* NULL: the next batch begins a feed */
	bool		is_busy;		/* a batch is being applied: its handler must not begin another */
	int			limit;			/* commits in the next batch, after an error; 0: no limit */
	int			growth;			/* batches are that many times as large, while far behind */
	int			last_count;		/* commits that the last batch had */
	int			failures;		/* one after the other */
	char	   *failing;		/* what the error was about that has just been raised; NULL: no commit */
	bool		fails_alone;	/* it was one commit */
	Pace		pace;			/* when it is due, if there is nothing new */
	int64		due_at;			/* http_now_ms; when the next batch is due */
	int64		not_before;		/* likewise: it is not begun earlier, so that batches of a busy store have some
								 * commits each */
	int64		target;			/* until_caught_up: to where; -1: not known yet */
	bool		is_at_end;		/* it has come there, or does not come there */
	int			error;			/* SQLSTATE of the last one, while it stands */
	bool		has_begun;		/* its first batch since this backend follows is done */
	char	   *store;			/* which one the following is about; NULL: it is about none yet */
	Sightings	sightings;		/* of ids given out */
	Kept		kept;			/* commits above a gap that is waited for */
	bool		is_reading;		/* between session_begin_read and session_end_read */
	int64		checked_at;		/* http_now_ms; when the store was last known to be the same; 0: never */
	int64		head_at;		/* likewise; when the counter was last known to be at the position, at least */
} ProjectionSession;

/* The one of this backend, made at its first use. */
extern ProjectionSession *projection_session(const char *name);

/* When the next batch is due, by both. */
extern int64 session_due_at(const ProjectionSession *session);

/* Forgets all about a projection. */
extern void projection_session_forget(ProjectionSession *session);

/* What is remembered of another store, or of the same one as others see it, or by other columns, is forgotten. */
extern void session_meet_store(ProjectionSession *session, const FeedReader *reader);

/* An error that is on its way is about this; NULL: forgets it. */
extern void session_note_failing(ProjectionSession *session, const char *what, bool alone);

/*
 * A read begins, and is at its end. One that did not come to its end has failed: as where the store was deleted, to be made
 * again. So what was known of it is looked at anew.
 */
extern void session_begin_read(ProjectionSession *session);
extern void session_end_read(ProjectionSession *session);

/* Gives up the feed that is read, if there is one. */
extern void session_drop_reader(ProjectionSession *session);

#endif
