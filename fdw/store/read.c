/*
 * read.c: how are many pages fetched at once, each row handed out once, and no more asked for than is wanted?
 *
 * Each stream asks for its next page as soon as its last one has arrived and is taken, and what is under way is
 * looked after between two items, so that the network works while rows are used. A page whose turn has not come waits
 * unparsed. Only a page without a LastEvaluatedKey is a stream's last; an empty one is not.
 *
 * Where the caller wants few items, reading starts with one stream and a page of that size, nothing ahead; if more is
 * asked for after all, pages and parallelism grow until they are what they would have been.
 *
 * A stream of sort keys that is alone is cut into ranges once a full page of it has come and all of it is wanted. That
 * page and those after it tell how many keys a page spans. How far the keys go is asked while the second page is under
 * way; what is beyond the answer was given out later, and stays one range, followed page by page, as does whatever is
 * below the first key that there can be. If there is no answer, nothing is cut.
 */
#include "store/read.h"

#include <stdlib.h>
#include <string.h>

#include "dynamodb/call.h"
#include "dynamodb/json.h"
#include "dynamodb/page.h"
#include "dynamodb/request.h"
#include "dynamodb/response.h"
#include "store/read_request.h"

/* A small page grows by this factor, and has no limit any more beyond that many items. */
#define PAGE_GROWTH 4
#define LARGEST_LIMITED_PAGE 1000

/* Pages that wait for their turn, at most, where some have to overtake others. */
#define PAGES_PER_CONNECTION 2

/* While items are handed out, what is under way is looked after so often. */
#define PUMP_INTERVAL_MS 1

/* A filter may throw away most of a page: the first one is not smaller than this then. */
#define SMALLEST_FILTERED_PAGE 100

/* The first commit id and the first version of an aggregate; smaller ones are strangers' work. */
#define FIRST_COMMIT_ID 1
#define FIRST_VERSION 0

typedef struct Stream
{
	struct Stream *next;		/* in the order of delivery */
	const AggregateId *aggregate;	/* READ_AGGREGATE */
	KeyRange	range;			/* READ_AGGREGATE, READ_INDEX */
	int			segment;		/* READ_SCAN */
	bool		is_started;
	bool		is_whole;		/* never to be cut */
	bool		awaits_head;	/* not to be started before it is known how far the keys go */
	bool		is_limited;		/* the page under way is */
	bool		is_asked_again; /* its page under way, having been throttled to the end before */
	bool		has_first_page;
	bool		has_position;
	int64_t		position;		/* the first sort key that its next page can have */
	Call	   *call;			/* its page under way, or waiting for its turn */
	cJSON	   *start_key;		/* where its next page begins; NULL: at the beginning */
} Stream;

struct ReadOperation
{
	Client	   *client;
	Usage	   *usage;
	StoreNames	names;
	ReadSpec	spec;
	Stream	   *streams;		/* made and not at their end, in order; as soon as they are needed */
	size_t		nstreams;		/* that the spec describes */
	size_t		nmade;			/* of these */
	size_t		nactive;		/* started and not at their end */
	size_t		parallel;		/* how many may be active now */
	bool		was_parallel;	/* several were */
	bool		may_be_cut;		/* there is one stream in the spec, and it has sort keys */
	PageSpan	span;
	bool		head_asked;		/* how far the keys go */
	bool		head_is_known;
	int64_t		head;			/* the answer; if there was none, before all keys */
	Call	   *head_call;
	int64_t		page_limit;		/* items of the next page; 0: as many as fit */
	ItemPage   *page;			/* the one whose items are handed out */
	const cJSON *next_item;
	int64_t		wanted;			/* spec.wanted, until more is asked for */
	int64_t		received;		/* items of all pages so far */
	int64_t		pumped_at;		/* ms */
	int64_t		count;			/* count_only: so far */
	bool		failed;
	Failure		failure;
};

static size_t
stream_count(const ReadSpec *spec)
{
	switch (spec->path)
	{
		case READ_AGGREGATE:
			return spec->naggregates * spec->nranges;
		case READ_INDEX:
			return spec->nranges;
		case READ_SCAN:
			break;
	}
	return spec->chosen_segments != NULL ? spec->nchosen_segments : (size_t) spec->segments;
}

static void
stream_describe(Stream *stream, const ReadSpec *spec, size_t number)
{
	size_t		range;

	if (spec->path == READ_SCAN)
	{
		stream->segment = spec->chosen_segments != NULL ? spec->chosen_segments[number] : (int) number;
		return;
	}
	range = number % spec->nranges;
	stream->range = spec->ranges[spec->backward ? spec->nranges - 1 - range : range];
	if (spec->path == READ_AGGREGATE)
		stream->aggregate = &spec->aggregates[number / spec->nranges];
}

