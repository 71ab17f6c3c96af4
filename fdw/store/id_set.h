/*
 * id_set: commit ids that were seen, as ranges. There is room for so many ranges and no more: where it is full, the lowest ids are
 * forgotten. A history that comes in the order of its ids takes a range for each of its gaps.
 */
#ifndef DYNAMODB_ES_ID_SET_H
#define DYNAMODB_ES_ID_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "store/feed_spec.h"

typedef struct IdSet
{
	IdRange    *ranges;			/* ascending; between two of them there are ids that were not seen */
	size_t		count;
	size_t		most;
} IdSet;

/* An empty one. `room` is the caller's, and is for `most` ranges, one at least. */
extern void id_set_init(IdSet *set, IdRange *room, size_t most);

/* false also for what was forgotten. Ids are above 0. */
extern bool id_set_has(const IdSet *set, int64_t id);
extern void id_set_add(IdSet *set, int64_t id);

#endif
