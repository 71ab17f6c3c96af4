/*
 * read.c: how are many pages fetched at once, each row handed out once, and no more asked for than is wanted?
 *
 * A stream asks for its next page as soon as its last one has arrived and is taken. Requests under way are served between
 * two items, so that the network works while rows are used. A page whose turn has not come waits
 * unparsed. Only a page without a LastEvaluatedKey is a stream's last; an empty one is not.
 *
 * If the caller wants few items, reading starts with one stream and a page of that size, and nothing ahead. If the caller then
 * takes more, pages grow to their full size. A read may end at any item, if few were wanted or if it is a long one in order.
 * Such a read never has more pages under way than have been handed out. So pages that nobody takes cost no more than those
 * that were taken.
 *
 * Which streams there are, and where they are cut, is stream.c's. Which requests are sent is read_ask.c's.
 */
#include "store/read.h"

#include <errno.h>
#include <stdlib.h>

#include "dynamodb/json.h"
#include "dynamodb/response.h"
#include "store/read_ask.h"
#include "store/read_request.h"

/* A small page grows by this factor, and has no limit any more beyond that many items. */
#define PAGE_GROWTH 4
#define LARGEST_LIMITED_PAGE 1000

/* While items are handed out, what is under way is looked after so often. */
#define PUMP_INTERVAL_MS 1

/* A long stream of sort keys is cut into ranges once rows of so many pages are taken. */
#define PAGES_BEFORE_RANGES 2

/* A filter may throw away most of a page: the first one is not smaller than this then. */
#define SMALLEST_FILTERED_PAGE 100

ReadOperation *
read_start(Client *client, const StoreNames *names, const ReadSpec *spec, Usage *usage)
{
	ReadOperation *read = calloc(1, sizeof(ReadOperation));
	size_t		max_parallel = spec->max_parallel > 0 ? (size_t) spec->max_parallel : 1;

	if (read == NULL)
		return NULL;
	if (!key_batches_init(&read->batches, spec->keys, spec->nkeys))
	{
		free(read);
		return NULL;
	}
	read->client = client;
	read->usage = usage;
	read->names = *names;
	read->spec = *spec;
	streams_init(&read->streams, &read->spec);
	if (max_parallel > streams_most(&read->streams))
		max_parallel = streams_most(&read->streams);
	read->spec.max_parallel = (int) max_parallel;

	read->wanted = spec->wanted;
	read->takes_all = spec->wanted == 0 && !read->streams.may_be_cut;
	if (spec->wanted > 0 && spec->wanted <= LARGEST_LIMITED_PAGE && !spec->count_only)
	{
		read->page_limit = spec->wanted;
		if (spec->filter != NULL && read->page_limit < SMALLEST_FILTERED_PAGE)
			read->page_limit = SMALLEST_FILTERED_PAGE;
	}
	return read;
}

static void
read_fail_bad_page(ReadOperation *read)
{
	read_fail_with(read, FAILURE_BAD_ANSWER, "the page is not one of DynamoDB's");
}

void
read_budget_count(ReadBudget *budget, Usage *usage)
{
	budget->spent += usage->read_units - usage->budgeted_units;
	usage->budgeted_units = usage->read_units;
}

/* Brings the budget up to date with what answers have cost. */
static void
budget_count(const ReadOperation *read)
{
	if (read->spec.budget != NULL)
		read_budget_count(read->spec.budget, read->usage);
}

/* The answer may be there: then what waits for it can be started. A read does not fail for want of it. */
static bool
head_take(ReadOperation *read)
{
	StepResult	result;
	int64_t		head;

	if (read->head_call == NULL)
		return false;
	result = call_step(read->head_call);
	if (result == STEP_PENDING)
		return false;
	budget_count(read);
	if (result == STEP_FAILED || !read_head_of(&read->spec, call_response(read->head_call), &head))
		head = INT64_MIN;
	call_free(read->head_call);
	read->head_call = NULL;
	if (!streams_cut_at_head(&read->streams, head))
		read_fail_memory(read);
	return true;
}

static void
read_pump(ReadOperation *read, int64_t now)
{
	client_poll(read->client);
	read->pumped_at = now;
	if (head_take(read))
		read_ask_pages(read);
}

/* true when what the caller will probably take is at hand. */
static bool
read_is_covered(const ReadOperation *read)
{
	return read->wanted > 0 && read->received >= read->wanted;
}

