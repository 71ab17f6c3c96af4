/*
 * deferred: rows that wait for the transaction's commit, and are appended then, all in one request.
 */
#ifndef DYNAMODB_ES_DEFERRED_H
#define DYNAMODB_ES_DEFERRED_H

#include "postgres.h"

#include "postgres/append/batch.h"

/* Once for each backend, before any commit: a callback that is added while others run is not called. */
extern void deferred_init(void);

/* The store that a statement's rows go to; its texts are the client's. */
typedef struct DeferredStore
{
	Oid			user;
	Oid			server;
	Oid			user_mapping;
	Oid			table_owner;	/* of the foreign tables: an owner who is no superuser, if there is one */
	const char *endpoint;
	const char *region;
} DeferredStore;

/*
 * `client` is the user's connection now. At the commit all rows are sent over the connection that the first row's user has then,
 * and that must lead to the same store. Raises an error in a transaction that may be rolled back after its append. In the current memory
 * context.
 */
extern DeferredStore *deferred_store_new(Oid user, Oid server, Oid user_mapping, Oid table_owner,
										 const Client *client, const char *relation_name);

/*
 * Keeps copies of the batch's rows, which the end of the transaction appends, or drops; so does a rollback to a
 * savepoint. Raises an error when they cannot go with those that wait already: 0A000 for another store, 54000 for
 * too many, 23505 for two of one version.
 */
extern void deferred_keep(const DeferredStore *store, const RowBatch *batch);

/*
 * At the commit nothing is appended, and the transaction fails (40001), unless that is the store's last commit id; without rows
 * the counter is looked at. The batch has no rows. Likewise dropped by a rollback, and refused (40001) beside another head.
 */
extern void deferred_expect(const DeferredStore *store, const RowBatch *batch, int64 head);

#endif
