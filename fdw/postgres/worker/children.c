/*
 * children.c: when is a worker started, and when again?
 *
 * PostgreSQL would restart it by itself, but only at one interval, and it would not stop one whose entry has gone. So it
 * is never restarted by PostgreSQL, which tells this process of its end instead. A pause begins with a second, and
 * doubles as long as workers end early.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/memutils.h"

#include "aws/http.h"
#include "postgres/worker/children.h"
#include "postgres/worker/entries.h"
#include "postgres/worker/obstacle.h"
#include "postgres/worker/worker.h"

#define SHORTEST_PAUSE_MS 1000
#define LONGEST_PAUSE_MS 60000

typedef struct Child
{
	WorkerEntry entry;
	bool		is_wanted;
	BackgroundWorkerHandle *handle; /* NULL: it is not running */
	int64		started_at;		/* ms of the monotonic clock, as the next */
	int64		next_start;
	int			pause_ms;		/* before the start after the next end */
	char	   *reported;		/* why it cannot be started, once that has been logged */
} Child;

static List *children = NIL;

static Child *
child_new(const WorkerEntry *entry)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	Child	   *child = palloc0(sizeof(Child));

	child->entry = *entry;
	children = lappend(children, child);
	MemoryContextSwitchTo(caller);
	return child;
}

static void
child_free(Child *child)
{
	children = list_delete_ptr(children, child);
	if (child->reported != NULL)
		pfree(child->reported);
	pfree(child);
}

static Child *
child_of(const WorkerEntry *entry)
{
	ListCell   *cell;

	foreach(cell, children)
		if (entries_are_equal(&((Child *) lfirst(cell))->entry, entry))
			return lfirst(cell);
	return NULL;
}

static void
child_want(const WorkerEntry *entry)
{
	Child	   *child = child_of(entry);

	if (child == NULL)
		child = child_new(entry);
	child->is_wanted = true;
	child->next_start = 0;
	child->pause_ms = SHORTEST_PAUSE_MS;
}

void
children_want(List *entries)
{
	ListCell   *cell;

	foreach(cell, children)
		((Child *) lfirst(cell))->is_wanted = false;
	foreach(cell, entries)
		child_want(lfirst(cell));
	foreach(cell, children)
	{
		const Child *child = lfirst(cell);

		if (!child->is_wanted && child->handle != NULL)
			TerminateBackgroundWorker(child->handle);
	}
}

static void
child_pause(Child *child)
{
	child->next_start = http_now_ms() + child->pause_ms;
	child->pause_ms = Min(child->pause_ms * 2, LONGEST_PAUSE_MS);
}

/* One that has run for long enough begins anew with the shortest pause. */
static void
child_notice_end(Child *child)
{
	pid_t		pid;

	if (child->handle == NULL || GetBackgroundWorkerPid(child->handle, &pid) != BGWH_STOPPED)
		return;
	pfree(child->handle);
	child->handle = NULL;
	if (http_now_ms() - child->started_at >= LONGEST_PAUSE_MS)
		child->pause_ms = SHORTEST_PAUSE_MS;
	child_pause(child);
}

/* true: this is news. */
static bool
child_is_reported(Child *child, const char *reason)
{
	if (child->reported != NULL && strcmp(child->reported, reason) == 0)
		return false;
	if (child->reported != NULL)
		pfree(child->reported);
	child->reported = MemoryContextStrdup(TopMemoryContext, reason);
	return true;
}

/* The slots of those who are no longer wanted are free in a moment. */
static bool
some_are_ending(void)
{
	ListCell   *cell;

	foreach(cell, children)
	{
		const Child *child = lfirst(cell);

		if (!child->is_wanted && child->handle != NULL)
			return true;
	}
	return false;
}

static bool
child_register(Child *child)
{
	BackgroundWorker worker;
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);	/* of the handle */
	bool		is_registered;

	worker_describe(&child->entry, &worker);
	is_registered = RegisterDynamicBackgroundWorker(&worker, &child->handle);
	MemoryContextSwitchTo(caller);
	return is_registered;
}

static void
child_start(Child *child)
{
	const char *role = NameStr(child->entry.role);
	const char *database = NameStr(child->entry.database);
	Obstacle	obstacle = obstacle_find(&child->entry);

	child->started_at = http_now_ms();
	if (obstacle.reason != NULL)
	{
		child->next_start = child->started_at + LONGEST_PAUSE_MS;
		if (child_is_reported(child, obstacle.reason))
			ereport(LOG,
					(errmsg("cannot start the worker of dynamodb_es for role \"%s\" in database \"%s\"", role, database),
					 errdetail_internal("The %s.", obstacle.reason),
					 errhint("%s", obstacle.hint)));
	}
	else if (!child_register(child))
	{
		child_pause(child);
		if (!some_are_ending() && child_is_reported(child, "no slot"))
			ereport(WARNING,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("cannot start the worker of dynamodb_es for role \"%s\" in database \"%s\"", role, database),
					 errdetail("No slot for background workers is free. It is tried again."),
					 errhint("Raise max_worker_processes.")));
	}
	else if (child->reported != NULL)
	{
		pfree(child->reported);
		child->reported = NULL;
	}
}

void
children_tend(void)
{
	List	   *all = list_copy(children);
	ListCell   *cell;

	foreach(cell, all)
	{
		Child	   *child = lfirst(cell);

		child_notice_end(child);
		if (child->handle != NULL)
			continue;
		if (!child->is_wanted)
			child_free(child);
		else if (child->next_start <= http_now_ms())
			child_start(child);
	}
	list_free(all);
}

int
children_next_start(void)
{
	int64		wait = -1;
	ListCell   *cell;

	foreach(cell, children)
	{
		const Child *child = lfirst(cell);
		int64		left = Max(child->next_start - http_now_ms(), 0);

		if (child->handle == NULL && (wait < 0 || left < wait))
			wait = left;
	}
	return (int) wait;
}

void
children_terminate(void)
{
	ListCell   *cell;

	foreach(cell, children)
	{
		const Child *child = lfirst(cell);

		if (child->handle != NULL)
			TerminateBackgroundWorker(child->handle);
	}
}