/* The stream whose page comes next, or NULL where that has yet to arrive. */
static Stream *
read_choose(const ReadOperation *read)
{
	for (Stream *stream = read->streams.first; stream != NULL; stream = stream->next)
	{
		if (stream_has_page(stream))
			return stream;
		if (read->spec.ordered)
			break;
	}
	return NULL;
}

/* More is asked for than was wanted: read on in a bigger way. */
static void
read_grow(ReadOperation *read)
{
	read->page_limit *= PAGE_GROWTH;
	if (read->page_limit > LARGEST_LIMITED_PAGE)
	{
		read->page_limit = 0;
		read->taken = 0;
	}
}

/*
 * Where the stream goes on after this page. A key that DynamoDB would not send is an error: to stop there would leave out the
 * rest, and a key that does not move on would be read for ever.
 */
static void
query_read_key(ReadOperation *read, Stream *stream, const cJSON *page)
{
	cJSON	   *before = stream->start_key;
	PagingResult result;

	stream->start_key = NULL;
	result = paging_next_key(&stream->trail, page, &stream->start_key);
	if (result == PAGING_MEMORY)
		read_fail_memory(read);
	else if (result == PAGING_WRONG
			 || (result == PAGING_MORE && !stream_moves_on(&read->spec, before, stream->start_key)))
		read_fail_bad_page(read);
	cJSON_Delete(before);
}

/* Which keys of a batch are still to be asked for, and when. */
static void
batch_read_rest(ReadOperation *read, Stream *stream, const cJSON *page, int64_t rest_not_before)
{
	stream->left_out = rest_not_before > 0 ? stream->left_out + 1 : 0;
	stream->rest_not_before = rest_not_before;
	if (!key_batch_answered(&read->batches, stream->batch, page))
		read_fail_bad_page(read);
}

static bool
stream_has_more(const ReadOperation *read, const Stream *stream)
{
	return stream->batch.count > 0 ? key_batch_has_more(&read->batches, stream->batch) : stream->start_key != NULL;
}

/* How many items there are; -1 when they are none, or not as many as the page says. */
static int64_t
page_count_items(const ItemPage *page)
{
	const cJSON *root = page_root(page);
	int64_t		count = page_count(page);

	return json_member(root, "Count") == NULL || response_count(root) == count ? count : -1;
}

/* The next item of the page at hand; NULL where it is none, and the read has failed. */
static const cJSON *
page_take_item(ReadOperation *read)
{
	const cJSON *item = page_next_item(read->page);

	if (item == NULL && errno == ENOMEM)
		read_fail_memory(read);
	else if (item == NULL || (page_is_batch(read->page) && !key_batches_take_item(&read->batches, item)))
	{
		read_fail_bad_page(read);
		return NULL;
	}
	return item;
}

static void
cut(ReadOperation *read, Stream *stream)
{
	read->to_be_cut = NULL;
	if (!stream_cut(&read->streams, stream))
		read_fail_memory(read);
	else if (read->streams.head_state == HEAD_WANTED && read->head_call == NULL)
		read_ask_head(read);
}

/* Lets the page tell where the stream may be cut, and cuts it where all of it seems to be wanted. */
static void
page_measure(ReadOperation *read, Stream *stream, const cJSON *page)
{
	Streams    *streams = &read->streams;

	if (read->items_left > 0)
		read->first_item = page_take_item(read);
	if (read->failed || !stream_measure(streams, stream, page, read->first_item) || read->wanted != 0
		|| read->taken < PAGES_BEFORE_RANGES || !read_has_room(read, stream))
		return;
	if (read->spec.nothing_ahead)
		read->to_be_cut = stream;
	else
		cut(read, stream);
}

/* Takes the page over, with its items. */
static void
page_open(ReadOperation *read, Stream *stream)
{
	const cJSON *page;
	int64_t		rest_not_before;
	int64_t		count;
	bool		is_batch;

	read->page = call_take_page(stream->call);
	is_batch = page_is_batch(read->page);
	rest_not_before = call_rest_not_before(stream->call);
	call_free(stream->call);
	stream->call = NULL;
	read->taken++;
	page = page_root(read->page);
	if (stream->batch.count > 0)
		batch_read_rest(read, stream, page, rest_not_before);
	else
		query_read_key(read, stream, page);
	count = read->spec.count_only && !is_batch ? response_count(page) : page_count_items(read->page);
	if (count < 0 || is_batch != (stream->batch.count > 0))
		read_fail_bad_page(read);
	if (read->failed)
		return;
	if (read->spec.count_only)
		read->count += count;
	else
	{
		read->items_left = count;
		read->item_units = count > 0 ? response_capacity_units(page) / (double) count : 0;
		read->received += count;
	}
	if (read->streams.may_be_cut && !stream->is_limited)
		page_measure(read, stream, page);
}