ReadOperation *
read_start(Client *client, const StoreNames *names, const ReadSpec *spec, Usage *usage)
{
	ReadOperation *read = calloc(1, sizeof(ReadOperation));
	size_t		max_parallel = spec->max_parallel > 0 ? (size_t) spec->max_parallel : 1;
	size_t		useful;

	if (read == NULL)
		return NULL;
	read->client = client;
	read->usage = usage;
	read->names = *names;
	read->spec = *spec;
	read->nstreams = stream_count(spec);
	read->may_be_cut = read->nstreams == 1 && spec->path != READ_SCAN && spec->max_ranges > 1 && !spec->nothing_ahead;
	useful = read->may_be_cut ? (size_t) spec->max_ranges : read->nstreams;
	if (max_parallel > useful)
		max_parallel = useful;
	read->spec.max_parallel = (int) max_parallel;

	read->wanted = spec->wanted;
	read->parallel = max_parallel;
	if (spec->wanted > 0 && spec->wanted <= LARGEST_LIMITED_PAGE && !spec->count_only)
	{
		read->parallel = 1;
		read->page_limit = spec->wanted;
		if (spec->filter != NULL && read->page_limit < SMALLEST_FILTERED_PAGE)
			read->page_limit = SMALLEST_FILTERED_PAGE;
	}
	return read;
}

static void
read_fail(ReadOperation *read, const Failure *failure)
{
	read->failed = true;
	read->failure = *failure;
}

static void
read_fail_with(ReadOperation *read, FailureKind kind, const char *message)
{
	Failure		failure;

	failure_set(&failure, kind, NULL, "%s", message);
	read_fail(read, &failure);
}

static void
read_fail_memory(ReadOperation *read)
{
	read_fail_with(read, FAILURE_MEMORY, "out of memory");
}

static void
read_fail_bad_page(ReadOperation *read)
{
	read_fail_with(read, FAILURE_BAD_ANSWER, "the page is not one of DynamoDB's");
}

/* Sends the stream's request for its next page. */
static void
stream_ask(ReadOperation *read, Stream *stream)
{
	ByteBuffer	body = {0};
	PageRequest page = {
		.aggregate = stream->aggregate,
		.range = &stream->range,
		.segment = stream->segment,
		.start_key = stream->start_key,
		.limit = read->page_limit,
	};

	stream->is_limited = page.limit > 0;
	read_request_write(&body, &read->names, &read->spec, &page);
	stream->call = call_start(read->client, read->spec.path == READ_SCAN ? OPERATION_SCAN : OPERATION_QUERY, &body,
							  read->usage);
	if (stream->call == NULL)
		read_fail_memory(read);
	else
		call_expect_page(stream->call);
	buffer_free(&body);
}

/* A stream that was not in the list yet, put behind `before`, or first. NULL when memory ran out; the read has failed then. */
static Stream *
stream_insert(ReadOperation *read, Stream *before)
{
	Stream	   *stream = calloc(1, sizeof(Stream));

	if (stream == NULL)
	{
		read_fail_memory(read);
		return NULL;
	}
	stream->next = before != NULL ? before->next : read->streams;
	if (before != NULL)
		before->next = stream;
	else
		read->streams = stream;
	return stream;
}

/* Makes what was cut off a stream's range a stream of its own. NULL: as above. */
static Stream *
stream_insert_rest(ReadOperation *read, Stream *before, const KeyRange *rest)
{
	Stream	   *stream = stream_insert(read, before);

	if (stream != NULL)
	{
		stream->aggregate = before->aggregate;
		stream->range = *rest;
	}
	return stream;
}

/* Starts a stream: at its first page, which of a range that can be cut is all. */
static void
stream_start(ReadOperation *read, Stream *stream)
{
	bool		backward = read->spec.backward;
	KeyRange	rest;

	if (read->may_be_cut && !stream->is_whole && stream->range.has_lower && stream->range.has_upper
		&& key_range_cut(&stream->range, &read->span, backward, &rest))
		stream_insert_rest(read, stream, &rest);
	stream->has_position = backward ? stream->range.has_upper : stream->range.has_lower;
	stream->position = backward ? stream->range.upper : stream->range.lower;
	stream->is_started = true;
	read->nactive++;
	read->was_parallel = read->was_parallel || read->nactive > 1;
}

