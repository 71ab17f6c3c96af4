/*
 * time_search.c: which commit is to be looked at next? See time_search.h.
 */
#include "store/time_search.h"

#include <math.h>
#include <string.h>

/* Smaller ids are strangers' work. */
#define FIRST_ID 1

/* Commits whose time is none, in a row, before their place is left undecided. */
#define MOST_SKIPPED 3

/* How far from an interpolation its guard is, in square roots of the ids around: four deviations of a random spread. */
#define GUARD_ROOTS 2.0

/*
 * What interpolation and guard together have to leave of the undecided ids. Otherwise the next steps bisect: one, and one more each time
 * that it happens.
 */
#define GOOD_SHARE 4

static bool
is_trusted(const TimeSearch *search, const KnownTime *commit)
{
	return commit->seen_at >= search->trusted_since;
}

/* What is known narrows the search: for the witness that is wanted first, and then for what is behind it. */
static void
start_from_known(TimeSearch *search)
{
	const KnownTimes *known = search->known;

	if (search->wanted == WITNESS_BEFORE)
	{
		search->has_low = known_times_last_before(known, search->moment, INT64_MAX, &search->low);
		search->has_high = known_times_first_not_before(known, search->moment,
														search->has_low ? search->low.id : INT64_MIN, &search->high);
	}
	else
	{
		search->has_high = known_times_first_not_before(known, search->moment, INT64_MIN, &search->high);
		search->has_low = known_times_last_before(known, search->moment,
												  search->has_high ? search->high.id : INT64_MAX, &search->low);
	}
	search->has_begin = search->has_low;
	search->begin = search->low.id;
	search->has_end = search->has_high;
	search->end = search->high.id;
}

void
time_search_begin(TimeSearch *search, TimeWitness wanted, int64_t moment, KnownTimes *known, int64_t trusted_since)
{
	*search = (TimeSearch)
	{
		.wanted = wanted, .moment = moment, .known = known, .trusted_since = trusted_since, .turn = SEARCH_INTERPOLATE,
	};
	start_from_known(search);
}

static uint64_t
undecided(const TimeSearch *search)
{
	return search->end > search->begin ? (uint64_t) search->end - (uint64_t) search->begin - 1 : 0;
}

/* Halvings that leave no more than so many. */
static int
halvings(uint64_t ids, uint64_t left)
{
	int			count = 0;

	for (; ids > left; ids /= 2)
		count++;
	return count;
}

/* Has the search the probes for a step that may find nothing, with halvings behind it? */
static bool
may_be_bold(const TimeSearch *search)
{
	return search->has_low && search->has_high
		&& search->asked + 1 + halvings(undecided(search), TIME_SEARCH_SMALL) <= search->most;
}

static bool
witness_is_seen(const TimeSearch *search)
{
	if (search->wanted == WITNESS_BEFORE)
		return !search->has_low || is_trusted(search, &search->low);
	return !search->has_high || is_trusted(search, &search->high);
}

static TimeSearchStep
next_step(TimeSearch *search)
{
	TimeSearchStep last = witness_is_seen(search) ? SEARCH_OVER : SEARCH_VERIFY;

	if (search->is_over)
		return last;
	if (!search->has_end)
		return SEARCH_LAST;
	if (!search->has_begin)
		return search->end > FIRST_ID ? SEARCH_FIRST : last;
	if (search->most == 0)
		search->most = 2 * halvings(undecided(search) + 2, 1);
	if (undecided(search) <= TIME_SEARCH_SMALL || search->asked >= search->most)
		return last;
	if (search->skipped > 0)
		return SEARCH_SKIP;
	return may_be_bold(search) ? search->turn : SEARCH_BISECT;
}

/* An id that is undecided, as near as that. */
static int64_t
clamp(const TimeSearch *search, double id)
{
	int64_t		whole;

	if (id <= (double) search->begin)
		return search->begin + 1;
	if (id >= (double) search->end)
		return search->end - 1;
	whole = (int64_t) id;
	return whole <= search->begin ? search->begin + 1 : whole >= search->end ? search->end - 1 : whole;
}

static int64_t
interpolated(const TimeSearch *search)
{
	double		share = ((double) search->moment - (double) search->low.time) / ((double) search->high.time - (double) search->low.time);

	return clamp(search, (double) search->low.id + share * ((double) search->high.id - (double) search->low.id));
}

static int64_t
place_of_step(TimeSearch *search)
{
	switch (search->step)
	{
		case SEARCH_INTERPOLATE:
			search->width = undecided(search);
			return interpolated(search);
		case SEARCH_GUARD:
		case SEARCH_SKIP:
			return search->guard;
		case SEARCH_BISECT:
		case SEARCH_LAST:
		case SEARCH_FIRST:
		case SEARCH_VERIFY:
		case SEARCH_OVER:
			break;
	}
	return search->begin + (int64_t) (undecided(search) / 2) + 1;
}

static TimeProbe
probe_of_step(TimeSearch *search)
{
	const KnownTime *witness = search->wanted == WITNESS_BEFORE ? &search->low : &search->high;
	TimeProbe	probe = {0};

	switch (search->step)
	{
		case SEARCH_LAST:
			probe.backward = true;
			break;
		case SEARCH_FIRST:
			probe.range = (KeyRange) {.has_lower = true, .lower = FIRST_ID, .has_upper = true, .upper = search->end - 1};
			break;
		case SEARCH_VERIFY:
			probe.range = (KeyRange) {.has_lower = true, .lower = witness->id, .has_upper = true, .upper = witness->id};
			break;
		case SEARCH_INTERPOLATE:
		case SEARCH_GUARD:
		case SEARCH_BISECT:
		case SEARCH_SKIP:
		case SEARCH_OVER:
			probe.range = (KeyRange) {.has_lower = true, .lower = place_of_step(search), .has_upper = true, .upper = search->end - 1};
			break;
	}
	return probe;
}

