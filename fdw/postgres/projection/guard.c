/*
 * guard.c: is somebody else at work on a projection, and what if the last one has crashed?
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "utils/timestamp.h"

#include "postgres/projection/guard.h"

/* Of advisory locks; users' own have 1 and 2, dense stores 3. The view dynamodb_es_projections looks for it. */
#define LOCK_CLASS 4

/* After a session that has ended in its first batch: 10 s, 20 s, 40 s …, up to 5 min. */
#define FIRST_PAUSE_MS 10000
#define LONGEST_PAUSE_MS 300000

static LOCKTAG
lock_of_projection(const char *name)
{
	uint64		hash = DatumGetUInt64(hash_any_extended((const unsigned char *) name, strlen(name), 0));
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (hash >> 32), (uint32) hash, LOCK_CLASS);
	return tag;
}

void
guard_mark(const char *name)
{
	LOCKTAG		tag = lock_of_projection(name);

	(void) LockAcquire(&tag, ShareLock, true, false);
}

void
guard_unmark(const char *name)
{
	LOCKTAG		tag = lock_of_projection(name);

	LockRelease(&tag, ShareLock, true);
}

static bool
others_follow(const char *name)
{
	LOCKTAG		tag = lock_of_projection(name);

	if (LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, ExclusiveLock, true);
	return false;
}

int64
guard_pause_ms(const ProjectionRow *row)
{
	int64		pause_ms = Min((int64) FIRST_PAUSE_MS << Min(Max(row->starts - 1, 0), 10), LONGEST_PAUSE_MS);
	int64		left_ms = pause_ms - TimestampDifferenceMilliseconds(row->started_at, GetCurrentTimestamp());

	if (row->started_at == 0 || left_ms <= 0 || others_follow(row->name))
		return 0;
	ereport(WARNING,
			(errmsg("the last session that began with projection \"%s\" has ended in its first batch", row->name),
			 errhint("It is begun again in %d s. Until then it can be disabled with dynamodb_es_alter_projection.",
					 (int) (left_ms / 1000))));
	return left_ms;
}

/* The projection whose first batch is under way; NULL: none. */
static const char *guarded = NULL;

/* The guard's record, which is to be taken back however this backend ends, save by a crash. */
static void
guard_end_at_exit(int code, Datum argument)
{
	if (guarded == NULL)
		return;
	AbortOutOfAnyTransaction();
	StartTransactionCommand();
	projection_started(guarded);
	CommitTransactionCommand();
}

void
guard_begin(const ProjectionSession *session, ProjectionRow *row)
{
	static bool ends_at_exit = false;

	/* Once for all: none can be taken back before those that a handler brings about, for its temporary tables or so. */
	if (!ends_at_exit)
		before_shmem_exit(guard_end_at_exit, (Datum) 0);
	ends_at_exit = true;
	projection_start(row->name);
	row->started_at = GetCurrentTimestamp();
	guarded = session->name;
}

void
guard_forget(void)
{
	guarded = NULL;
}
