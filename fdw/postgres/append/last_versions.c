/*
 * last_versions.c: has this statement stored the version before?
 *
 * A statement may have any number of aggregates, so they are kept in places by their hash, and the latest one of a place pushes out
 * the one before. Who is forgotten is asked for again.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "postgres/append/last_versions.h"

#define PLACES 1024

typedef struct LastVersion
{
	char	   *aggregate_id;	/* NULL: the place is empty */
	size_t		length;
	int64		version;
} LastVersion;

struct LastVersions
{
	MemoryContext context;
	LastVersion places[PLACES];
};

LastVersions *
last_versions_new(MemoryContext context)
{
	LastVersions *last = MemoryContextAllocZero(context, sizeof(LastVersions));

	last->context = context;
	return last;
}

static uint32
place_of(const Commit *commit)
{
	return hash_bytes((const unsigned char *) commit->aggregate_id, (int) commit->aggregate_id_length) % PLACES;
}

static bool
is_of(const LastVersion *place, const Commit *commit)
{
	return place->aggregate_id != NULL && place->length == commit->aggregate_id_length
		&& memcmp(place->aggregate_id, commit->aggregate_id, place->length) == 0;
}

void
last_versions_note(LastVersions *last, const Commit *commit)
{
	LastVersion *place = &last->places[place_of(commit)];

	if (!is_of(place, commit))
	{
		if (place->aggregate_id != NULL)
			pfree(place->aggregate_id);
		place->aggregate_id = MemoryContextAlloc(last->context, commit->aggregate_id_length);
		memcpy(place->aggregate_id, commit->aggregate_id, commit->aggregate_id_length);
		place->length = commit->aggregate_id_length;
		place->version = commit->version;
	}
	place->version = Max(place->version, commit->version);
}

bool
last_versions_lead_to(const LastVersions *last, const Commit *commit)
{
	const LastVersion *place = &last->places[place_of(commit)];

	return is_of(place, commit) && place->version == commit->version - 1;
}
