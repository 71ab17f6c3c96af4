/*
 * feed.c: may the next commit be delivered, or is one before it missing? See feed.h.
 *
 * Commits come from one read along the index (sight.h). What happens at a gap is for feed_gap.c. What second looks find
 * there is merged into the commits ahead.
 */
#include "store/feed.h"

#include <inttypes.h>
#include <stdlib.h>

#include "store/feed_gap.h"

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

/* All ids up to that one are settled. */
static void
settle_to(FeedOperation *feed, int64_t id)
{
	feed->at_last = id == INT64_MAX;
	feed->ended = feed->ended || feed->at_last;
	feed->next = feed->at_last ? id : id + 1;
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
	settle_to(feed, spec->after);
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

static ReadResult
deliver(FeedOperation *feed, int64_t id)
{
	feed->delivered = true;
	settle_to(feed, id);
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
		feed_note_passed(feed, feed->next, id - 1);
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
		switch (feed_gap_step(feed, id - 1))
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
	while (feed->next <= feed->spec.upto && !feed->at_last)
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
		settle_to(feed, count <= feed->spec.upto - feed->next ? feed->next + count - 1 : feed->spec.upto);
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
		return feed_fail_as_sight(feed);
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
			if (feed->head.failure.kind == FAILURE_ACCESS_DENIED)
				break;			/* who may not read it reads the commits all the same */
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
	else if (feed_is_looking(feed))
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
	if (feed_is_looking(feed))
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
		return !feed->at_last && feed->kept_to > 0 && feed->ranges[feed->read.nranges - 1].has_upper;
	return feed->waiting_for.first > feed->spec.after + 1 && feed->waiting_for.first < feed->kept_to &&
		feed->waiting_for.first >= feed->spec.rules.known_below;
}

void
feed_report(const FeedOperation *feed, FeedReport *report)
{
	*report = (FeedReport)
	{
		.complete_to = feed->at_last ? INT64_MAX : feed->next - 1,
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
