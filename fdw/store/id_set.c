/*
 * id_set.c: was this commit id there before? See id_set.h.
 */
#include "store/id_set.h"

#include <string.h>

void
id_set_init(IdSet *set, IdRange *room, size_t most)
{
	*set = (IdSet)
	{
		.ranges = room, .most = most
	};
}

/* How many ranges begin at the id or below it. */
static size_t
ranges_up_to(const IdSet *set, int64_t id)
{
	size_t		low = 0;
	size_t		high = set->count;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (set->ranges[middle].first <= id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
id_set_has(const IdSet *set, int64_t id)
{
	size_t		at = ranges_up_to(set, id);

	return at > 0 && set->ranges[at - 1].last >= id;
}

static void
remove_range(IdSet *set, size_t at)
{
	memmove(&set->ranges[at], &set->ranges[at + 1], (set->count - at - 1) * sizeof(IdRange));
	set->count--;
}

static void
insert_range(IdSet *set, size_t at, IdRange range)
{
	memmove(&set->ranges[at + 1], &set->ranges[at], (set->count - at) * sizeof(IdRange));
	set->ranges[at] = range;
	set->count++;
}

/* A range of its own, before the range `at`. */
static void
add_alone(IdSet *set, size_t at, int64_t id)
{
	if (set->count == set->most && at == 0)
		return;
	if (set->count == set->most)
	{
		remove_range(set, 0);
		at--;
	}
	insert_range(set, at, (IdRange) {id, id});
}

void
id_set_add(IdSet *set, int64_t id)
{
	size_t		at = ranges_up_to(set, id);
	IdRange    *below = at > 0 ? &set->ranges[at - 1] : NULL;
	IdRange    *above = at < set->count ? &set->ranges[at] : NULL;

	if (below != NULL && below->last >= id)
		return;
	if (below != NULL && below->last != id - 1)
		below = NULL;
	if (above != NULL && above->first - 1 != id)
		above = NULL;
	if (below != NULL && above != NULL)
	{
		below->last = above->last;
		remove_range(set, at);
	}
	else if (below != NULL)
		below->last = id;
	else if (above != NULL)
		above->first = id;
	else
		add_alone(set, at, id);
}