/* The next stream to start, made if there is none; NULL where nothing is to be started now. */
static Stream *
stream_to_start(ReadOperation *read)
{
	Stream	   *last = NULL;
	Stream	   *stream;

	for (stream = read->streams; stream != NULL; stream = stream->next)
	{
		if (!stream->is_started && !stream->awaits_head)
			return stream;
		last = stream;
	}
	if (read->nmade == read->nstreams)
		return NULL;
	stream = stream_insert(read, last);
	if (stream != NULL)
		stream_describe(stream, &read->spec, read->nmade++);
	return stream;
}

/* While DynamoDB throttles, fewer requests are under way: how many more there may be. */
static size_t
requests_left(const ReadOperation *read)
{
	size_t		window = (size_t) client_window(read->client, TRAFFIC_READ);
	size_t		under_way = 0;

	if (window >= read->parallel)
		return read->parallel;
	for (const Stream *stream = read->streams; stream != NULL; stream = stream->next)
		under_way += stream->call != NULL && !call_has_arrived(stream->call);
	return window > under_way ? window - under_way : 0;
}

/*
 * The first stream that was cut off one whose range turned out to hold more than a page, when later pages are waiting
 * already: its pages are wanted before these, and would come one by one if it had to wait for their places. NULL where
 * there is none, or no connection is free for it.
 */
static Stream *
stream_to_start_before_others(const ReadOperation *read)
{
	Stream	   *first = NULL;
	bool		others = false;
	size_t		awaited = 0;

	for (Stream *stream = read->streams; stream != NULL; stream = stream->next)
	{
		if (stream->is_started)
		{
			others = first != NULL;
			awaited += stream->call == NULL || !call_has_arrived(stream->call);
		}
		else if (first == NULL && !stream->awaits_head)
			first = stream;
	}
	return others && awaited < read->parallel && read->nactive < PAGES_PER_CONNECTION * read->parallel ? first : NULL;
}

/*
 * Starts as many streams as may be active, and lets each active one ask for its next page, as far as the client's window
 * goes. The first one, for which the reader may be waiting, is never held back.
 */
static void
streams_ask(ReadOperation *read)
{
	Stream	   *stream;
	size_t		left = requests_left(read);

	while (read->nactive < read->parallel && (stream = stream_to_start(read)) != NULL)
		stream_start(read, stream);
	while (read->may_be_cut && (stream = stream_to_start_before_others(read)) != NULL)
		stream_start(read, stream);
	for (stream = read->streams; stream != NULL && !read->failed; stream = stream->next)
	{
		if (!stream->is_started || stream->call != NULL || (left == 0 && stream != read->streams))
			continue;
		stream_ask(read, stream);
		left -= left > 0;
	}
}

/* Cuts what is left of a stream behind the highest key that was known; or, backward, before the lowest that there can be. */
static void
stream_cut_at_head(ReadOperation *read, Stream *stream, int64_t head)
{
	Stream	   *open;
	KeyRange	rest;

	if (key_range_split(&stream->range, head, read->spec.backward, &rest))
	{
		open = stream_insert_rest(read, stream, &rest);
		if (open != NULL)
			open->is_whole = true;
	}
	else
		stream->is_whole = !stream->range.has_lower || !stream->range.has_upper || head < stream->range.lower;
	stream->awaits_head = false;
}

static void
head_ask(ReadOperation *read)
{
	ByteBuffer	body = {0};
	Operation	operation = read_head_request_write(&body, &read->names, &read->spec);

	read->head_call = call_start(read->client, operation, &body, read->usage);
	buffer_free(&body);
	if (read->head_call == NULL)
		read_fail_memory(read);
}

/* The answer may be there: then what waits for it can be started. A read does not fail for want of it. */
static bool
head_take(ReadOperation *read)
{
	StepResult	result;

	if (read->head_call == NULL)
		return false;
	result = call_step(read->head_call);
	if (result == STEP_PENDING)
		return false;
	if (result == STEP_FAILED || !read_head_of(&read->spec, call_response(read->head_call), &read->head))
		read->head = INT64_MIN;
	read->head_is_known = true;
	call_free(read->head_call);
	read->head_call = NULL;
	for (Stream *stream = read->streams; stream != NULL && !read->failed; stream = stream->next)
		if (!stream->is_started)
			stream_cut_at_head(read, stream, read->head);
	return true;
}

/*
 * A full page of the stream has come, and there is more. What does not fit into the next one becomes a stream of its
 * own; for the first time, this is all that is left.
 */
