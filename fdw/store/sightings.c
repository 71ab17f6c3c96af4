/*
 * sightings.c: which ids have been missing for the time-out? See sightings.h.
 */
#include "store/sightings.h"

#include <string.h>

void
sightings_note(Sightings *sightings, int64_t timeout_ms, int64_t now, int64_t id)
{
	Sighting   *newest = sightings->count > 0 ? &sightings->kept[sightings->count - 1] : NULL;

	if (id > sightings->highest)
		sightings->highest = id;
	if (newest != NULL && (newest->id >= sightings->highest || now - newest->at < (timeout_ms + SIGHTINGS_KEPT - 2) / (SIGHTINGS_KEPT - 1)))
		return;
	if (sightings->count == SIGHTINGS_KEPT)
		memmove(sightings->kept, sightings->kept + 1, --sightings->count * sizeof(Sighting));
	sightings->kept[sightings->count++] = (Sighting)
	{
		.at = now, .id = sightings->highest
	};
}

int64_t
sightings_known_below(const Sightings *sightings, int64_t timeout_ms, int64_t now)
{
	for (size_t i = sightings->count; i > 0; i--)
		if (sightings->kept[i - 1].at <= now - timeout_ms)
			return sightings->kept[i - 1].id;
	return 0;
}
