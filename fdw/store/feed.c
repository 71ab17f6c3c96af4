/*
 * feed.c: may the next commit be delivered, or is one before it missing? See feed.h.
 *
 * Commits come from one read along the index (sight.h). At a gap, those above it are looked at ahead, as far as they are
 * needed to judge it (gap.h). If it may be given up, so may others behind it: notes of all of them are asked for, and then
 * second looks are sent together (looks.h). What they find is merged into the commits ahead.
 */
#include "store/feed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/head_check.h"
#include "store/looks.h"
#include "store/notes.h"
#include "store/sight.h"

/* Between the two looks, ms. */
#define LOOKS_APART_MS 100

typedef enum GapState
{
	GAP_SETTLED,				/* its first ids are burned or passed: `next` has moved on */
	GAP_PENDING,
	GAP_AGAIN,					/* a page without commits was taken: call again */
	GAP_WAITS,					/* an id may still appear: the feed ends here */
	GAP_LOOKS,					/* a second look has been begun */
	GAP_FAILED
} GapState;

struct FeedOperation
{
	Client	   *client;
	StoreNames	names;
	FeedSpec	spec;
	Usage	   *usage;
	const char **attributes;	/* what the caller wants, and what `sight` needs */
	size_t		nattributes;
	KeyRange	ranges[KEPT_MOST_RANGES];	/* of `sight` */
	int64_t		kept_to;		/* the highest id that the feed before has kept; 0: it has kept nothing */
	ReadSpec	read;			/* how `sight` is read; looks are likewise */
	Sight		sight;			/* of all that is visible above the position */
	Looks		looks;			/* at gaps, for the second time */
	size_t		judged;			/* gaps ahead that are about to be looked at, once their notes are known; 0: none */
	Notes	   *notes;
	HeadCheck	head;
	bool		head_checked;
	cJSON	   *current;		/* the one that was handed out, where it is a copy */
	int64_t		next;			/* the first id that is not settled */
	bool		delivered;
	bool		ended;
	IdRange		waiting_for;
	IdRange    *passed;
	size_t		npassed;
	int64_t		passed_old;
	bool		failed;
	Failure		failure;
};

/* What the feed before has kept, if it was for this position. How many ranges are left to be read. */
static size_t
take_kept(FeedOperation *feed)
{
	Kept	   *kept = feed->spec.kept;
	size_t		count;

	if (kept == NULL)
		return 1;
	if (kept->count == 0 || kept->after != feed->spec.after)
	{
		kept_clear(kept);
		return 1;
	}
	feed->sight.highest = feed->kept_to = kept_highest(kept);
	count = kept_ranges(kept, kept->after, &feed->spec.rules.known_below, feed->ranges);
	feed->sight.kept_stamp = feed->spec.rules.now;
	kept_move(kept, &feed->sight.kept);
	return count;
}

FeedOperation *
feed_start(Client *client, const StoreNames *names, const FeedSpec *spec, Usage *usage)
{
	FeedOperation *feed = calloc(1, sizeof(FeedOperation));

	if (feed == NULL)
		return NULL;
	feed->client = client;
	feed->names = *names;
	feed->spec = *spec;
	feed->usage = usage;
	feed->next = spec->after + 1;
	feed->sight.highest = spec->after;
	feed->head = (HeadCheck)
	{
		.client = client, .names = &feed->names, .position = spec->after, .usage = usage
	};
	feed->ranges[0] = (KeyRange)
	{
		.has_lower = true, .lower = feed->next, .has_upper = spec->upto != INT64_MAX, .upper = spec->upto
	};
	feed->notes = notes_new(client, &feed->names, usage);
	feed->attributes = sight_attributes(spec->attributes, spec->nattributes, &feed->nattributes);
	if (feed->attributes != NULL)
	{
		feed->read = (ReadSpec)
		{
			.path = READ_INDEX, .ranges = feed->ranges, .nranges = take_kept(feed), .ordered = true, .wanted = spec->wanted, .nothing_ahead = true,
			.max_parallel = spec->max_parallel, .max_ranges = spec->max_ranges, .attributes = feed->attributes,
			.nattributes = feed->nattributes, .budget = spec->budget
		};
		feed->sight.read = read_start(client, &feed->names, &feed->read, usage);
	}
	if (feed->notes == NULL || feed->sight.read == NULL)
	{
		feed_free(feed);
		return NULL;
	}
	return feed;
}

static void
feed_fail(FeedOperation *feed, const Failure *failure)
{
	feed->failed = true;
	feed->failure = *failure;
}

static void
feed_fail_memory(FeedOperation *feed)
{
	feed->failed = true;
	failure_set(&feed->failure, FAILURE_MEMORY, NULL, "out of memory");
}