static void
stream_cut(ReadOperation *read, Stream *stream)
{
	bool		backward = read->spec.backward;
	bool		ends = backward ? stream->range.has_lower : stream->range.has_upper;
	KeyRange	range = stream->range;
	KeyRange	rest_range;
	Stream	   *rest;

	if (!key_range_cut_from(&range, stream->position, &read->span, backward, &rest_range))
		return;
	rest = stream_insert_rest(read, stream, &rest_range);
	if (rest == NULL)
		return;
	stream->range = range;
	if (!backward && !read->head_asked)
	{
		rest->awaits_head = true;
		read->head_asked = true;
		head_ask(read);
	}
	else if (!backward && read->head_is_known)
		stream_cut_at_head(read, rest, read->head);	/* the stream may have been cut for the first time beyond it */
	else if (!ends && backward)
		stream_cut_at_head(read, rest, read->spec.path == READ_INDEX ? FIRST_COMMIT_ID : FIRST_VERSION);
}

static void
read_pump(ReadOperation *read, int64_t now)
{
	client_pump(read->client);
	read->pumped_at = now;
	if (head_take(read))
		streams_ask(read);
}

/* true when what the caller will probably take is at hand. */
static bool
read_is_covered(const ReadOperation *read)
{
	return read->wanted > 0 && read->received >= read->wanted;
}

/* The stream whose page comes next, or NULL where that has yet to arrive. */
static Stream *
stream_choose(const ReadOperation *read)
{
	for (Stream *stream = read->streams; stream != NULL; stream = stream->next)
	{
		if (stream->call != NULL && call_has_arrived(stream->call))
			return stream;
		if (read->spec.ordered)
			break;
	}
	return NULL;
}

static void
stream_free(Stream *stream)
{
	call_free(stream->call);
	cJSON_Delete(stream->start_key);
	free(stream);
}

static void
stream_end(ReadOperation *read, Stream *stream)
{
	Stream	  **at = &read->streams;

	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
	read->nactive--;
	stream_free(stream);
}

/* More is asked for than was wanted: read on in a bigger way. */
static void
read_grow(ReadOperation *read)
{
	size_t		max_parallel = (size_t) read->spec.max_parallel;

	if (read->page_limit == 0)
		return;
	read->page_limit *= PAGE_GROWTH;
	read->parallel = read->parallel * 2 < max_parallel ? read->parallel * 2 : max_parallel;
	if (read->page_limit > LARGEST_LIMITED_PAGE)
	{
		read->page_limit = 0;
		read->parallel = max_parallel;
	}
}

/*
 * Where the stream goes on after this page. What is not said as DynamoDB would is an error: to stop there would leave
 * out the rest, and a key that does not move would be read for ever.
 */
static void
page_read_key(ReadOperation *read, Stream *stream, const cJSON *page)
{
	const cJSON *last = json_member(page, "LastEvaluatedKey");
	cJSON	   *before = stream->start_key;

	stream->start_key = NULL;
	if (cJSON_IsObject(last) && last->child != NULL)
	{
		stream->start_key = cJSON_Duplicate(last, true);
		if (stream->start_key == NULL)
			read_fail_memory(read);
		else if (cJSON_Compare(before, stream->start_key, true))
			read_fail_bad_page(read);
	}
	else if (last != NULL && !cJSON_IsNull(last))
		read_fail_bad_page(read);
	cJSON_Delete(before);
}

/* How many items there are; -1 when they are none, or not as many as the page says. */
static int64_t
page_count_items(const cJSON *page)
{
	const cJSON *items = json_member(page, "Items");
	int64_t		count = 0;

	if (!cJSON_IsArray(items))
		return -1;
	for (const cJSON *item = items->child; item != NULL; item = item->next, count++)
		if (!cJSON_IsObject(item))
			return -1;
	return json_member(page, "Count") == NULL || response_count(page) == count ? count : -1;
}

/* The sort key in an item or a LastEvaluatedKey; false where there is none, or no integer. */
static bool
sort_key_of(const ReadOperation *read, const cJSON *item, int64_t *key)
{
	AttributeValue value = attribute_get(item, read_sort_key(&read->spec));

	return attribute_to_int64(&value, key);
}

