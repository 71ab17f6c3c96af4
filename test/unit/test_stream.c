/*
 * stream: the streams of a read are those of its spec, in its order; and however they are cut, started and answered,
 * every key is read exactly once.
 */
#include "unit.h"

#include <cjson/cJSON.h>
#include <inttypes.h>

#include "dynamodb/attribute.h"
#include "store/stream.h"

#define MAX_KEYS 3000

/* A store of so many keys, ascending, and how often each has been read. They are halves: 3 is the key 1.5. */
static int64_t keys[MAX_KEYS];
static int	seen[MAX_KEYS];
static size_t nkeys;

static const KeyRange everything;

static ReadSpec
index_spec(bool backward)
{
	return (ReadSpec) {
		.path = READ_INDEX, .ranges = &everything, .nranges = 1, .backward = backward, .max_parallel = 8, .max_ranges = 8,
	};
}

static cJSON *
key_item(int64_t halves)
{
	char		text[32];
	cJSON	   *item = cJSON_CreateObject();

	snprintf(text, sizeof(text), "%.1f", (double) halves / 2);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(item, COMMIT_ID), "N", text);
	return item;
}

static cJSON *
page_of(int nitems)
{
	cJSON	   *page = cJSON_CreateObject();

	cJSON_AddNumberToObject(page, "ScannedCount", nitems);
	return page;
}

static int64_t
start_of(const Stream *stream)
{
	return (int64_t) (2 * strtod(attribute_get(stream->start_key, COMMIT_ID).text, NULL));
}

static bool
is_still_to_come(const Stream *stream, int64_t key, bool backward)
{
	if ((stream->range.has_lower && key < 2 * stream->range.lower)
		|| (stream->range.has_upper && key > 2 * stream->range.upper + (stream->range.upper_is_cut ? 1 : 0)))
		return false;
	if (stream->start_key == NULL)
		return true;
	return backward ? key < start_of(stream) : key > start_of(stream);
}

/* Answers the stream's next page, as DynamoDB would: a full one may be said not to be the last although it is. */
static void
answer(Streams *streams, Stream *stream, int page_items)
{
	bool		backward = streams->spec->backward;
	int			nitems = 0;
	int64_t		last = 0;
	cJSON	   *first = NULL;
	cJSON	   *page;

	for (size_t i = 0; i < nkeys && nitems < page_items; i++)
	{
		size_t		at = backward ? nkeys - 1 - i : i;

		if (!is_still_to_come(stream, keys[at], backward))
			continue;
		seen[at]++;
		last = keys[at];
		if (nitems++ == 0)
			first = key_item(last);
	}
	cJSON_Delete(stream->start_key);
	stream->start_key = nitems == page_items ? key_item(last) : NULL;
	page = page_of(nitems);
	if (stream_measure(streams, stream, page, first))
		assert_true(stream_cut(streams, stream));
	cJSON_Delete(page);
	cJSON_Delete(first);
	if (stream->start_key == NULL)
		stream_end(streams, stream);
}

/* Any of the active ones: answers come in any order. */
static Stream *
any_active(const Streams *streams)
{
	size_t		number = streams->nactive > 0 ? (size_t) rand() % streams->nactive : 0;

	for (Stream *stream = streams->first; stream != NULL; stream = stream->next)
		if (stream->is_started && number-- == 0)
			return stream;
	return NULL;
}

/* Reads all keys; the head, known when it is wanted, is told so many pages later. */
static void
read_all(bool backward, int page_items, size_t parallel, int64_t head, int head_delay)
{
	ReadSpec	spec = index_spec(backward);
	Streams		streams;
	int			pages = 0;

	memset(seen, 0, sizeof(seen));
	streams_init(&streams, &spec);
	for (;;)
	{
		Stream	   *stream;

		assert_true(streams_start(&streams, parallel));
		if (streams.first == NULL)
			break;
		stream = any_active(&streams);
		if (stream != NULL)
			answer(&streams, stream, page_items);
		assert_true(pages++ < 4 * MAX_KEYS);
		if (streams.head_state == HEAD_WANTED && (stream == NULL || head_delay-- <= 0))
			assert_true(streams_cut_at_head(&streams, head));
	}
	assert_int_equal(streams.nactive, 0);
	for (size_t i = 0; i < nkeys; i++)
		assert_int_equal(seen[i], 1);
	streams_free(&streams);
}

/* Keys with gaps of any size between them, from a little before the first that there should be; maybe no integers. */
static void
fill_store(size_t count)
{
	int64_t		step = 2 - rand() % 2;
	int64_t		key = -3 * step;

	for (nkeys = 0; nkeys < count; nkeys++)
	{
		keys[nkeys] = key;
		key += step * (rand() % 50 == 0 ? 1 + rand() % 5000 : 1 + rand() % 3);
	}
}