/* The read along the index has failed, or there was no memory for what it found. */
static ReadResult
fail_as_sight(FeedOperation *feed)
{
	const Failure *failure = read_failure(feed->sight.read);

	if (failure->kind == FAILURE_NONE)
		feed_fail_memory(feed);
	else
		feed_fail(feed, failure);
	return READ_FAILED;
}

static void
note_passed(FeedOperation *feed, int64_t first, int64_t last)
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
			return fail_as_sight(feed);
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

/* Is the first id that is not settled being looked at for the second time? */
static bool
is_looking(const FeedOperation *feed)
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
		fail_as_sight(feed);
		return GAP_FAILED;
	}
	result = gap_ask_notes(&feed->sight, 0, feed->next, feed->notes);
	if (result != STEP_DONE)
		return wait_for_notes(feed, result);
	above = sight_at(&feed->sight, 0);
	feed->next = above->open;
	if (feed->next == above->id)
		return GAP_SETTLED;
	if (is_looking(feed))
		return GAP_LOOKS;
	if (feed->next > feed->spec.rules.dense_above || gap_give_up_to(&feed->sight, 0, feed->next, &feed->spec.rules) < feed->next)
		return wait_for_gap(feed, above->id - 1);
	return look_again(feed);
}

/* The ids from `next` to `last` are not visible, while the first of the commits ahead is. */
static GapState
gap_step(FeedOperation *feed, int64_t last)
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
		note_passed(feed, feed->next, last);
	feed->next = last + 1;
	return GAP_SETTLED;
}

static ReadResult
deliver(FeedOperation *feed, int64_t id)
{
	feed->delivered = true;
	feed->next = id + 1;
	return READ_ITEM;
}

static ReadResult
fail_twice(FeedOperation *feed, int64_t id)
{
	feed->failed = true;
	failure_set(&feed->failure, FAILURE_ID_TWICE, NULL, "%" PRId64, id);
	return READ_FAILED;
}

/* The ids from `next` to below `id` were looked for twice: those that no note names are passed. */
static void
settle_looked(FeedOperation *feed, int64_t id)
{
	int64_t		open = sight_at(&feed->sight, 0)->open;

	if (feed->next < open)
		feed->next = open < id ? open : id;
	if (feed->next < id)
		note_passed(feed, feed->next, id - 1);
	feed->next = feed->next < id ? id : feed->next;
}

/* Takes the next commit in a range that is looked at for the second time, whichever look has found it. */
static ReadResult
next_looked(FeedOperation *feed, const cJSON **item)
{
	const LooksSource source = {feed->client, &feed->names, &feed->read, feed->usage};
	Looks	   *looks = &feed->looks;
	int64_t		upper = looks_range(looks)->upper;
	int64_t		ahead = sight_at(&feed->sight, 0)->id;
	int64_t		id = ahead <= upper ? ahead : upper + 1;
	ReadResult	result = looks_peek(looks, &source);

	if (result == READ_FAILED)
		feed_fail(feed, &looks->failure);
	if (result != READ_ITEM && result != READ_END)
		return result;
	if (result == READ_ITEM && looks->found_id < id)
		id = looks->found_id;
	if (id < feed->next)
		return fail_twice(feed, id);
	settle_looked(feed, id);
	if (feed->failed)
		return READ_FAILED;
	if (id > upper)
	{
		looks_drop(looks);
		return READ_EMPTY_PAGE;
	}
	*item = id == ahead ? (feed->current = sight_pop(&feed->sight)) : looks->found;
	if (result == READ_ITEM && looks->found_id == id)
		looks_take(looks);
	return deliver(feed, id);
}

/* Takes the first of the commits ahead. */
static ReadResult
next_ahead(FeedOperation *feed, const cJSON **item)
{
	int64_t		id = sight_at(&feed->sight, 0)->id;

	if (id < feed->next)
		return fail_twice(feed, id);
	while (id > feed->next)
	{
		switch (gap_step(feed, id - 1))
		{
			case GAP_SETTLED:
				break;
			case GAP_PENDING:
				return READ_PENDING;
			case GAP_WAITS:
				return READ_END;
			case GAP_AGAIN:
			case GAP_LOOKS:
				return READ_EMPTY_PAGE;
			case GAP_FAILED:
				return READ_FAILED;
		}
	}
	*item = feed->current = sight_pop(&feed->sight);
	return deliver(feed, id);
}

/* No commit is visible any more, and ids are left that were given out. */
static ReadResult
settle_tail(FeedOperation *feed)
{
	while (feed->next <= feed->spec.upto)
	{
		int64_t		count;
		StepResult	result = notes_look(feed->notes, feed->next, &count);

		if (result == STEP_PENDING)
			return READ_PENDING;
		if (result == STEP_FAILED)
		{
			feed_fail(feed, notes_failure(feed->notes));
			return READ_FAILED;
		}
		if (count == 0)
		{
			feed->waiting_for = (IdRange)
			{
				.first = feed->next, .last = feed->spec.upto
			};
			break;
		}
		feed->next = count <= feed->spec.upto - feed->next ? feed->next + count : feed->spec.upto + 1;
	}
	return READ_END;
}

