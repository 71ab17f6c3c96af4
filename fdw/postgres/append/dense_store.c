/*
 * dense_store.c: whose turn is it to append to a dense store, and what is its counter likely to be?
 *
 * The turn is a session-level lock of PostgreSQL's; a backend that dies gives it back. It only saves lost races: DynamoDB decides
 * what is correct, since other servers append as well. The lock is for one server object and the names of the counter. A session
 * that reaches the same store by another server object, or from another database, does not wait. So nobody can make strangers
 * wait, only those who share the server object.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/hsearch.h"

#include "postgres/append/dense_store.h"

/* Of advisory locks: users' own have 1 and 2. */
#define LOCK_CLASS 3

static HTAB *stores = NULL;

static uint64
hash_of_store(Oid server, const StoreNames *names)
{
	const char *const parts[] = {names->counter_table, names->counter};
	StringInfoData string;
	uint64		hash;

	initStringInfo(&string);
	appendBinaryStringInfo(&string, (const char *) &server, sizeof(server));
	for (size_t i = 0; i < lengthof(parts); i++)
		appendBinaryStringInfo(&string, parts[i], strlen(parts[i]) + 1);
	hash = hash_bytes_extended((const unsigned char *) string.data, string.len, 0);
	pfree(string.data);
	return hash;
}

DenseStore *
dense_store_find(Oid server, Oid mapping, const StoreNames *names)
{
	DenseStoreKey key = {.store = hash_of_store(server, names), .mapping = mapping};
	DenseStore *store;
	bool		found;

	if (stores == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(DenseStoreKey), .entrysize = sizeof(DenseStore)};

		stores = hash_create("dynamodb_es dense stores", 8, &control, HASH_ELEM | HASH_BLOBS);
	}
	store = hash_search(stores, &key, HASH_ENTER, &found);
	if (!found)
		store->head = -1;
	return store;
}

static LOCKTAG
lock_of_store(const DenseStore *store)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (store->key.store >> 32), (uint32) store->key.store, LOCK_CLASS);
	return tag;
}

bool
dense_store_take_turn(const DenseStore *store)
{
	LOCKTAG		tag = lock_of_store(store);

	if (LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL)
		return false;
	LockAcquire(&tag, ExclusiveLock, true, false);
	return true;
}

void
dense_store_give_turn(const DenseStore *store)
{
	LOCKTAG		tag = lock_of_store(store);

	LockRelease(&tag, ExclusiveLock, true);
}
