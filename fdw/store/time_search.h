/*
 * time_search: where among the commit ids of a store does a moment lie?
 *
 * Times rise with the ids only nearly (see time_bound.h), so there is no one place. The search looks for a witness: a commit that
 * is before the moment, with an id as high as possible; or one that is not, with an id as low as possible. It tells which commits to
 * look at, one after the other, and is told what they are. Nothing here sends or waits.
 *
 * It interpolates between the commits that it knows. An interpolation that hits near the place is followed by a guard, a probe a little
 * to the other side, which closes the place in. Where the times are spread so that this does not help, the search bisects. In all it takes
 * no more than twice the logarithm of the number of ids. It ends where so few ids are left that reading them costs less than to
 * go on. It may end anywhere: a witness that is less near only leaves more to be read.
 */
#ifndef DYNAMODB_ES_TIME_SEARCH_H
#define DYNAMODB_ES_TIME_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "store/known_times.h"
#include "store/range.h"

/* Ids between the witnesses that are not worth another probe: all of them are in a page that is read anyway. */
#define TIME_SEARCH_SMALL 100

typedef enum TimeWitness
{
	WITNESS_BEFORE,				/* the moment: the highest id */
	WITNESS_NOT_BEFORE			/* the lowest */
} TimeWitness;

/* The first commit of a range of ids is to be looked at; backward, the last. */
typedef struct TimeProbe
{
	KeyRange	range;
	bool		backward;
} TimeProbe;

/* What a probe has found. */
typedef struct TimeFinding
{
	bool		is_there;		/* there is a commit in that range */
	bool		has_id;			/* an integer */
	bool		has_time;		/* likewise */
	KnownTime	commit;
} TimeFinding;

/* What the probe under way is for. */
typedef enum TimeSearchStep
{
	SEARCH_LAST,				/* how far the ids go */
	SEARCH_FIRST,				/* from where on */
	SEARCH_INTERPOLATE,
	SEARCH_GUARD,
	SEARCH_BISECT,
	SEARCH_SKIP,				/* the commit that was found tells no time: the one behind it */
	SEARCH_VERIFY,				/* the witness is a hint, and has to be seen */
	SEARCH_OVER
} TimeSearchStep;

typedef struct TimeSearch
{
	TimeWitness wanted;
	int64_t		moment;			/* ms since the epoch */
	KnownTimes *known;
	int64_t		trusted_since;	/* what was seen before is a hint only */

	KnownTime	low;			/* a commit before the moment */
	KnownTime	high;			/* one that is not */
	bool		has_low;
	bool		has_high;
	int64_t		begin;			/* the ids between these two, both excluded, are undecided */
	int64_t		end;
	bool		has_begin;
	bool		has_end;
	bool		is_over;		/* nothing is left to find out, but for the witness to be seen */

	TimeSearchStep step;
	TimeSearchStep turn;		/* the next step between the two ends */
	int64_t		asked_from;		/* the probe's range begins there */
	int64_t		guard;			/* where the guard is to be */
	uint64_t	width;			/* undecided ids when it was last interpolated */
	int			bad_rounds;		/* interpolations and guards that did not help */
	int			bisections;		/* that are to come before the next one */
	int			skipped;		/* commits in a row that tell no time */
	int			asked;			/* probes */
	int			most;			/* of them, once both ends are known */
} TimeSearch;

/* `known` is the caller's, and learns what is found. */
extern void time_search_begin(TimeSearch *search, TimeWitness wanted, int64_t moment, KnownTimes *known, int64_t trusted_since);

/* The next probe. false: it is over. */
extern bool time_search_next(TimeSearch *search, TimeProbe *probe);
extern void time_search_take(TimeSearch *search, const TimeFinding *finding);

/* The witness, once it is over. false: there is none. */
extern bool time_search_witness(const TimeSearch *search, int64_t *id);

#endif