/* Takes the next commit of the read: as it is, if it comes at its turn; otherwise it is the first one ahead. */
static ReadResult
next_in_sight(FeedOperation *feed, const cJSON **item)
{
	int64_t		id;
	ReadResult	result = feed->sight.ended ? READ_END : sight_take(&feed->sight, item, &id);

	if (result == READ_FAILED)
		return fail_as_sight(feed);
	if (result == READ_END && feed->spec.all_given_out)
		return settle_tail(feed);
	if (result != READ_ITEM)
		return result;
	if (*item == NULL)
		return READ_EMPTY_PAGE;
	if (id == feed->next)
		return deliver(feed, id);
	if (sight_put_back(&feed->sight, *item, id))
		return READ_EMPTY_PAGE;
	feed_fail_memory(feed);
	return READ_FAILED;
}

/* Nothing is there to be delivered: is the store still the one whose position this is? */
static ReadResult
check_head(FeedOperation *feed)
{
	switch (head_check_step(&feed->head))
	{
		case STEP_PENDING:
			return READ_PENDING;
		case STEP_FAILED:
			feed_fail(feed, &feed->head.failure);
			return READ_FAILED;
		case STEP_DONE:
			break;
	}
	feed->head_checked = true;
	return READ_END;
}

ReadResult
feed_next(FeedOperation *feed, const cJSON **item)
{
	ReadResult	result;

	cJSON_Delete(feed->current);
	feed->current = NULL;
	if (feed->failed)
		return READ_FAILED;
	if (feed->ended)
		result = READ_END;
	else if (is_looking(feed))
		result = next_looked(feed, item);
	else if (feed->sight.count > 0)
		result = next_ahead(feed, item);
	else
		result = next_in_sight(feed, item);
	if (result == READ_END)
	{
		feed->ended = true;
		if (feed->spec.checks_head && !feed->delivered && !feed->head_checked)
			result = check_head(feed);
	}
	return result;
}

/* Has what the first gap ahead waits for arrived? */
static bool
gap_is_ready(FeedOperation *feed)
{
	if (gap_age(&feed->sight, 0, &feed->spec.rules) == GAP_AGE_UNKNOWN)
		return sight_is_ready(&feed->sight);
	return gaps_notes_have_arrived(&feed->sight, feed->judged > 0 ? feed->judged : 1, feed->next, feed->notes);
}

bool
feed_is_ready(FeedOperation *feed)
{
	if (feed->ended)
		return head_check_is_ready(&feed->head);
	if (feed->failed)
		return true;
	if (feed->sight.ended && feed->sight.count == 0 && feed->spec.all_given_out)
		return feed->next > feed->spec.upto || notes_has_arrived(feed->notes, feed->next);
	if (feed->sight.ended)
		return true;
	if (is_looking(feed))
		return looks_is_ready(&feed->looks);
	if (feed->sight.count == 0)
		return sight_is_ready(&feed->sight);
	return sight_at(&feed->sight, 0)->id == feed->next || gap_is_ready(feed);
}

const Failure *
feed_failure(const FeedOperation *feed)
{
	return &feed->failure;
}

/* Of gaps, the first was asked for, and those that might have been given up. */
static bool
goes_on(const FeedOperation *feed)
{
	if (feed->waiting_for.first == 0)
		return feed->kept_to > 0 && feed->ranges[feed->read.nranges - 1].has_upper;
	return feed->waiting_for.first > feed->spec.after + 1 && feed->waiting_for.first < feed->kept_to &&
		feed->waiting_for.first >= feed->spec.rules.known_below;
}

void
feed_report(const FeedOperation *feed, FeedReport *report)
{
	*report = (FeedReport)
	{
		.complete_to = feed->next - 1,
		.waiting_for = feed->waiting_for,
		.seen = feed->sight.highest,
		.passed = feed->passed,
		.npassed = feed->npassed,
		.passed_old = feed->passed_old,
		.head_checked = feed->head_checked,
		.goes_on = goes_on(feed),
		.note_reads = notes_reads(feed->notes),
		.notes_denied = notes_are_denied(feed->notes),
	};
}

void
feed_free(FeedOperation *feed)
{
	if (feed == NULL)
		return;
	sight_free(&feed->sight);
	looks_free(&feed->looks);
	notes_free(feed->notes);
	head_check_free(&feed->head);
	cJSON_Delete(feed->current);
	free(feed->attributes);
	free(feed->passed);
	free(feed);
}
