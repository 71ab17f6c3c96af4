/*
 * known_times.c: which commits were seen, and when were they appended? See known_times.h.
 */
#include "store/known_times.h"

#include <stdlib.h>
#include <string.h>

struct KnownTimes
{
	int			holders;
	size_t		count;
	KnownTime	times[KNOWN_TIMES_MOST];	/* by ascending id */
};

KnownTimes *
known_times_new(void)
{
	KnownTimes *known = calloc(1, sizeof(KnownTimes));

	if (known != NULL)
		known->holders = 1;
	return known;
}

KnownTimes *
known_times_hold(KnownTimes *known)
{
	known->holders++;
	return known;
}

void
known_times_release(KnownTimes *known)
{
	if (known != NULL && --known->holders == 0)
		free(known);
}

/* The first one whose id is not below that one. */
static size_t
place_of(const KnownTimes *known, int64_t id)
{
	size_t		place = 0;

	while (place < known->count && known->times[place].id < id)
		place++;
	return place;
}

/* Leaves out every second one, but neither of the ends, between which a search has to lie. */
static void
thin_out(KnownTimes *known)
{
	size_t		kept = 0;

	for (size_t i = 0; i < known->count; i++)
		if (i % 2 == 0 || i + 1 == known->count)
			known->times[kept++] = known->times[i];
	known->count = kept;
}

void
known_times_add(KnownTimes *known, const KnownTime *seen)
{
	size_t		place = place_of(known, seen->id);

	if (place < known->count && known->times[place].id == seen->id)
	{
		known->times[place] = *seen;
		return;
	}
	if (known->count == KNOWN_TIMES_MOST)
	{
		thin_out(known);
		place = place_of(known, seen->id);
	}
	memmove(&known->times[place + 1], &known->times[place], (known->count - place) * sizeof(KnownTime));
	known->times[place] = *seen;
	known->count++;
}

void
known_times_forget(KnownTimes *known)
{
	known->count = 0;
}

size_t
known_times_count(const KnownTimes *known)
{
	return known->count;
}

bool
known_times_last_before(const KnownTimes *known, int64_t moment, int64_t upto, KnownTime *found)
{
	for (size_t i = known->count; i > 0; i--)
		if (known->times[i - 1].id <= upto && known->times[i - 1].time < moment)
		{
			*found = known->times[i - 1];
			return true;
		}
	return false;
}

bool
known_times_first_not_before(const KnownTimes *known, int64_t moment, int64_t from, KnownTime *found)
{
	for (size_t i = 0; i < known->count; i++)
		if (known->times[i].id >= from && known->times[i].time >= moment)
		{
			*found = known->times[i];
			return true;
		}
	return false;
}
