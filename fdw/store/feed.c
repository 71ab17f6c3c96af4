/*
 * feed.c: may the next commit be delivered, or is one before it missing? See feed.h.
 *
 * Commits come from one read along the index (sight.h). At a gap, those above it are looked at ahead, as far as they are
 * needed to judge it. A gap that is looked at a second time is a read of its own, whose commits, if there are any, come
 * first.
 */
#include "store/feed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb/call.h"
#include "dynamodb/json.h"
#include "store/counter.h"
#include "store/notes.h"
#include "store/sight.h"

/* How many commits above a gap must all be old. */
#define WITNESSES 3

/* Between the two looks, ms. */
#define LOOKS_APART_MS 100

/* Ranges of ids that are reported as passed. */
#define MOST_PASSED 1000

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
	const char **attributes;	/* the caller's and the feed's own */
	size_t		nattributes;
	KeyRange	range;			/* of `sight`, and of `look` */
	KeyRange	look_range;
	Sight		sight;			/* of all that is visible above the position */
	ReadOperation *look;		/* at a gap for the second time; NULL: there is none under way */
	int64_t		looked_to;		/* ids up to it were looked for twice */
	Notes	   *notes;
	int64_t		unnoted;		/* the id that no note begins with, as was asked last; 0: nothing was */
	Call	   *head;			/* the counter's value is asked for */
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

/* The attributes that the feed itself needs, behind those that the caller wants. */
static bool
choose_attributes(FeedOperation *feed)
{
	static const char *const own[] = {COMMIT_ID, COMMIT_APPENDED_AT, COMMIT_COMMITTED_AT};
	const FeedSpec *spec = &feed->spec;

	feed->attributes = calloc(spec->nattributes + sizeof(own) / sizeof(own[0]), sizeof(char *));
	if (feed->attributes == NULL)
		return false;
	for (size_t i = 0; i < spec->nattributes; i++)
		feed->attributes[feed->nattributes++] = spec->attributes[i];
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
	{
		bool		is_there = false;

		for (size_t j = 0; j < spec->nattributes && !is_there; j++)
			is_there = strcmp(spec->attributes[j], own[i]) == 0;
		if (!is_there)
			feed->attributes[feed->nattributes++] = own[i];
	}
	return true;
}

