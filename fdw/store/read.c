/*
 * read.c: how are many pages fetched at once, each row handed out once, and no more asked for than is wanted?
 *
 * Each stream asks for its next page as soon as its last one has arrived and is taken, and what is under way is
 * looked after between two items, so that the network works while rows are used. A page whose turn has not come waits
 * unparsed. Only a page without a LastEvaluatedKey is a stream's last; an empty one is not.
 *
 * Where the caller wants few items, reading starts with one stream and a page of that size, nothing ahead; if more is
 * asked for after all, pages and parallelism grow until they are what they would have been.
 */
#include "store/read.h"

#include <stdlib.h>
#include <string.h>

#include "dynamodb/json.h"
#include "dynamodb/request.h"
#include "dynamodb/response.h"

/* A small page grows by this factor, and has no limit any more beyond that many items. */
#define PAGE_GROWTH 4
#define LARGEST_LIMITED_PAGE 1000

/* While items are handed out, what is under way is looked after so often. */
#define PUMP_INTERVAL_MS 1

/* A filter may throw away most of a page: the first one is not smaller than this then. */
#define SMALLEST_FILTERED_PAGE 100

typedef struct Stream
{
	const AggregateId *aggregate;	/* READ_AGGREGATE */
	const KeyRange *range;		/* READ_AGGREGATE, READ_INDEX */
	int			segment;		/* READ_SCAN */
	Call	   *call;			/* its page under way, or waiting for its turn */
	cJSON	   *start_key;		/* where its next page begins; NULL: at the beginning */
} Stream;

struct ReadOperation
{
	Client	   *client;
	Usage	   *usage;
	StoreNames	names;
	ReadSpec	spec;
	Stream	   *streams;		/* in the order of delivery */
	size_t		nstreams;
	size_t		nstarted;		/* the streams from here on have not been started */
	Stream	  **active;			/* started and not at their end, in order; room for max_parallel */
	size_t		nactive;
	size_t		parallel;		/* how many may be active now */
	int64_t		page_limit;		/* items of the next page; 0: as many as fit */
	cJSON	   *page;			/* the one whose items are handed out */
	const cJSON *next_item;
	int64_t		wanted;			/* spec.wanted, until more is asked for */
	int64_t		received;		/* items of all pages so far */
	int64_t		pumped_at;		/* ms */
	int64_t		count;			/* count_only: so far */
	bool		failed;
	Failure		failure;
};

bool
key_range_is_possible(const KeyRange *range)
{
	return !(range->has_lower && range->has_upper && range->lower > range->upper);
}

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
	stream->range = &spec->ranges[spec->backward ? spec->nranges - 1 - range : range];
	if (spec->path == READ_AGGREGATE)
		stream->aggregate = &spec->aggregates[number / spec->nranges];
}

