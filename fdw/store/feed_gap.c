/*
 * feed_gap.c: does a feed wait for a gap, pass it, or ask about it? See feed.h for the rules.
 *
 * The commits above a gap are looked at ahead, as far as they are needed to judge it (gap.h). If it may be given up, so may
 * others behind it: notes of all of them are asked for, and then second looks are sent together (looks.h).
 */
#include "store/feed_gap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Between the two looks, ms. */
#define LOOKS_APART_MS 100

void
feed_fail(FeedOperation *feed, const Failure *failure)
{
	feed->failed = true;
	feed->failure = *failure;
}

void
feed_fail_memory(FeedOperation *feed)
{
	feed->failed = true;
	failure_set(&feed->failure, FAILURE_MEMORY, NULL, "out of memory");
}

ReadResult
feed_fail_as_sight(FeedOperation *feed)
{
	const Failure *failure = read_failure(feed->sight.read);

	if (failure->kind == FAILURE_NONE)
		feed_fail_memory(feed);
	else
		feed_fail(feed, failure);
	return READ_FAILED;
}

void
feed_note_passed(FeedOperation *feed, int64_t first, int64_t last)
{
	IdRange    *range = feed->npassed > 0 ? &feed->passed[feed->npassed - 1] : NULL;

	if (range != NULL && range->last == first - 1)
	{
		range->last = last;
		return;
	}
	if (feed->passed == NULL)
		feed->passed = calloc(FEED_MOST_PASSED, sizeof(IdRange));
	if (feed->passed == NULL)
	{
		feed_fail_memory(feed);
		return;
	}
	if (feed->npassed == FEED_MOST_PASSED)
		memmove(feed->passed, feed->passed + 1, --feed->npassed * sizeof(IdRange));
	feed->passed[feed->npassed++] = (IdRange)
	{
		.first = first, .last = last
	};
}

/*
 * Of what age is the gap below the commits ahead? Looks at no more of them than are needed to tell. Another result than
 * READ_ITEM: that is not known yet.
 */
static ReadResult
judge_gap(FeedOperation *feed, GapAge *age)
{
	while ((*age = gap_age(&feed->sight, 0, &feed->spec.rules)) == GAP_AGE_UNKNOWN)
	{
		ReadResult	result = sight_ahead(&feed->sight);

		if (result == READ_FAILED)
			return feed_fail_as_sight(feed);
		if (result != READ_ITEM && result != READ_END)
			return result;
	}
	return READ_ITEM;
}

/* Asks for the notes of the gaps that the page at hand shows, together. false: the read failed. */
static bool
notes_ask_ahead(FeedOperation *feed)
{
	Sight	   *sight = &feed->sight;

	while (sight_is_clear(sight))
		if (sight_ahead(sight) == READ_FAILED)
			return false;
	gaps_ask_ahead(sight, feed->next, &feed->spec.rules, feed->notes);
	return true;
}

static GapState
wait_for_gap(FeedOperation *feed, int64_t last)
{
	feed->waiting_for = (IdRange)
	{
		.first = feed->next, .last = last
	};
	if (feed->spec.kept != NULL)
	{
		sight_keep(&feed->sight, feed->spec.kept);
		feed->spec.kept->after = feed->next - 1;
	}
	sight_skim(&feed->sight);	/* higher ids are of use to the caller */
	return GAP_WAITS;
}

/* Dense ids do not stay away: they are late, or something is wrong with the store. */
static GapState
dense_gap(FeedOperation *feed, int64_t last, GapAge age)
{
	if (age == GAP_YOUNG && last >= feed->spec.rules.known_below)
		return wait_for_gap(feed, last);
	feed->failed = true;
	failure_set(&feed->failure, FAILURE_DENSE_GAP, NULL, "%" PRId64 "-%" PRId64, feed->next, last);
	return GAP_FAILED;
}

bool
feed_is_looking(const FeedOperation *feed)
{
	return feed->looks.count > 0 && looks_range(&feed->looks)->lower <= feed->next;
}

static GapState
wait_for_notes(FeedOperation *feed, StepResult result)
{
	if (result == STEP_PENDING)
		return GAP_PENDING;
	feed_fail(feed, notes_failure(feed->notes));
	return GAP_FAILED;
}

/* The first gap, and those behind it, may be given up at a second look, which is not before its time. */
static GapState
look_again(FeedOperation *feed)
{
	Sight	   *sight = &feed->sight;
	StepResult	result;
	int64_t		due;

	feed->judged = gaps_to_give_up(sight, feed->next, &feed->spec.rules);
	result = gaps_ask_notes(sight, feed->judged, feed->next, &feed->spec.rules, feed->notes);
	if (result != STEP_DONE)
		return wait_for_notes(feed, result);
	due = sight_at(sight, feed->judged - 1)->taken_at + LOOKS_APART_MS;
	if (http_now_ms() < due)
	{
		client_wake_at(feed->client, due);
		return GAP_PENDING;
	}
	looks_choose(&feed->looks, sight, feed->judged, feed->next, &feed->spec.rules);
	feed->judged = 0;
	return GAP_LOOKS;
}

/* A gap that may not be passed at one look: what do the notes say? */
static GapState
ask_notes(FeedOperation *feed)
{
	const Sighted *above;
	StepResult	result;

	if (!notes_ask_ahead(feed))
	{
		feed_fail_as_sight(feed);
		return GAP_FAILED;
	}
	result = gap_ask_notes(&feed->sight, 0, feed->next, feed->notes);
	if (result != STEP_DONE)
		return wait_for_notes(feed, result);
	above = sight_at(&feed->sight, 0);
	feed->next = above->open;
	if (feed->next == above->id)
		return GAP_SETTLED;
	if (feed_is_looking(feed))
		return GAP_LOOKS;
	if (feed->next > feed->spec.rules.dense_above || gap_give_up_to(&feed->sight, 0, feed->next, &feed->spec.rules) < feed->next)
		return wait_for_gap(feed, above->id - 1);
	return look_again(feed);
}

GapState
feed_gap_step(FeedOperation *feed, int64_t last)
{
	const int64_t dense_above = feed->spec.rules.dense_above;
	GapAge		age;
	ReadResult	known = judge_gap(feed, &age);

	if (known != READ_ITEM)
		return known == READ_FAILED ? GAP_FAILED : known == READ_PENDING ? GAP_PENDING : GAP_AGAIN;
	if (feed->next > dense_above)
		return dense_gap(feed, last, age);
	notes_forget_below(feed->notes, feed->next);
	if (age < GAP_OLD)
		return ask_notes(feed);
	if (last > dense_above)
		last = dense_above;
	if (age == GAP_HISTORY)
		feed->passed_old += last - feed->next + 1;
	else
		feed_note_passed(feed, feed->next, last);
	if (feed->failed)
		return GAP_FAILED;
	feed->next = last + 1;
	return GAP_SETTLED;
}
