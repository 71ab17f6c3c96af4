/*
 * key_count: how many keys do conditions ask for, as far as that is known before the statement runs?
 */
#ifndef DYNAMODB_ES_KEY_COUNT_H
#define DYNAMODB_ES_KEY_COUNT_H

#include "postgres.h"

#include "postgres/condition/pushdown.h"

/* How many aggregates a condition fixes. */
extern double key_count_aggregates(const KeyCondition *condition);

/*
 * How many commits the conditions of an aggregate's path name one by one, by aggregate_id and version; 0 where they do not, or
 * where it is a single one.
 */
extern double key_count_single(List *conditions);

/* true when a condition on version or commit_id names several values, between which there may be gaps. */
extern bool key_count_has_list(List *conditions);

#endif
