/*
 * lookup: a look at the store beside the feed, to its end: one read, or the counter.
 */
#ifndef DYNAMODB_ES_PROJECTION_LOOKUP_H
#define DYNAMODB_ES_PROJECTION_LOOKUP_H

#include "postgres.h"

#include "postgres/projection/session.h"
#include "store/read.h"

typedef struct Lookup Lookup;

/*
 * Reads from where, and as whom, the reader does. *spec and what it points at must live until the end; its budget is the
 * statement's. Errors are raised.
 */
extern Lookup *lookup_begin(const FeedReader *reader, ReadSpec *spec);

/* It is valid until the next call. NULL: there are no more. */
extern const cJSON *lookup_next(Lookup *lookup);
extern void lookup_end(Lookup *lookup);

/* The last id that the counter has given out; 0 where it cannot be told, or not be read. */
extern int64 lookup_counter(const FeedReader *reader);

#endif
