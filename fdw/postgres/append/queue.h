/*
 * queue: dense appends of this database to one store, one after the other instead of racing for the next id; and what a
 * backend remembers of such a store from one statement to the next.
 */
#ifndef DYNAMODB_ES_QUEUE_H
#define DYNAMODB_ES_QUEUE_H

#include "postgres.h"

#include "dynamodb/client.h"
#include "store/commit.h"

typedef struct QueueKey
{
	uint64		store;			/* a hash of what tells one store from another: what the backends queue by */
	Oid			mapping;		/* of the user: an AWS account of its own, perhaps */
	uint32		unused;
} QueueKey;

typedef struct Queue
{
	QueueKey	key;
	int64		head;			/* the store's counter as last known, -1: not; only ever a guess that DynamoDB checks */
} Queue;

/* The queue of the store by these names that is appended to by way of a server and a user mapping. It stays as long as the backend. */
extern Queue *queue_of_store(Oid server, Oid mapping, const StoreNames *names);

/* Waits for this backend's turn, cancellably; who enters must leave, on errors too. */
extern void queue_enter(const Queue *queue);
extern void queue_leave(const Queue *queue);

#endif
