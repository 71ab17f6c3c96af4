/*
 * read_ask.c: which pages does a read ask for now?
 *
 * As many side by side as its streams, the client's window and the budget allow.
 */
#include "store/read_ask.h"

#include "store/read_request.h"

/* What DynamoDB evaluates for a page at most, what an item can have of it, and what is read for a capacity unit. */
#define PAGE_KB 1024.0
#define ITEM_KB 400.0
#define UNIT_KB 4.0

/* What a BatchGetItem answers at most. */
#define BATCH_KB (16 * 1024.0)

void
read_fail(ReadOperation *read, const Failure *failure)
{
	read->failed = true;
	read->failure = *failure;
}

void
read_fail_with(ReadOperation *read, FailureKind kind, const char *message)
{
	Failure		failure;

	failure_set(&failure, kind, NULL, "%s", message);
	read_fail(read, &failure);
}

void
read_fail_memory(ReadOperation *read)
{
	read_fail_with(read, FAILURE_MEMORY, "out of memory");
}

/* How many streams may be active now. */
static size_t
read_parallel(const ReadOperation *read)
{
	size_t		most = (size_t) read->spec.max_parallel;

	if (read->takes_all || read->taken >= most)
		return most;
	return read->taken > 1 ? read->taken : 1;
}

/* What is read for half a unit where it need not be strongly consistent. */
static double
units_of_kb(const ReadOperation *read, double kb)
{
	return kb / UNIT_KB * (read->spec.consistent && read->spec.path != READ_INDEX ? 1 : 0.5);
}

/* Each key costs a unit, or half of it, at least: no more of them are asked for at once than the budget is sure to bear. */
static size_t
batch_limit(const ReadOperation *read)
{
	const ReadBudget *budget = read->spec.budget;
	double		most = BATCH_GET_MOST_KEYS;

	if (read->page_limit > 0 && read->page_limit < most)
		most = (double) read->page_limit;
	if (budget != NULL && budget->limit > 0 && most > (budget->limit - budget->spent) / units_of_kb(read, UNIT_KB))
		most = (budget->limit - budget->spent) / units_of_kb(read, UNIT_KB);
	return most > 1 ? (size_t) most : 1;
}

/* The most that the stream's next page can cost, in capacity units. */
static double
page_units(const ReadOperation *read, const Stream *stream)
{
	double		most_kb = stream->batch.count > 0 ? BATCH_KB : PAGE_KB;
	size_t		keys = stream->batch.count < batch_limit(read) ? stream->batch.count : batch_limit(read);
	double		limited_kb = (double) (keys > 0 ? (int64_t) keys : read->page_limit) * ITEM_KB;

	return units_of_kb(read, limited_kb > 0 && limited_kb < most_kb ? limited_kb : most_kb);
}

bool
read_has_room(const ReadOperation *read, const Stream *stream)
{
	const ReadBudget *budget = read->spec.budget;

	return budget == NULL || budget->limit <= 0
		|| budget->spent + budget->promised + page_units(read, stream) <= budget->limit;
}

/* May the stream ask for its next page? The one that the reader waits for may, as long as anything is left. */
static bool
page_is_affordable(const ReadOperation *read, const Stream *stream)
{
	bool		is_awaited = stream == read->streams.first && read->items_left == 0;

	return read_has_room(read, stream) || (is_awaited && read->spec.budget->spent <= read->spec.budget->limit);
}

void
read_promise(ReadOperation *read, Stream *stream, double units)
{
	if (read->spec.budget == NULL)
		return;
	read->spec.budget->promised += units - stream->promised;
	stream->promised = units;
}

static void
query_write(const ReadOperation *read, Stream *stream, ByteBuffer *body)
{
	PageRequest page = {
		.aggregate = stream->aggregate,
		.range = &stream->range,
		.segment = stream->segment,
		.start_key = stream->start_key,
		.limit = read->page_limit,
	};

	stream->is_limited = page.limit > 0;
	read_request_write(body, &read->names, &read->spec, &page);
}

static void
batch_write(ReadOperation *read, const Stream *stream, ByteBuffer *body)
{
	ByteBuffer	keys = {0};

	key_batch_ask(&read->batches, stream->batch, batch_limit(read), &keys);
	read_batch_request_write(body, &read->names, &read->spec, &keys);
	buffer_free(&keys);
}

static Operation
stream_operation(const ReadOperation *read, const Stream *stream)
{
	if (stream->batch.count > 0)
		return OPERATION_BATCH_GET_ITEM;
	return read->spec.path == READ_SCAN ? OPERATION_SCAN : OPERATION_QUERY;
}

void
read_ask_page(ReadOperation *read, Stream *stream)
{
	CallSettings settings = {
		.expects_page = true, .not_before = stream->rest_not_before, .left_out_before = stream->left_out,
	};
	ByteBuffer	body = {0};

	read_promise(read, stream, page_units(read, stream));
	if (stream->batch.count > 0)
		batch_write(read, stream, &body);
	else
		query_write(read, stream, &body);
	stream->call = call_start_with(read->client, stream_operation(read, stream), &body, &settings, read->usage);
	if (stream->call == NULL)
		read_fail_memory(read);
	buffer_free(&body);
}

/* While DynamoDB throttles, fewer requests are under way: how many more there may be. */
static size_t
requests_left(const ReadOperation *read)
{
	size_t		window = (size_t) client_window(read->client, TRAFFIC_READ);
	size_t		under_way = 0;

	if (window >= read_parallel(read))
		return read_parallel(read);
	for (const Stream *stream = read->streams.first; stream != NULL; stream = stream->next)
		under_way += stream->call != NULL && !stream_has_page(stream);
	return window > under_way ? window - under_way : 0;
}

void
read_split_batch(ReadOperation *read, Stream *stream)
{
	read_promise(read, stream, 0);
	if (!stream_split_batch(&read->streams, stream, &read->batches))
		read_fail_memory(read);
	stream_end(&read->streams, stream);
}

/* A started batch whose next request would be refused; NULL: there is none. */
static Stream *
refused_batch(const ReadOperation *read)
{
	Stream	   *stream = read->streams.first;

	if (read->spec.nkeys == 0 || !refusals_has(client_batch_refusals(read->client), read->names.commit_table, http_now_ms()))
		return NULL;
	while (stream != NULL && (!stream->is_started || stream->call != NULL || stream->batch.count == 0))
		stream = stream->next;
	return stream;
}

/* As many as may be active. Batches that would be refused become Queries before they are asked for. */
static void
start_streams(ReadOperation *read)
{
	Stream	   *refused;

	if (!streams_start(&read->streams, read_parallel(read)))
		read_fail_memory(read);
	while (!read->failed && (refused = refused_batch(read)) != NULL)
	{
		read_split_batch(read, refused);
		if (!read->failed && !streams_start(&read->streams, read_parallel(read)))
			read_fail_memory(read);
	}
}

void
read_ask_pages(ReadOperation *read)
{
	size_t		left = requests_left(read);

	start_streams(read);
	for (Stream *stream = read->streams.first; stream != NULL && !read->failed; stream = stream->next)
	{
		if (!stream->is_started || stream->call != NULL || (left == 0 && stream != read->streams.first)
			|| !page_is_affordable(read, stream))
			continue;
		read_ask_page(read, stream);
		left -= left > 0;
	}
}

void
read_ask_head(ReadOperation *read)
{
	ByteBuffer	body = {0};
	Operation	operation = read_head_request_write(&body, &read->names, &read->spec);

	read->head_call = call_start(read->client, operation, &body, read->usage);
	buffer_free(&body);
	if (read->head_call == NULL)
		read_fail_memory(read);
}
