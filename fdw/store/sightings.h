/*
 * sightings: since when has it been known that higher ids were given out?
 *
 * An id that was given out before a higher one was seen, and is missing a time-out later, may be given up (feed.h). Since
 * when each gap has been there need not be remembered: the highest id at some moments within the last time-out is enough
 * for all gaps, however many there are. They are an eighth of the time-out apart, so that
 * an id is given up at most that much later than it could be.
 *
 * All of it is in memory, and by a monotonic clock, which the caller has: who starts anew waits for the time-out again.
 */
#ifndef DYNAMODB_ES_SIGHTINGS_H
#define DYNAMODB_ES_SIGHTINGS_H

#include <stddef.h>
#include <stdint.h>

/* Nine span eight intervals: the oldest is not needed any more when the tenth comes. */
#define SIGHTINGS_KEPT 9

typedef struct Sighting
{
	int64_t		at;				/* ms */
	int64_t		id;				/* the highest that was known by then */
} Sighting;

/* All zeroes: nothing was seen. */
typedef struct Sightings
{
	Sighting	kept[SIGHTINGS_KEPT];	/* from the oldest on; both members rise */
	size_t		count;
	int64_t		highest;		/* that was ever noted */
} Sightings;

/* By `now`, when the answer that told so had arrived, that id was given out. */
extern void sightings_note(Sightings *sightings, int64_t timeout_ms, int64_t now, int64_t id);

/*
 * Ids below it may be given up where a read that is sent at `now` or later does not find them; 0: none.
 */
extern int64_t sightings_known_below(const Sightings *sightings, int64_t timeout_ms, int64_t now);

#endif
