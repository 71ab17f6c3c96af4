/*
 * gap.c: may this gap be given up, and what do the notes say of it? See gap.h.
 */
#include "store/gap.h"

/* How many commits above a gap must all be old, and among how many of those that follow they are looked for. */
#define WITNESSES 3
#define MOST_ASKED 16

int64_t
gap_first(Sight *sight, size_t n, int64_t next)
{
	return n == 0 ? next : sight_at(sight, n - 1)->id + 1;
}

/* The younger one. */
static GapAge
age_of(int64_t stamp, const GapRules *rules)
{
	if (stamp >= rules->stamped_before)
		return GAP_YOUNG;
	if (stamp >= rules->old_before)
		return GAP_AGED;
	return stamp >= rules->listed_since ? GAP_OLD : GAP_HISTORY;
}

/*
 * A stamp of the future says nothing about its commit's age. So such commits are passed over where enough others follow;
 * at the end of a store, where these are fewer, a gap below them is young.
 */
GapAge
gap_age(Sight *sight, size_t n, const GapRules *rules)
{
	GapAge		youngest = GAP_HISTORY;
	int			witnesses = 0;
	size_t		end = n + MOST_ASKED;
	size_t		i;

	for (i = n; i < sight->count && i < end && witnesses < WITNESSES; i++)
	{
		int64_t		stamp = sight_at(sight, i)->stamp;
		GapAge		age = age_of(stamp, rules);

		if (rules->stamped_before == 0 || (age == GAP_YOUNG && stamp <= rules->now))
			return GAP_YOUNG;
		if (age == GAP_YOUNG)
			continue;
		witnesses++;
		youngest = age < youngest ? age : youngest;
	}
	if (witnesses == WITNESSES)
		return youngest;
	if (i < end && !sight->ended)
		return GAP_AGE_UNKNOWN;
	return sight->ended && (size_t) witnesses == i - n ? youngest : GAP_YOUNG;
}

int64_t
gap_give_up_to(Sight *sight, size_t n, int64_t first, const GapRules *rules)
{
	int64_t		last = sight_at(sight, n)->id - 1;
	bool		is_aged = gap_age(sight, n, rules) >= GAP_AGED;

	if (last > rules->dense_above)
		last = rules->dense_above;
	if (is_aged || last < rules->known_below)
		return last;
	return rules->known_below - 1;
}

StepResult
gap_ask_notes(Sight *sight, size_t n, int64_t next, Notes *notes)
{
	Sighted    *above = sight_at(sight, n);
	int64_t		first = gap_first(sight, n, next);

	if (above->open < first)
	{
		above->open = first;
		above->is_open = false;
	}
	while (!above->is_open && above->open < above->id)
	{
		int64_t		burned;
		StepResult	result = notes_look(notes, above->open, &burned);

		if (result != STEP_DONE)
			return result;
		if (burned == 0)
			above->is_open = true;
		else
			above->open = burned > above->id - above->open ? above->id : above->open + burned;
	}
	return STEP_DONE;
}

void
gaps_ask_ahead(Sight *sight, int64_t next, const GapRules *rules, Notes *notes)
{
	for (size_t i = 0; i < sight->count; i++)
	{
		const Sighted *above = sight_at(sight, i);
		int64_t		first = gap_first(sight, i, next);

		if (above->open < first && first < above->id && first <= rules->dense_above && gap_age(sight, i, rules) < GAP_OLD)
			notes_ask(notes, first);
	}
}

size_t
gaps_to_give_up(Sight *sight, int64_t next, const GapRules *rules)
{
	size_t		n;

	for (n = 0; n < sight->count; n++)
	{
		int64_t		last = sight_at(sight, n)->id - 1;
		int64_t		first = gap_first(sight, n, next);
		int64_t		upto = first > last ? last : gap_give_up_to(sight, n, first, rules);

		if (upto < last)
			return upto < first ? n : n + 1;
	}
	return n;
}

StepResult
gaps_ask_notes(Sight *sight, size_t n, int64_t next, const GapRules *rules, Notes *notes)
{
	StepResult	all = STEP_DONE;

	for (size_t i = 0; i < n; i++)
	{
		StepResult	one = gap_age(sight, i, rules) >= GAP_OLD ? STEP_DONE : gap_ask_notes(sight, i, next, notes);

		if (one == STEP_FAILED)
			return STEP_FAILED;
		if (one == STEP_PENDING)
			all = STEP_PENDING;
	}
	return all;
}

bool
gaps_notes_have_arrived(Sight *sight, size_t n, int64_t next, Notes *notes)
{
	for (size_t i = 0; i < n; i++)
	{
		const Sighted *above = sight_at(sight, i);
		int64_t		first = gap_first(sight, i, next);
		int64_t		asked = above->open < first ? first : above->open;

		if (asked < above->id && !(above->is_open && asked == above->open) && notes_has_arrived(notes, asked))
			return true;
	}
	return false;
}