ReadOperation *
read_start(Client *client, const StoreNames *names, const ReadSpec *spec, Usage *usage)
{
	ReadOperation *read = calloc(1, sizeof(ReadOperation));
	size_t		max_parallel = spec->max_parallel > 0 ? (size_t) spec->max_parallel : 1;

	if (read == NULL)
		return NULL;
	read->client = client;
	read->usage = usage;
	read->names = *names;
	read->spec = *spec;
	read->nstreams = stream_count(spec);
	if (max_parallel > read->nstreams)
		max_parallel = read->nstreams;
	read->spec.max_parallel = (int) max_parallel;
	read->streams = calloc(read->nstreams > 0 ? read->nstreams : 1, sizeof(Stream));
	read->active = calloc(max_parallel > 0 ? max_parallel : 1, sizeof(Stream *));
	if (read->streams == NULL || read->active == NULL)
	{
		read_free(read);
		return NULL;
	}
	for (size_t i = 0; i < read->nstreams; i++)
		stream_describe(&read->streams[i], spec, i);

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

/* The texts of one request, which share its placeholders. */
typedef struct PageTexts
{
	Expression	expression;
	ByteBuffer	key_condition;
	ByteBuffer	filter;
	ByteBuffer	projection;
} PageTexts;

static void
condition_number(PageTexts *texts, int64_t number)
{
	char		digits[24];
	AttributeValue value = attribute_int64(number, digits);

	expression_value(&texts->expression, &texts->key_condition, &value);
}

/* DynamoDB takes a single condition on a sort key, so two bounds are one BETWEEN. */
static void
condition_range(PageTexts *texts, const char *name, const KeyRange *range)
{
	ByteBuffer *out = &texts->key_condition;

	if (!range->has_lower && !range->has_upper)
		return;
	buffer_puts(out, " AND ");
	expression_name(&texts->expression, out, name);
	if (range->has_lower && range->has_upper && range->lower == range->upper)
	{
		buffer_puts(out, " = ");
		condition_number(texts, range->lower);
	}
	else if (range->has_lower && range->has_upper)
	{
		buffer_puts(out, " BETWEEN ");
		condition_number(texts, range->lower);
		buffer_puts(out, " AND ");
		condition_number(texts, range->upper);
	}
	else
	{
		buffer_puts(out, range->has_lower ? " >= " : " <= ");
		condition_number(texts, range->has_lower ? range->lower : range->upper);
	}
}

static void
condition_hash(PageTexts *texts, const char *name, const char *text, size_t length)
{
	AttributeValue value = attribute_string(text, length);

	expression_name(&texts->expression, &texts->key_condition, name);
	buffer_puts(&texts->key_condition, " = ");
	expression_value(&texts->expression, &texts->key_condition, &value);
}

static void
texts_write(PageTexts *texts, const ReadSpec *spec, const Stream *stream)
{
	switch (spec->path)
	{
		case READ_AGGREGATE:
			condition_hash(texts, COMMIT_AGGREGATE_ID, stream->aggregate->text, stream->aggregate->length);
			condition_range(texts, COMMIT_VERSION, stream->range);
			break;
		case READ_INDEX:
			condition_hash(texts, COMMIT_ACTIVE, COMMIT_ACTIVE_VALUE, strlen(COMMIT_ACTIVE_VALUE));
			condition_range(texts, COMMIT_ID, stream->range);
			break;
		case READ_SCAN:
			break;
	}
	if (spec->filter != NULL)
		filter_write(spec->filter, &texts->expression, &texts->filter);
	for (size_t i = 0; i < spec->nattributes && !spec->count_only; i++)
	{
		if (i > 0)
			buffer_puts(&texts->projection, ", ");
		expression_name(&texts->expression, &texts->projection, spec->attributes[i]);
	}
}

static void
texts_free(PageTexts *texts)
{
	expression_free(&texts->expression);
	buffer_free(&texts->key_condition);
	buffer_free(&texts->filter);
	buffer_free(&texts->projection);
}

/* Sends the stream's request for its next page. */
static void
stream_ask(ReadOperation *read, Stream *stream)
{
	const ReadSpec *spec = &read->spec;
	PageTexts	texts = {0};
	ByteBuffer	body = {0};
	ReadRequest request = {
		.table = read->names.commit_table,
		.index = spec->path == READ_INDEX ? read->names.commit_index : NULL,
		.expression = &texts.expression,
		.exclusive_start_key = stream->start_key,
		.limit = read->page_limit,
		.segment = stream->segment,
		.total_segments = spec->path == READ_SCAN ? spec->segments : 0,
		.count_only = spec->count_only,
		.backward = spec->backward,
		.consistent = spec->consistent && spec->path != READ_INDEX,
	};

	texts_write(&texts, spec, stream);
	request.key_condition = texts.key_condition.data;
	request.filter = texts.filter.data;
	request.projection = texts.projection.data;
	if (texts.key_condition.failed || texts.filter.failed || texts.projection.failed)
		body.failed = true;
	else
		request_read(&body, &request);
	stream->call = call_start(read->client, spec->path == READ_SCAN ? OPERATION_SCAN : OPERATION_QUERY, &body,
							  read->usage);
	if (stream->call == NULL)
		read_fail_with(read, FAILURE_MEMORY, "out of memory");
	buffer_free(&body);
	texts_free(&texts);
}

/* Starts as many streams as may be active, and lets each active one ask for its next page. */
static void
streams_ask(ReadOperation *read)
{
	while (read->nactive < read->parallel && read->nstarted < read->nstreams)
		read->active[read->nactive++] = &read->streams[read->nstarted++];
	for (size_t i = 0; i < read->nactive && !read->failed; i++)
		if (read->active[i]->call == NULL)
			stream_ask(read, read->active[i]);
}

static void
read_pump(ReadOperation *read, int64_t now)
{
	client_pump(read->client);
	read->pumped_at = now;
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
	size_t		candidates = read->spec.ordered && read->nactive > 1 ? 1 : read->nactive;

	for (size_t i = 0; i < candidates; i++)
		if (read->active[i]->call != NULL && call_has_arrived(read->active[i]->call))
			return read->active[i];
	return NULL;
}

static void
stream_end(ReadOperation *read, const Stream *stream)
{
	size_t		at = 0;

	while (read->active[at] != stream)
		at++;
	read->nactive--;
	memmove(&read->active[at], &read->active[at + 1], (read->nactive - at) * sizeof(Stream *));
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

/* Anything else would read as a row of NULLs. */
static bool
is_array_of_objects(const cJSON *items)
{
	if (!cJSON_IsArray(items))
		return false;
	for (const cJSON *item = items->child; item != NULL; item = item->next)
		if (!cJSON_IsObject(item))
			return false;
	return true;
}

/* Parses the page and takes its items over; false when it is none of DynamoDB's. */
static bool
page_open(ReadOperation *read, Stream *stream)
{
	const cJSON *last;

	read->page = call_take_response(stream->call);
	call_free(stream->call);
	stream->call = NULL;
	cJSON_Delete(stream->start_key);
	stream->start_key = NULL;

	last = json_member(read->page, "LastEvaluatedKey");
	if (cJSON_IsObject(last))
		stream->start_key = cJSON_DetachItemViaPointer(read->page, (cJSON *) last);
	else if (last != NULL && !cJSON_IsNull(last))
		return false;
	if (read->spec.count_only)
	{
		read->count += response_count(read->page);
		return cJSON_IsNumber(json_member(read->page, "Count"));
	}
	if (!is_array_of_objects(json_member(read->page, "Items")))
		return false;
	read->next_item = json_member(read->page, "Items")->child;
	read->received += response_count(read->page);
	return true;
}

/* The items at hand are used up: takes the next page, if the answer that has arrived is one. */
static void
page_take(ReadOperation *read, Stream *stream)
{
	StepResult	result = call_step(stream->call);

	cJSON_Delete(read->page);
	read->page = NULL;
	if (result == STEP_PENDING)
		return;					/* it arrived damaged, and has been asked for again */
	if (result == STEP_FAILED)
	{
		read_fail(read, call_failure(stream->call));
		return;
	}
	if (!page_open(read, stream))
	{
		read_fail_with(read, FAILURE_BAD_ANSWER, "the page is not one of DynamoDB's");
		return;
	}
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
	int64_t		now = read->nactive > 0 ? http_now_ms() : 0;

	read->next_item = item->next;
	if (read->nactive > 0 && now - read->pumped_at >= PUMP_INTERVAL_MS)
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
		streams_ask(read);
		if (read->failed)
			return READ_FAILED;
		if (read->nactive == 0)
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
	return read->failed || read->next_item != NULL || read->nactive == 0 || stream_choose(read) != NULL;
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
	for (size_t i = 0; read->streams != NULL && i < read->nstarted; i++)
	{
		call_free(read->streams[i].call);
		cJSON_Delete(read->streams[i].start_key);
	}
	cJSON_Delete(read->page);
	free(read->streams);
	free(read->active);
	free(read);
}
