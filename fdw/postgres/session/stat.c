/*
 * stat.c: what has the whole server sent to DynamoDB, and what did it cost?
 *
 * Two tables of a fixed size in one piece of memory. A key can be in the few places of its bucket only, so nobody searches for long.
 * Who adds to a row holds the lock shared and the row's spinlock for the addition; who makes, evicts or forgets rows holds the lock
 * alone, for no longer than it takes to look at a bucket, or to clear the tables.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "postgres/core/compat.h"
#include "postgres/session/stat.h"

#define NAME "dynamodb_es stat " DYNAMODB_ES_VERSION	/* what another version has made may look otherwise */
#define WAYS 8					/* places of a bucket */
#define OPERATION_BUCKETS 128
#define STATEMENT_BUCKETS 256
#define PLACES (WAYS * (OPERATION_BUCKETS + STATEMENT_BUCKETS))

typedef struct Place
{
	slock_t		mutex;			/* of all below */
	bool		in_use;			/* changes under the lock only */
	TimestampTz used;			/* when it was last counted in */
	StatRow		row;
} Place;

typedef struct StatMemory
{
	LWLock		lock;
	int			tranche;		/* the lock's */
	Place		others[STAT_TABLES];
	Place		places[PLACES];
} StatMemory;

typedef struct TableLayout
{
	int			first;			/* of its places */
	int			buckets;
} TableLayout;

static const TableLayout layouts[STAT_TABLES] = {
	[STAT_OPERATIONS] = {.first = 0, .buckets = OPERATION_BUCKETS},
	[STAT_STATEMENTS] = {.first = WAYS * OPERATION_BUCKETS, .buckets = STATEMENT_BUCKETS},
};

static StatMemory *memory = NULL;
static shmem_request_hook_type request_before = NULL;
static shmem_startup_hook_type startup_before = NULL;

static void
place_init(Place *place)
{
	SpinLockInit(&place->mutex);
	place->in_use = false;
}

static void
memory_init(void *start)
{
	StatMemory *fresh = start;

	memset(fresh, 0, sizeof(StatMemory));
	fresh->tranche = LWLockNewTrancheId();
	LWLockInitialize(&fresh->lock, fresh->tranche);
	for (int i = 0; i < STAT_TABLES; i++)
		place_init(&fresh->others[i]);
	for (int i = 0; i < PLACES; i++)
		place_init(&fresh->places[i]);
}

static void
request_memory(void)
{
	if (request_before != NULL)
		request_before();
	RequestAddinShmemSpace(MAXALIGN(sizeof(StatMemory)));
}

static void
set_up_memory(void)
{
	bool		found;

	if (startup_before != NULL)
		startup_before();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct(NAME, sizeof(StatMemory), &found);
	if (!found)
		memory_init(memory);
	LWLockRelease(AddinShmemInitLock);
	LWLockRegisterTranche(memory->tranche, NAME);
}

void
stat_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	request_before = shmem_request_hook;
	shmem_request_hook = request_memory;
	startup_before = shmem_startup_hook;
	shmem_startup_hook = set_up_memory;
}

bool
stat_attach(void)
{
	if (memory != NULL)
		return true;
	memory = compat_shared_segment(NAME, sizeof(StatMemory), memory_init);
	if (memory != NULL)
		LWLockRegisterTranche(memory->tranche, NAME);
	return memory != NULL;
}

static Place *
bucket_of(StatTable table, const StatKey *key)
{
	uint32		hash = hash_bytes((const unsigned char *) key, sizeof(StatKey));

	return &memory->places[layouts[table].first + WAYS * (hash % layouts[table].buckets)];
}

static Place *
place_find(Place *bucket, const StatKey *key)
{
	for (int i = 0; i < WAYS; i++)
		if (bucket[i].in_use && memcmp(&bucket[i].row.key, key, sizeof(StatKey)) == 0)
			return &bucket[i];
	return NULL;
}

static void
place_add(Place *place, const StatRow *part, TimestampTz now)
{
	SpinLockAcquire(&place->mutex);
	usage_add(&place->row.usage, &part->usage);
	place->row.executions += part->executions;
	place->row.server_name = part->server_name;
	place->used = now;
	SpinLockRelease(&place->mutex);
}

static void
place_begin(Place *place, const StatKey *key, TimestampTz since)
{
	place->row = (StatRow) {.key = *key, .since = since};
	place->in_use = true;
}

/* All that follow hold the lock alone. */
static void
place_evict(Place *place, Place *others, TimestampTz now)
{
	static const StatKey no_key = {0};

	if (!others->in_use)
		place_begin(others, &no_key, place->row.since);
	others->row.since = Min(others->row.since, place->row.since);
	memset(&place->row.server_name, 0, sizeof(NameData));
	place_add(others, &place->row, now);
	place->in_use = false;
}

/* A free one of the bucket, or that of the row which was not counted in for the longest time. */
static Place *
place_make(StatTable table, Place *bucket, const StatKey *key, TimestampTz now)
{
	Place	   *place = bucket;

	for (int i = 0; i < WAYS && place->in_use; i++)
		if (!bucket[i].in_use || bucket[i].used < place->used)
			place = &bucket[i];
	if (place->in_use)
		place_evict(place, &memory->others[table], now);
	place_begin(place, key, now);
	return place;
}

void
stat_add(StatTable table, const StatRow *part)
{
	TimestampTz now;
	Place	   *bucket;
	Place	   *place;

	if (memory == NULL)
		return;
	now = GetCurrentTimestamp();
	bucket = bucket_of(table, &part->key);
	LWLockAcquire(&memory->lock, LW_SHARED);
	place = place_find(bucket, &part->key);
	if (place == NULL)
	{
		LWLockRelease(&memory->lock);
		LWLockAcquire(&memory->lock, LW_EXCLUSIVE);
		place = place_find(bucket, &part->key);
		if (place == NULL)
			place = place_make(table, bucket, &part->key, now);
	}
	place_add(place, part, now);
	LWLockRelease(&memory->lock);
}

static int
place_copy(Place *place, StatRow *row)
{
	if (!place->in_use)
		return 0;
	SpinLockAcquire(&place->mutex);
	*row = place->row;
	SpinLockRelease(&place->mutex);
	return 1;
}

StatRow *
stat_read(StatTable table, int *count)
{
	int			places = WAYS * layouts[table].buckets;
	StatRow    *rows = palloc(sizeof(StatRow) * (places + 1));
	int			nrows = 0;

	LWLockAcquire(&memory->lock, LW_SHARED);
	for (int i = 0; i < places; i++)
		nrows += place_copy(&memory->places[layouts[table].first + i], &rows[nrows]);
	nrows += place_copy(&memory->others[table], &rows[nrows]);
	LWLockRelease(&memory->lock);
	*count = nrows;
	return rows;
}

void
stat_reset(void)
{
	LWLockAcquire(&memory->lock, LW_EXCLUSIVE);
	for (int i = 0; i < STAT_TABLES; i++)
		memory->others[i].in_use = false;
	for (int i = 0; i < PLACES; i++)
		memory->places[i].in_use = false;
	LWLockRelease(&memory->lock);
}
