/*
 * session.c: which projections has this backend worked on?
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "postgres/projection/session.h"

/* Of what waits above a gap, bytes: less is read again, which costs little; and no more is kept. */
#define LEAST_KEPT (64 * 1024)
#define MOST_KEPT (8 * 1024 * 1024)

static List *sessions = NIL;

ProjectionSession *
projection_session(const char *name)
{
	ProjectionSession *session;
	MemoryContext caller;
	ListCell   *cell;

	foreach(cell, sessions)
	{
		session = lfirst(cell);
		if (strcmp(session->name, name) == 0)
			return session;
	}
	caller = MemoryContextSwitchTo(TopMemoryContext);
	session = palloc0(sizeof(ProjectionSession));
	session->context = AllocSetContextCreate(TopMemoryContext, "dynamodb_es projection", ALLOCSET_SMALL_SIZES);
	session->name = MemoryContextStrdup(session->context, name);
	session->growth = 1;
	session->target = -1;
	session->kept.least_bytes = LEAST_KEPT;
	session->kept.most_bytes = MOST_KEPT;
	sessions = lappend(sessions, session);
	MemoryContextSwitchTo(caller);
	return session;
}

int64
session_due_at(const ProjectionSession *session)
{
	return Max(session->due_at, session->not_before);
}

void
session_meet_store(ProjectionSession *session, const FeedReader *reader)
{
	const Client *client = tenure_client(reader->tenure);
	const StoreNames *names = &reader->options.names;
	StringInfoData description;
	char	   *store;

	initStringInfo(&description);
	appendStringInfo(&description, "%u %s %s %s %s %s %s", reader->user, client_endpoint(client), client_region(client),
					 names->commit_table, names->commit_index, names->counter_table, names->counter);
	for (int i = 0; i < reader->nattributes; i++)
		appendStringInfo(&description, " %s", reader->attributes[i]);
	store = description.data;
	if (session->store != NULL && strcmp(session->store, store) == 0)
		return;
	if (session->store != NULL)
		pfree(session->store);
	session->store = MemoryContextStrdup(session->context, store);
	session->sightings = (Sightings) {0};
	kept_clear(&session->kept);
	session->checked_at = 0;
	session->head_at = 0;
}

void
session_note_failing(ProjectionSession *session, const char *what, bool alone)
{
	if (session->failing != NULL)
		pfree(session->failing);
	session->failing = what != NULL ? MemoryContextStrdup(session->context, what) : NULL;
	session->fails_alone = alone;
}

void
session_begin_read(ProjectionSession *session)
{
	if (session->is_reading)
		session->checked_at = session->head_at = 0;
	session->is_reading = true;
}

void
session_end_read(ProjectionSession *session)
{
	session->is_reading = false;
}

void
session_drop_reader(ProjectionSession *session)
{
	FeedReader *reader = session->reader;

	session->reader = NULL;
	if (reader != NULL)
		MemoryContextDelete(reader->context);
}

void
projection_session_forget(ProjectionSession *session)
{
	session_drop_reader(session);
	kept_clear(&session->kept);
	sessions = list_delete_ptr(sessions, session);
	MemoryContextDelete(session->context);
	pfree(session);
}
