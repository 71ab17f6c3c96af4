/*
 * wake: appends of this server tell the backends that follow the store.
 *
 * It is a hint that saves waiting, and no more: whoever follows a store looks at it from time to time in any case. There
 * is memory for it only where shared_preload_libraries loads the library.
 */
#ifndef DYNAMODB_ES_WAKE_H
#define DYNAMODB_ES_WAKE_H

#include "postgres.h"

#include "dynamodb/client.h"
#include "store/commit.h"
#include "store/feed.h"

/* To be called when the library is loaded. */
extern void wake_init(void);

/* A number that stands for a store, the same in all databases of this server. Rarely, two stores have the same one. */
extern uint64 wake_number(const Client *client, const StoreNames *names);

/* These ids, and perhaps not all in between, have been stored: sets the latches of those who listen. */
extern void wake_stored(const Client *client, const StoreNames *names, const IdRange *ids);

/* From now on this backend's latch is set when something is stored there. false: it is not, and no number is heard. */
extern bool wake_listen(uint64 store);

/* What was stored since this was asked last, the lowest and the highest id; false: nothing was. */
extern bool wake_heard(uint64 store, IdRange *ids);

/* For all stores that this backend listens for. */
extern void wake_ignore(void);

#endif
