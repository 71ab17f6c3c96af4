/*
 * dense_store: what a backend keeps of a dense store from one statement to the next. It is the lock by which the backends of
 * this database append one after the other, instead of racing for the next id, and the counter's value as last seen.
 */
#ifndef DYNAMODB_ES_DENSE_STORE_H
#define DYNAMODB_ES_DENSE_STORE_H

#include "postgres.h"

#include "dynamodb/client.h"
#include "store/commit.h"

typedef struct DenseStoreKey
{
	uint64		store;			/* a hash of what tells one store from another: what the backends take turns by */
	Oid			mapping;		/* of the user: an AWS account of its own, perhaps */
	uint32		unused;
} DenseStoreKey;

typedef struct DenseStore
{
	DenseStoreKey key;
	int64		head;			/* the store's counter as last known, -1: not; only ever a guess that DynamoDB checks */
} DenseStore;

/* The store by these names, as it is reached by a server and a user mapping. Stays as long as the backend. */
extern DenseStore *dense_store_find(Oid server, Oid mapping, const StoreNames *names);

/*
 * Waits for this backend's turn; a cancel ends the wait. true: others had it, and may have appended. Whoever has taken it must give
 * it back, on errors too.
 */
extern bool dense_store_take_turn(const DenseStore *store);
extern void dense_store_give_turn(const DenseStore *store);

#endif