static ReadOperation *
read_range(FeedOperation *feed, const KeyRange *range, int64_t wanted)
{
	ReadSpec	spec = {
		.path = READ_INDEX,
		.ranges = range,
		.nranges = 1,
		.ordered = true,
		.wanted = wanted,
		.nothing_ahead = true,
		.max_parallel = feed->spec.max_parallel,
		.max_ranges = feed->spec.max_ranges,
		.attributes = feed->attributes,
		.nattributes = feed->nattributes,
		.budget = feed->spec.budget,
	};

	return read_start(feed->client, &feed->names, &spec, feed->usage);
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
	feed->range = (KeyRange)
	{
		.has_lower = true, .lower = feed->next, .has_upper = spec->upto != INT64_MAX, .upper = spec->upto
	};
	feed->notes = notes_new(client, &feed->names, usage);
	if (choose_attributes(feed))
		feed->sight.read = read_range(feed, &feed->range, spec->wanted);
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

static ReadResult
fail_as_read(FeedOperation *feed, const ReadOperation *read)
{
	if (read_failure(read)->kind == FAILURE_NONE)
		feed_fail_memory(feed);
	else
		feed_fail(feed, read_failure(read));
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
		feed->passed = calloc(MOST_PASSED, sizeof(IdRange));
	if (feed->passed == NULL)
	{
		feed_fail_memory(feed);
		return;
	}
	if (feed->npassed == MOST_PASSED)
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
gap_age(FeedOperation *feed, bool *is_aged, bool *is_old)
{
	Sight	   *sight = &feed->sight;

	*is_aged = *is_old = true;
	for (size_t i = 0; i < WITNESSES && *is_aged; i++)
	{
		int64_t		stamp;

		if (i == sight->count)
		{
			ReadResult	result = sight->ended ? READ_END : sight_ahead(sight);

			if (result == READ_END)
				break;
			if (result != READ_ITEM)
				return result;
		}
		stamp = sight_at(sight, i)->stamp;
		*is_aged = stamp < feed->spec.stamped_before;
		*is_old = *is_old && *is_aged && stamp < feed->spec.old_before;
	}
	return READ_ITEM;
}

/* Asks for the notes of the gaps that the page at hand shows, together. false: the read failed. */
static bool
notes_ask_ahead(FeedOperation *feed)
{
	Sight	   *sight = &feed->sight;
	int64_t		next = feed->next;

	while (sight_is_clear(sight))
		if (sight_ahead(sight) == READ_FAILED)
			return false;
	for (size_t i = 0; i < sight->count; i++)
	{
		if (sight_at(sight, i)->id > next)
			notes_ask(feed->notes, next);
		next = sight_at(sight, i)->id + 1;
	}
	return true;
}

static GapState
wait_for_gap(FeedOperation *feed, int64_t last)
{
	feed->waiting_for = (IdRange)
	{
		.first = feed->next, .last = last
	};
	sight_skim(&feed->sight);	/* higher ids are of use to the caller */
	return GAP_WAITS;
}

/* Dense ids do not stay away: they are late, or something is wrong with the store. */
static GapState
dense_gap(FeedOperation *feed, int64_t last, bool is_aged)
{
	if (!is_aged && last >= feed->spec.known_below)
		return wait_for_gap(feed, last);
	feed->failed = true;
	failure_set(&feed->failure, FAILURE_DENSE_GAP, NULL, "%" PRId64 "-%" PRId64, feed->next, last);
	return GAP_FAILED;
}

/* The second look at the ids from `next` to `last`; it is not before its time. */
static GapState
look_again(FeedOperation *feed, int64_t last)
{
	int64_t		due = sight_at(&feed->sight, 0)->taken_at + LOOKS_APART_MS;

	if (http_now_ms() < due)
	{
		client_wake_at(feed->client, due);
		return GAP_PENDING;
	}
	feed->look_range = (KeyRange)
	{
		.has_lower = true, .lower = feed->next, .has_upper = true, .upper = last
	};
	feed->looked_to = last;
	feed->look = read_range(feed, &feed->look_range, 0);
	if (feed->look == NULL)
	{
		feed_fail_memory(feed);
		return GAP_FAILED;
	}
	return GAP_LOOKS;
}

/* A gap that may not be passed at one look: what do the notes say? `give_up_to`: what may be given up at two. */
static GapState
ask_notes(FeedOperation *feed, int64_t last, int64_t give_up_to)
{
	int64_t		burned = 0;

	if (feed->unnoted == feed->next)
		return look_again(feed, give_up_to);
	if (!notes_ask_ahead(feed))
	{
		fail_as_read(feed, feed->sight.read);
		return GAP_FAILED;
	}
	switch (notes_look(feed->notes, feed->next, &burned))
	{
		case STEP_PENDING:
			return GAP_PENDING;
		case STEP_FAILED:
			feed_fail(feed, notes_failure(feed->notes));
			return GAP_FAILED;
		case STEP_DONE:
			break;
	}
	if (burned > 0)
	{
		feed->next = burned > last - feed->next ? last + 1 : feed->next + burned;
		return GAP_SETTLED;
	}
	if (give_up_to < feed->next)
		return wait_for_gap(feed, last);
	feed->unnoted = feed->next;
	return look_again(feed, give_up_to);
}

/* The ids from `next` to `last` are not visible, while the first of the commits ahead is. */
static GapState
gap_step(FeedOperation *feed, int64_t last)
{
	bool		is_aged;
	bool		is_old;
	ReadResult	known;

	if (feed->next <= feed->looked_to)
	{
		int64_t		passed_to = last < feed->looked_to ? last : feed->looked_to;

		note_passed(feed, feed->next, passed_to);
		feed->next = passed_to + 1;
		return feed->failed ? GAP_FAILED : GAP_SETTLED;
	}
	known = gap_age(feed, &is_aged, &is_old);
	if (known == READ_FAILED)
		fail_as_read(feed, feed->sight.read);
	if (known != READ_ITEM)
		return known == READ_FAILED ? GAP_FAILED : known == READ_PENDING ? GAP_PENDING : GAP_AGAIN;
	if (feed->next > feed->spec.dense_above)
		return dense_gap(feed, last, is_aged);
	if (last > feed->spec.dense_above)
		last = feed->spec.dense_above;
	if (is_old)
	{
		feed->passed_old += last - feed->next + 1;
		feed->next = last + 1;
		return GAP_SETTLED;
	}
	return ask_notes(feed, last, is_aged || last < feed->spec.known_below ? last : feed->spec.known_below - 1);
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

/* Takes a commit that the second look has found; what is missing before it is passed. */
static ReadResult
next_of_look(FeedOperation *feed, const cJSON **item)
{
	int64_t		id;
	ReadResult	result = read_next(feed->look, item);

	if (result == READ_FAILED)
		return fail_as_read(feed, feed->look);
	if (result == READ_END)
	{
		read_free(feed->look);
		feed->look = NULL;
		return READ_EMPTY_PAGE;
	}
	if (result != READ_ITEM)
		return result;
	if (!sight_id_of(*item, &id))
		return READ_EMPTY_PAGE;
	if (id < feed->next)
		return fail_twice(feed, id);
	if (id > feed->next)
		note_passed(feed, feed->next, id - 1);
	return feed->failed ? READ_FAILED : deliver(feed, id);
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

/* Takes the next commit of the read: as it is, if it comes at its turn; otherwise it is the first one ahead. */
static ReadResult
next_in_sight(FeedOperation *feed, const cJSON **item)
{
	int64_t		id;
	ReadResult	result = feed->sight.ended ? READ_END : sight_take(&feed->sight, item, &id);

	if (result == READ_FAILED)
		return fail_as_read(feed, feed->sight.read);
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
	StepResult	result;
	int64_t		head = 0;

	if (feed->head == NULL)
	{
		ByteBuffer	body = {0};

		counter_write_get(&body, &feed->names);
		feed->head = call_start(feed->client, OPERATION_GET_ITEM, &body, feed->usage);
		buffer_free(&body);
		if (feed->head == NULL)
		{
			feed_fail_memory(feed);
			return READ_FAILED;
		}
	}
	result = call_step(feed->head);
	if (result == STEP_PENDING)
		return READ_PENDING;
	feed->spec.checks_head = false;
	if (result == STEP_FAILED)
	{
		feed_fail(feed, call_failure(feed->head));
		return READ_FAILED;
	}
	(void) counter_read_head(json_member(call_response(feed->head), "Item"), &head);
	if (head >= feed->spec.after)
		return READ_END;
	feed->failed = true;
	failure_set(&feed->failure, FAILURE_BEHIND, NULL, "%" PRId64, head);
	return READ_FAILED;
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
	else if (feed->look != NULL)
		result = next_of_look(feed, item);
	else if (feed->sight.count > 0)
		result = next_ahead(feed, item);
	else
		result = next_in_sight(feed, item);
	if (result == READ_END)
	{
		feed->ended = true;
		if (feed->spec.checks_head && !feed->delivered)
			result = check_head(feed);
	}
	return result;
}

bool
feed_is_ready(FeedOperation *feed)
{
	if (feed->failed || feed->ended || feed->sight.ended)
		return true;
	if (feed->look != NULL)
		return read_is_ready(feed->look);
	return feed->sight.count > 0 ? sight_at(&feed->sight, 0)->id == feed->next : read_is_ready(feed->sight.read);
}

const Failure *
feed_failure(const FeedOperation *feed)
{
	return &feed->failure;
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
	read_free(feed->look);
	notes_free(feed->notes);
	call_free(feed->head);
	cJSON_Delete(feed->current);
	free(feed->attributes);
	free(feed->passed);
	free(feed);
}
