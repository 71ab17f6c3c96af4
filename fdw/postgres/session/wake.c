/*
 * wake.c: who is to be told that something was stored?
 *
 * A place in shared memory for each backend and store that is listened for. Who appends looks through them all, under a
 * lock that appenders share; where nobody listens, they look at one number.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "postgres/session/wake.h"

#define NAME "dynamodb_es wake"
#define MOST_LISTENERS 512
#define NOTHING PG_UINT64_MAX

typedef struct Listener
{
	Latch	   *latch;			/* in shared memory; NULL: the place is free */
	uint64		store;
	pg_atomic_uint64 lowest;	/* ids that were stored since it asked; NOTHING: none was */
	pg_atomic_uint64 highest;
} Listener;

typedef struct WakeMemory
{
	LWLock	   *lock;			/* of who listens for what */
	pg_atomic_uint32 count;		/* places that are taken */
	Listener	listeners[MOST_LISTENERS];
} WakeMemory;

static WakeMemory *memory = NULL;
static shmem_request_hook_type request_before = NULL;
static shmem_startup_hook_type startup_before = NULL;

static void
request_memory(void)
{
	if (request_before != NULL)
		request_before();
	RequestAddinShmemSpace(MAXALIGN(sizeof(WakeMemory)));
	RequestNamedLWLockTranche(NAME, 1);
}

static void
set_up_memory(void)
{
	bool		found;

	if (startup_before != NULL)
		startup_before();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct(NAME, sizeof(WakeMemory), &found);
	if (!found)
	{
		memset(memory, 0, sizeof(WakeMemory));
		memory->lock = &GetNamedLWLockTranche(NAME)->lock;
		pg_atomic_init_u32(&memory->count, 0);
		for (int i = 0; i < MOST_LISTENERS; i++)
		{
			pg_atomic_init_u64(&memory->listeners[i].lowest, NOTHING);
			pg_atomic_init_u64(&memory->listeners[i].highest, 0);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

void
wake_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	request_before = shmem_request_hook;
	shmem_request_hook = request_memory;
	startup_before = shmem_startup_hook;
	shmem_startup_hook = set_up_memory;
}

/*
 * Not by server object or user: who appends may do it from another database. A stranger whose endpoint and table have
 * the same names can make followers look at their own store more often, and nothing else.
 */
uint64
wake_number(const Client *client, const StoreNames *names)
{
	const char *const parts[] = {client_endpoint(client), client_region(client), names->commit_table};
	StringInfoData string;
	uint64		number;

	initStringInfo(&string);
	for (size_t i = 0; i < lengthof(parts); i++)
		appendBinaryStringInfo(&string, parts[i], strlen(parts[i]) + 1);
	number = hash_bytes_extended((const unsigned char *) string.data, string.len, 0);
	pfree(string.data);
	return number;
}

/* The highest first: who asks looks at the lowest first, and so finds both. */
static void
tell(Listener *listener, const IdRange *ids)
{
	uint64		known = pg_atomic_read_u64(&listener->highest);

	while (known < (uint64) ids->last && !pg_atomic_compare_exchange_u64(&listener->highest, &known, ids->last))
		;
	known = pg_atomic_read_u64(&listener->lowest);
	while (known > (uint64) ids->first && !pg_atomic_compare_exchange_u64(&listener->lowest, &known, ids->first))
		;
	SetLatch(listener->latch);
}

void
wake_stored(const Client *client, const StoreNames *names, const IdRange *ids)
{
	uint64		store;

	if (memory == NULL || pg_atomic_read_u32(&memory->count) == 0)
		return;
	store = wake_number(client, names);
	LWLockAcquire(memory->lock, LW_SHARED);
	for (int i = 0; i < MOST_LISTENERS; i++)
	{
		Listener   *listener = &memory->listeners[i];

		if (listener->latch != NULL && listener->store == store)
			tell(listener, ids);
	}
	LWLockRelease(memory->lock);
}

/* Only this backend changes its own places: it needs no lock to find them. */
static Listener *
own_listener(uint64 store)
{
	for (int i = 0; memory != NULL && i < MOST_LISTENERS; i++)
		if (memory->listeners[i].latch == MyLatch && memory->listeners[i].store == store)
			return &memory->listeners[i];
	return NULL;
}

static void
ignore_at_exit(int code, Datum argument)
{
	wake_ignore();
}

static bool
take_place(uint64 store)
{
	bool		taken = false;

	LWLockAcquire(memory->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MOST_LISTENERS && !taken; i++)
	{
		Listener   *listener = &memory->listeners[i];

		if (listener->latch != NULL)
			continue;
		pg_atomic_write_u64(&listener->lowest, NOTHING);
		pg_atomic_write_u64(&listener->highest, 0);
		listener->store = store;
		listener->latch = MyLatch;
		pg_atomic_fetch_add_u32(&memory->count, 1);
		taken = true;
	}
	LWLockRelease(memory->lock);
	return taken;
}

bool
wake_listen(uint64 store)
{
	static bool goes_at_exit = false;

	if (memory == NULL)
		return false;
	if (own_listener(store) != NULL)
		return true;
	if (!goes_at_exit)
		on_shmem_exit(ignore_at_exit, (Datum) 0);
	goes_at_exit = true;
	return take_place(store);
}

bool
wake_heard(uint64 store, IdRange *ids)
{
	Listener   *listener = own_listener(store);
	uint64		lowest = listener != NULL ? pg_atomic_exchange_u64(&listener->lowest, NOTHING) : NOTHING;
	uint64		highest;

	if (lowest == NOTHING)
		return false;
	highest = pg_atomic_exchange_u64(&listener->highest, 0);
	*ids = (IdRange) {lowest, Max(lowest, highest)};
	return true;
}

void
wake_ignore(void)
{
	if (memory == NULL)
		return;
	LWLockAcquire(memory->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MOST_LISTENERS; i++)
		if (memory->listeners[i].latch == MyLatch)
		{
			memory->listeners[i].latch = NULL;
			pg_atomic_fetch_sub_u32(&memory->count, 1);
		}
	LWLockRelease(memory->lock);
}
