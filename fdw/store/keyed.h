/*
 * keyed: single commits for several readers, each of whom gets the one of its key, by one read of all of them.
 *
 * The readers come one after the other, in any order. Whoever waits for its item takes in what comes before it, for the others.
 */
#ifndef DYNAMODB_ES_KEYED_H
#define DYNAMODB_ES_KEYED_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "store/read.h"

/* The read of all keys, shared by its readers, who free it together. */
typedef struct KeyedRead KeyedRead;

/* One of them. */
typedef struct KeyedOperation KeyedOperation;

/*
 * Starts a read of the keys of *spec, which are copied; whatever else it points at must outlive the read. NULL when memory ran out.
 * To be given up by keyed_read_leave, which leaves it to its readers.
 */
extern KeyedRead *keyed_read_start(Client *client, const StoreNames *names, const ReadSpec *spec, Usage *usage);
extern void keyed_read_leave(KeyedRead *keyed);

/* A reader of the key with that number in the spec. NULL when memory ran out. */
extern KeyedOperation *keyed_start(KeyedRead *keyed, size_t key);

/* Its item, if there is one, and then the end. *item belongs to the read. */
extern ReadResult keyed_next(KeyedOperation *operation, const cJSON **item);
extern const Failure *keyed_failure(const KeyedOperation *operation);
extern void keyed_free(KeyedOperation *operation);

#endif