bool
time_search_next(TimeSearch *search, TimeProbe *probe)
{
	search->step = next_step(search);
	if (search->step == SEARCH_OVER)
		return false;
	*probe = probe_of_step(search);
	if (search->step != SEARCH_SKIP)
		search->asked_from = probe->range.lower;
	search->asked++;
	return true;
}

static void
set_begin(TimeSearch *search, int64_t begin)
{
	search->has_begin = true;
	search->begin = begin;
}

static void
set_end(TimeSearch *search, int64_t end)
{
	search->has_end = true;
	search->end = end;
}

/* The finding tells a time: the commit is one of the two witnesses. */
static void
take_witness(TimeSearch *search, const KnownTime *commit)
{
	known_times_add(search->known, commit);
	if (commit->time < search->moment)
	{
		search->low = *commit;
		search->has_low = true;
	}
	else
	{
		search->high = *commit;
		search->has_high = true;
	}
}

/* Nothing behind it: the store is empty, all of it is before the moment, or the last commit is where undecided ids end. */
static void
take_last(TimeSearch *search, const TimeFinding *finding)
{
	search->is_over = !finding->is_there || !finding->has_id || (finding->has_time && finding->commit.time < search->moment);
	if (finding->is_there && finding->has_id)
		set_end(search, finding->has_time || finding->commit.id == INT64_MAX ? finding->commit.id : finding->commit.id + 1);
}

static void
take_first(TimeSearch *search, const TimeFinding *finding)
{
	search->is_over = !finding->is_there || !finding->has_id || (finding->has_time && finding->commit.time >= search->moment);
	if (finding->is_there && finding->has_id)
		set_begin(search, finding->has_time ? finding->commit.id : finding->commit.id - 1);
}

/* The commit tells no time. After some of these their place counts as what leaves more to be read. */
static void
take_timeless(TimeSearch *search, const TimeFinding *finding)
{
	search->guard = finding->commit.id < INT64_MAX ? finding->commit.id + 1 : INT64_MAX;
	if (++search->skipped <= MOST_SKIPPED && search->guard < search->end)
		return;
	search->skipped = 0;
	if (search->wanted == WITNESS_BEFORE)
		set_end(search, search->asked_from);
	else
		set_begin(search, finding->commit.id);
}

static void
take_between(TimeSearch *search, const TimeFinding *finding)
{
	if (finding->is_there && !finding->has_id)
	{
		search->is_over = true;
		return;
	}
	if (finding->is_there && !finding->has_time)
	{
		take_timeless(search, finding);
		return;
	}
	search->skipped = 0;
	if (finding->is_there && finding->commit.time < search->moment)
		set_begin(search, finding->commit.id);
	else
		set_end(search, search->asked_from);
}

/* What comes after a step between the two ends. */
static void
turn_on(TimeSearch *search)
{
	double		distance = GUARD_ROOTS * sqrt((double) search->width) + 1;
	bool		is_behind = search->begin >= search->asked_from;	/* the place lies above what was found */

	if (search->step == SEARCH_INTERPOLATE)
	{
		search->guard = clamp(search, is_behind ? (double) search->begin + distance : (double) search->end - distance);
		search->turn = SEARCH_GUARD;
	}
	else if (search->step == SEARCH_GUARD && undecided(search) > search->width / GOOD_SHARE)
	{
		search->turn = SEARCH_BISECT;
		search->bisections = ++search->bad_rounds;
	}
	else if (search->step != SEARCH_BISECT || --search->bisections <= 0)
		search->turn = SEARCH_INTERPOLATE;
}

/* The hint was none: what is known is of another state of the store. */
static void
start_anew(TimeSearch *search)
{
	known_times_forget(search->known);
	time_search_begin(search, search->wanted, search->moment, search->known, search->trusted_since);
}

static void
take_verified(TimeSearch *search, const TimeFinding *finding)
{
	KnownTime  *witness = search->wanted == WITNESS_BEFORE ? &search->low : &search->high;

	if (!finding->is_there || !finding->has_id || !finding->has_time || finding->commit.id != witness->id
		|| finding->commit.time != witness->time)
	{
		start_anew(search);
		return;
	}
	*witness = finding->commit;
	known_times_add(search->known, witness);
	search->is_over = true;
}

void
time_search_take(TimeSearch *search, const TimeFinding *finding)
{
	if (search->step == SEARCH_VERIFY)
	{
		take_verified(search, finding);
		return;
	}
	if (finding->is_there && finding->has_id && finding->has_time)
		take_witness(search, &finding->commit);
	if (search->step == SEARCH_LAST)
		take_last(search, finding);
	else if (search->step == SEARCH_FIRST)
		take_first(search, finding);
	else
	{
		take_between(search, finding);
		if (search->skipped == 0)
			turn_on(search);
	}
}

bool
time_search_witness(const TimeSearch *search, int64_t *id)
{
	bool		is_before = search->wanted == WITNESS_BEFORE;

	*id = is_before ? search->low.id : search->high.id;
	return is_before ? search->has_low : search->has_high;
}