/*
 * A page was throttled to the end, perhaps by what else was under way. By then the client's window is narrow: it gets
 * another chance, next to alone. A read by many requests does not fail where one by one it would not.
 */
static void
page_ask_again(ReadOperation *read, Stream *stream)
{
	call_free(stream->call);
	stream->call = NULL;
	stream->is_asked_again = true;
	read_ask_page(read, stream);
}

/*
 * A policy that was written before there were batches may allow Query and not BatchGetItem: then each key is a Query, in this read and
 * in the next ones. If that is denied, too, it is the read's failure.
 */
static void
batch_ask_one_by_one(ReadOperation *read, Stream *stream)
{
	refusals_add(client_batch_refusals(read->client), read->names.commit_table, http_now_ms());
	read_split_batch(read, stream);
}

/* The items at hand are used up: takes the next page, if the answer that has arrived is one. */
static void
page_take(ReadOperation *read, Stream *stream)
{
	StepResult	result = call_step(stream->call);

	budget_count(read);
	page_free(read->page);
	read->page = NULL;
	if (result == STEP_PENDING)
		return;					/* it is long, or arrived damaged, and has been asked for again */
	if (result == STEP_FAILED && call_failure(stream->call)->kind == FAILURE_THROTTLED && read->streams.were_parallel
		&& !stream->is_asked_again)
	{
		page_ask_again(read, stream);
		return;
	}
	if (result == STEP_FAILED && call_failure(stream->call)->kind == FAILURE_ACCESS_DENIED && stream->batch.count > 0)
	{
		batch_ask_one_by_one(read, stream);
		return;
	}
	if (result == STEP_FAILED)
	{
		read_fail(read, call_failure(stream->call));
		return;
	}
	stream->is_asked_again = false;
	read_promise(read, stream, 0);
	page_open(read, stream);
	if (read->failed)
		return;
	if (!stream_has_more(read, stream))
		stream_end(&read->streams, stream);
	if (read->page_limit > 0)
		read_grow(read);
	else if (!read->spec.nothing_ahead && !read_is_covered(read))
	{
		read_ask_pages(read);
		read_pump(read, http_now_ms());
	}
}

void
read_begin(ReadOperation *read)
{
	read_ask_pages(read);
}

void
read_begin_ahead(ReadOperation *read)
{
	const Stream first = {.batch.count = read->spec.nkeys};	/* batches come first */

	read->streams.were_parallel = true;	/* with those of other reads */
	if (read_has_room(read, &first))
		read_begin(read);
}

static const cJSON *
item_take(ReadOperation *read)
{
	const cJSON *item = read->first_item != NULL ? read->first_item : page_take_item(read);
	bool		under_way = read->streams.nactive > 0 || read->head_call != NULL;
	int64_t		now = under_way ? http_now_ms() : 0;

	read->first_item = NULL;
	read->items_left--;
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
		if (read->items_left > 0)
		{
			*item = item_take(read);
			return *item != NULL ? READ_ITEM : READ_FAILED;
		}
		if (read_is_covered(read))
			read->wanted = 0;
		if (read->to_be_cut != NULL)
			cut(read, read->to_be_cut);
		head_take(read);
		read_ask_pages(read);
		if (read->failed)
			return READ_FAILED;
		if (read->streams.first == NULL)
			return READ_END;
		stream = read_choose(read);
		if (stream == NULL)
			return READ_PENDING;
		page_take(read, stream);
		if (read->items_left == 0 && !read->failed)
			return READ_EMPTY_PAGE;
	}
}

bool
read_holds_item(const ReadOperation *read)
{
	return !read->failed && read->items_left > 0;
}

bool
read_has_ended(const ReadOperation *read)
{
	return !read->failed && read->items_left == 0 && read->streams.first == NULL;
}

double
read_item_units(const ReadOperation *read)
{
	return read->item_units;
}

bool
read_is_ready(ReadOperation *read)
{
	return read->failed || read->items_left > 0 || read->streams.first == NULL || read_choose(read) != NULL
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
	for (Stream *stream = read->streams.first; stream != NULL; stream = stream->next)
		read_promise(read, stream, 0);
	if (read->streams.nactive > 0)
		client_poll(read->client);	/* what has arrived tells what it cost */
	streams_free(&read->streams);
	call_free(read->head_call);
	budget_count(read);
	page_free(read->page);
	key_batches_free(&read->batches);
	free(read);
}
