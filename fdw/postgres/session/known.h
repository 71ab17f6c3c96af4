/*
 * known: what this session knows of the times of a store's commits, from one statement to the next.
 */
#ifndef DYNAMODB_ES_KNOWN_H
#define DYNAMODB_ES_KNOWN_H

#include "postgres.h"

#include "store/known_times.h"

/* Those of the store behind a foreign table. To be held (known_times_hold) by whoever needs them for longer than now. */
extern KnownTimes *known_of_relation(Oid relation);

#endif