static void
however_it_is_cut_each_key_is_read_once(void **state)
{
	srand(1);
	for (int i = 0; i < 200; i++)
	{
		int			page_items = 1 + rand() % 100;

		fill_store((size_t) (rand() % 1000));
		for (int backward = 0; backward <= 1; backward++)
		{
			int64_t		head = nkeys > 0 && rand() % 4 > 0 ? keys[(size_t) rand() % nkeys] / 2 : INT64_MIN;

			read_all(backward, page_items, 1 + (size_t) (rand() % 8), head, rand() % 3);
		}
	}
}

static void
a_spec_is_read_in_its_order(void **state)
{
	static const AggregateId aggregates[] = {{"a", 1}, {"b", 1}};
	static const KeyRange ranges[] = {{.has_upper = true, .upper = 3}, {.has_lower = true, .lower = 7}};
	ReadSpec	spec = {.path = READ_AGGREGATE, .aggregates = aggregates, .naggregates = 2, .ranges = ranges, .nranges = 2};
	Streams		streams;
	size_t		number;

	for (int backward = 0; backward <= 1; backward++)
	{
		spec.backward = backward;
		streams_init(&streams, &spec);
		assert_int_equal(streams_most(&streams), 4);
		assert_true(streams_start(&streams, 3));
		assert_int_equal(streams.nactive, 3);
		assert_true(streams_start(&streams, 10));
		assert_int_equal(streams.nactive, 4);
		number = 0;
		for (const Stream *stream = streams.first; stream != NULL; stream = stream->next, number++)
		{
			assert_ptr_equal(stream->aggregate, &aggregates[number / 2]);
			assert_int_equal(stream->range.has_upper, (number % 2 == 0) != backward);
		}
		assert_int_equal(number, 4);
		streams_free(&streams);
	}
}

static void
chosen_segments_alone_are_read(void **state)
{
	static const int chosen[] = {5, 2};
	ReadSpec	spec = {.path = READ_SCAN, .segments = 8, .chosen_segments = chosen, .nchosen_segments = 2, .max_ranges = 8};
	Streams		streams;

	streams_init(&streams, &spec);
	assert_int_equal(streams_most(&streams), 2);
	assert_true(streams_start(&streams, 8));
	assert_int_equal(streams.first->segment, 5);
	assert_int_equal(streams.first->next->segment, 2);
	assert_null(streams.first->next->next);
	streams_free(&streams);
}

/* A first page of so many keys from 1 on, more to come. */
static void
first_page(Streams *streams, cJSON *start_key, const cJSON *page, const cJSON *first_item)
{
	streams->first->start_key = start_key;
	assert_true(stream_measure(streams, streams->first, page, first_item));
}

static void
what_is_given_out_while_it_reads_stays_one_range(void **state)
{
	ReadSpec	spec = index_spec(false);
	cJSON	   *page = page_of(100);
	cJSON	   *first_item = key_item(2);
	Streams		streams;
	const Stream *last;

	streams_init(&streams, &spec);
	assert_true(streams_start(&streams, 8));
	first_page(&streams, key_item(200), page, first_item);
	assert_true(stream_cut(&streams, streams.first));
	assert_int_equal(streams.head_state, HEAD_WANTED);
	assert_true(streams_start(&streams, 8));
	assert_int_equal(streams.nactive, 1);		/* the rest waits for the head */
	assert_true(streams_cut_at_head(&streams, 10000));
	assert_true(streams_start(&streams, 8));
	assert_int_equal(streams.nactive, 8);
	for (last = streams.first; last->next != NULL;)
		last = last->next;
	assert_true(last->is_whole && last->range.lower == 10001 && !last->range.has_upper && !last->is_started);
	streams_free(&streams);
	cJSON_Delete(page);
	cJSON_Delete(first_item);
}

static void
where_memory_runs_out_it_says_so_and_loses_nothing(void **state)
{
	ReadSpec	spec = index_spec(false);
	cJSON	   *start_key = key_item(200);
	cJSON	   *page = page_of(100);
	cJSON	   *first_item = key_item(2);

	FOR_EACH_ALLOCATION_FAILING({
		Streams		streams;
		bool		done;

		streams_init(&streams, &spec);
		done = streams_start(&streams, 8);
		if (done)
		{
			first_page(&streams, start_key, page, first_item);
			done = stream_cut(&streams, streams.first) && streams_cut_at_head(&streams, 10000) && streams_start(&streams, 8);
			streams.first->start_key = NULL;
		}
		assert_int_equal(done, !memory_has_failed());
		streams_free(&streams);
	});
	cJSON_Delete(start_key);
	cJSON_Delete(page);
	cJSON_Delete(first_item);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spec_is_read_in_its_order),
		cmocka_unit_test(chosen_segments_alone_are_read),
		cmocka_unit_test(however_it_is_cut_each_key_is_read_once),
		cmocka_unit_test(what_is_given_out_while_it_reads_stays_one_range),
		cmocka_unit_test(where_memory_runs_out_it_says_so_and_loses_nothing),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