/* Learns how many keys a page spans, and cuts the stream where it has more to come. */
static void
page_measure(ReadOperation *read, Stream *stream, const cJSON *page)
{
	bool		backward = read->spec.backward;
	double		load = response_capacity_units(page);
	int64_t		last;

	if (load <= 0 || response_scanned_count(page) == 0)
		load = (double) response_scanned_count(page);	/* an empty page costs something, too */
	/* Without a filter the first item tells better than a bound, which may lie far before it. */
	if (read->spec.filter == NULL && read->next_item != NULL && !stream->has_first_page)
		stream->has_position = sort_key_of(read, read->next_item, &stream->position) || stream->has_position;
	stream->has_first_page = true;
	if (stream->start_key == NULL)
	{
		last = backward ? stream->range.lower : stream->range.upper;
		if (stream->has_position && (backward ? stream->range.has_lower : stream->range.has_upper))
			page_span_learn_partial(&read->span, stream->position, last, load);
		return;
	}
	if (!sort_key_of(read, stream->start_key, &last))
		return;
	if (stream->has_position)
		page_span_learn_full(&read->span, stream->position, last, load);
	stream->has_position = true;
	stream->position = key_advance(last, 1, backward);
	if (read->wanted == 0 && !stream->is_whole)
		stream_cut(read, stream);
}

/* Takes the page over, with its items. */
static void
page_open(ReadOperation *read, Stream *stream)
{
	const cJSON *page;
	int64_t		count;

	read->page = call_take_page(stream->call);
	call_free(stream->call);
	stream->call = NULL;
	page = page_root(read->page);
	page_read_key(read, stream, page);
	count = read->spec.count_only ? response_count(page) : page_count_items(page);
	if (count < 0)
		read_fail_bad_page(read);
	if (read->failed)
		return;
	if (read->spec.count_only)
		read->count += count;
	else
	{
		read->next_item = json_member(page, "Items")->child;
		read->received += count;
	}
	if (read->may_be_cut && !stream->is_limited)
		page_measure(read, stream, page);
}

/*
 * A page was throttled to the end, perhaps by what else was under way. By then the client's window is narrow: it gets
 * another chance, next to alone. A read by many requests does not fail where one by one it would not.
 */
static void
stream_ask_again(ReadOperation *read, Stream *stream)
{
	call_free(stream->call);
	stream->call = NULL;
	stream->is_asked_again = true;
	stream_ask(read, stream);
}

/* The items at hand are used up: takes the next page, if the answer that has arrived is one. */
static void
page_take(ReadOperation *read, Stream *stream)
{
	StepResult	result = call_step(stream->call);

	page_free(read->page);
	read->page = NULL;
	if (result == STEP_PENDING)
		return;					/* it arrived damaged, and has been asked for again */
	if (result == STEP_FAILED && call_failure(stream->call)->kind == FAILURE_THROTTLED && read->was_parallel
		&& !stream->is_asked_again)
	{
		stream_ask_again(read, stream);
		return;
	}
	if (result == STEP_FAILED)
	{
		read_fail(read, call_failure(stream->call));
		return;
	}
	stream->is_asked_again = false;
	page_open(read, stream);
	if (read->failed)
		return;
	if (stream->start_key == NULL)
		stream_end(read, stream);
	if (read->page_limit > 0)
		read_grow(read);
	else if (!read->spec.nothing_ahead && !read_is_covered(read))
	{
		streams_ask(read);
		read_pump(read, http_now_ms());
	}
}

static const cJSON *
item_take(ReadOperation *read)
{
	const cJSON *item = read->next_item;
	bool		under_way = read->nactive > 0 || read->head_call != NULL;
	int64_t		now = under_way ? http_now_ms() : 0;

	read->next_item = item->next;
	if (under_way && now - read->pumped_at >= PUMP_INTERVAL_MS)
		read_pump(read, now);
	return item;
}

ReadResult
read_next(ReadOperation *read, const cJSON **item)
{
	for (;;)
	{
		Stream	   *stream;

		if (read->failed)
			return READ_FAILED;
		if (read->next_item != NULL)
		{
			*item = item_take(read);
			return READ_ITEM;
		}
		if (read_is_covered(read))
			read->wanted = 0;
		head_take(read);
		streams_ask(read);
		if (read->failed)
			return READ_FAILED;
		if (read->streams == NULL)
			return READ_END;
		stream = stream_choose(read);
		if (stream == NULL)
			return READ_PENDING;
		page_take(read, stream);
	}
}

bool
read_is_ready(ReadOperation *read)
{
	return read->failed || read->next_item != NULL || read->streams == NULL || stream_choose(read) != NULL
		|| (read->head_call != NULL && call_has_arrived(read->head_call));
}

int64_t
read_count(const ReadOperation *read)
{
	return read->count;
}

const Failure *
read_failure(const ReadOperation *read)
{
	return &read->failure;
}

void
read_free(ReadOperation *read)
{
	if (read == NULL)
		return;
	while (read->streams != NULL)
	{
		Stream	   *next = read->streams->next;

		stream_free(read->streams);
		read->streams = next;
	}
	call_free(read->head_call);
	page_free(read->page);
	free(read);
}
