/*
 * read: whatever the keys, the pages, the order of answers and the faults, each item that is asked for comes once, in
 * its order, and no other.
 */
#include "served.h"

#include "store/read.h"

static const StoreNames names = {.commit_table = "commits", .commit_index = "byId", .counter_table = "counters", .counter = "commits"};

#define LARGEST_KEY 130000		/* of what fill_store makes */

static ServedStore store;
static KeyRange range;
static const AggregateId aggregate = {"a", 1};
static const char *const attributes[] = {"aggregateId", "version", "commitId"};

/* Ids with gaps, some of them large. */
static void
fill_store(unsigned seed)
{
	int64_t		key = 0;
	int			gaps;

	memset(&store, 0, sizeof(store));
	store.seed = seed;
	gaps = served_random(&store, 50);
	store.nkeys = (size_t) served_random(&store, 300);
	for (size_t i = 0; i < store.nkeys; i++)
	{
		key += 1 + (served_random(&store, 100) < gaps ? served_random(&store, served_random(&store, 2) ? 3 : 400) : 0);
		store.keys[i] = key;
	}
	store.head = key + served_random(&store, 5);
	store.page_items = 1 + (size_t) served_random(&store, 30);
	store.slowest_ms = served_random(&store, 2) * 50;
	store.faults = served_random(&store, 2) * 10;
}

static ReadSpec
random_spec(void)
{
	static const ReadPath paths[] = {READ_AGGREGATE, READ_INDEX, READ_SCAN};
	ReadSpec	spec = {
		.path = paths[served_random(&store, 3)],
		.aggregates = &aggregate, .naggregates = 1, .ranges = &range, .nranges = 1,
		.segments = 1 + served_random(&store, 4),
		.wanted = served_random(&store, 2) * served_random(&store, 200),
		.nothing_ahead = served_random(&store, 3) == 0,
		.max_parallel = 1 + served_random(&store, 16),
		.attributes = attributes, .nattributes = 3,
	};

	spec.backward = spec.path != READ_SCAN && served_random(&store, 2);
	spec.ordered = spec.path != READ_SCAN;
	spec.max_ranges = served_random(&store, 2) * 16;
	range = (KeyRange)
	{
		.has_lower = served_random(&store, 2), .lower = served_random(&store, (int) store.head + 2),
		.has_upper = served_random(&store, 2)
	};
	range.upper = range.lower + served_random(&store, (int) store.head + 2);
	return spec;
}

static bool
is_wanted(const ReadSpec *spec, int64_t key)
{
	return spec->path == READ_SCAN || ((!range.has_lower || key >= range.lower) && (!range.has_upper || key <= range.upper));
}

/* How many items are to come, by what the store has at the moment. */
static size_t
count_wanted(const ReadSpec *spec)
{
	size_t		count = 0;

	for (size_t i = 0; i < store.nkeys; i++)
		count += is_wanted(spec, store.keys[i]);
	return count;
}

/* Counts the items as they come, and looks at their order. */
static size_t
read_all(Client *client, const ReadSpec *spec, Usage *usage, ReadResult *result)
{
	ReadOperation *read = read_start(client, &names, spec, usage);
	static bool seen[LARGEST_KEY];
	int64_t		before = spec->backward ? INT64_MAX : INT64_MIN;
	size_t		count = 0;
	const cJSON *item;

	memset(seen, 0, sizeof(seen));
	while ((*result = read_next(read, &item)) != READ_END && *result != READ_FAILED)
	{
		int64_t		key;

		if (*result == READ_PENDING)
			script_wait(client);
		if (*result != READ_ITEM)
			continue;
		key = served_key(item);
		assert_true(key < LARGEST_KEY && is_wanted(spec, key));
		assert_false(seen[key]);
		seen[key] = true;
		if (spec->ordered)
			assert_true(spec->backward ? key < before : key > before);
		before = key;
		count++;
	}
	read_free(read);
	return count;
}

static void
each_item_comes_once_in_order(void **state)
{
	for (unsigned seed = 1; seed <= cases_of(1000); seed++)
	{
		ReadSpec	spec;
		ReadResult	result;
		Usage		usage = {0};
		Client	   *client;
		size_t		count;

		fill_store(seed);
		spec = random_spec();
		script_begin_serving(served_answer, &store);
		client = script_client(20, spec.max_parallel);
		count = read_all(client, &spec, &usage, &result);
		if (result != READ_END || count != count_wanted(&spec))
			fail_msg("seed %u: %zu of %zu", seed, count, count_wanted(&spec));
		client_free(client);
	}
}

/* Commits come in meanwhile, above all ids that were given out before. */
static void
grow_store(ServedStore *growing)
{
	if (growing->nkeys < SERVED_MOST && served_random(growing, 3) == 0)
	{
		growing->head += 1 + served_random(growing, 2);
		growing->keys[growing->nkeys++] = growing->head;
	}
}

static void
a_store_that_grows_loses_and_repeats_nothing(void **state)
{
	for (unsigned seed = 1; seed <= cases_of(300); seed++)
	{
		ReadSpec	spec;
		ReadResult	result;
		Client	   *client;
		size_t		at_least;
		size_t		count;

		fill_store(seed);
		spec = random_spec();
		at_least = count_wanted(&spec);
		store.before = grow_store;
		script_begin_serving(served_answer, &store);
		client = script_client(20, spec.max_parallel);
		count = read_all(client, &spec, NULL, &result);
		if (result != READ_END || count < at_least || count > count_wanted(&spec))
			fail_msg("seed %u: %zu, and not from %zu to %zu", seed, count, at_least, count_wanted(&spec));
		client_free(client);
	}
}

static void
no_more_than_the_window_is_on_the_way(void **state)
{
	ReadSpec	spec = {
		.path = READ_INDEX, .ranges = &range, .nranges = 1, .ordered = true, .max_parallel = 5, .max_ranges = 5,
		.attributes = attributes, .nattributes = 3
	};
	ReadResult	result;
	Client	   *client;

	fill_store(7);
	store.nkeys = 1000;
	for (size_t i = 0; i < store.nkeys; i++)
		store.keys[i] = (int64_t) i + 1;
	store.head = 1000;
	store.page_items = 10;
	store.slowest_ms = 50;
	store.faults = 0;
	range = (KeyRange) {0};
	script_begin_serving(served_answer, &store);
	client = script_client(4, 5);
	assert_int_equal(read_all(client, &spec, NULL, &result), 1000);
	assert_in_range(script_most_in_flight(), 4, 6);	/* and the counter's */
	client_free(client);
}

/* A caller who takes no more than he said costs no more than that. */
static void
what_is_wanted_bounds_what_is_read(void **state)
{
	ReadSpec	spec = {
		.path = READ_INDEX, .ranges = &range, .nranges = 1, .ordered = true, .backward = true, .wanted = 10, .max_parallel = 16,
		.max_ranges = 16, .attributes = attributes, .nattributes = 3
	};
	ReadOperation *read;
	Client	   *client;
	const cJSON *item;

	fill_store(7);
	for (store.nkeys = 0; store.nkeys < 1000; store.nkeys++)
		store.keys[store.nkeys] = (int64_t) store.nkeys + 1;
	store.page_items = 500;
	store.faults = 0;
	range = (KeyRange) {0};
	script_begin_serving(served_answer, &store);
	client = script_client(4, 16);
	read = read_start(client, &names, &spec, NULL);
	for (int taken = 0; taken < 10;)
	{
		ReadResult	result = read_next(read, &item);

		if (result == READ_PENDING)
			script_wait(client);
		taken += result == READ_ITEM;
	}
	assert_int_equal(script_requests(), 1);
	assert_int_equal(store.served, 10);
	read_free(read);
	client_free(client);
}

/* A store without gaps, read as a whole along the index, from which each page comes after 20 ms. */
static ReadSpec
long_read(void)
{
	fill_store(7);
	for (store.nkeys = 0; store.nkeys < SERVED_MOST; store.nkeys++)
		store.keys[store.nkeys] = (int64_t) store.nkeys + 1;
	store.head = SERVED_MOST;
	store.page_items = 10;
	store.slowest_ms = store.faults = 0;
	store.each_ms = 20;
	range = (KeyRange) {0};
	return (ReadSpec)
	{
		.path = READ_INDEX, .ranges = &range, .nranges = 1, .ordered = true, .max_parallel = 16, .max_ranges = 16,
		.attributes = attributes, .nattributes = 3
	};
}

static void
a_long_read_is_ten_times_as_fast_as_page_after_page(void **state)
{
	for (int backward = 0; backward < 2; backward++)
	{
		ReadSpec	spec = long_read();
		ReadResult	result;
		Client	   *client;
		int64_t		began;

		spec.backward = backward;
		script_begin_serving(served_answer, &store);
		client = script_client(4, 16);
		began = http_now_ms();
		assert_int_equal(read_all(client, &spec, NULL, &result), SERVED_MOST);
		assert_in_range(http_now_ms() - began, 1, SERVED_MOST / 10 * 20 / 10);
		client_free(client);
	}
}

/* Whoever stops at any item has asked for no more than twice of what was taken; and every request is accounted for. */
static void
a_read_that_is_given_up_has_not_asked_for_much(void **state)
{
	const int	step = 2000 / (int) cases_of(285);

	for (int taken = 1; taken < 2000; taken += step)
	{
		ReadSpec	spec = long_read();
		ReadBudget	budget = {0};
		Usage		usage = {0};
		Usage		before;
		ReadOperation *read;
		Client	   *client;
		const cJSON *item;
		int			pages = (taken + 8) / 9;	/* ranges are cut for nine items, so that they fit */

		spec.budget = &budget;
		spec.backward = taken % 2;
		script_begin_serving(served_answer, &store);
		client = script_client(4, 16);
		read = read_start(client, &names, &spec, &usage);
		for (int left = taken; left > 0;)
		{
			ReadResult	result = read_next(read, &item);

			if (result == READ_PENDING)
				script_wait(client);
			left -= result == READ_ITEM;
		}
		assert_in_range(script_requests(), (taken + 9) / 10, 2 * pages + 2);	/* and the counter's, and the next one's */
		before = usage;
		assert_true(budget.spent <= before.read_units && budget.promised > 0);
		read_free(read);
		assert_int_equal(usage.requests, script_requests());
		assert_true(usage.abandoned > 0 && usage.read_units >= before.read_units);
		assert_true(budget.spent == usage.read_units && budget.promised == 0);
		client_free(client);
	}
}

/* Pages cost 5 units, but 256 can be feared of each. */
static void
no_more_is_under_way_than_the_budget_bears(void **state)
{
	static const struct
	{
		double		limit;
		int			in_flight;
		double		spent;			/* at most; 0: all is read */
	}			cases[] = {{0, 16, 0}, {3000, 16, 0}, {2100, 16, 0}, {500, 3, 505}, {130, 1, 135}, {1, 1, 5}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		ReadSpec	spec = long_read();
		ReadBudget	budget = {.limit = cases[i].limit};
		Usage		usage = {0};
		ReadOperation *read;
		Client	   *client;
		ReadResult	result = READ_PENDING;
		const cJSON *item;

		spec.budget = &budget;
		script_begin_serving(served_answer, &store);
		client = script_client(4, 16);
		read = read_start(client, &names, &spec, &usage);
		while (result != READ_END && result != READ_FAILED && (budget.limit == 0 || budget.spent <= budget.limit))
		{
			result = read_next(read, &item);
			if (result == READ_PENDING)
				script_wait(client);
		}
		read_free(read);
		assert_true(script_most_in_flight() <= cases[i].in_flight + 1);	/* and the counter's */
		if (cases[i].spent == 0)
			assert_int_equal(result, READ_END);
		else
			assert_true(result != READ_END && usage.read_units > budget.limit && usage.read_units <= cases[i].spent);
		client_free(client);
	}
}

/* Keys of the store, and keys that it does not have: ascending, none twice. */
static size_t
random_keys(CommitKey *keys, size_t most)
{
	size_t		count = 0;
	int64_t		version = 0;

	while (count < most)
	{
		version += 1 + served_random(&store, 20);
		keys[count++] = (CommitKey) {.aggregate = aggregate, .version = version};
	}
	return count;
}

static size_t
count_existing(const CommitKey *keys, size_t nkeys)
{
	size_t		existing = 0;

	for (size_t i = 0; i < nkeys; i++)
		for (size_t j = 0; j < store.nkeys; j++)
			existing += store.keys[j] == keys[i].version;
	return existing;
}

/* The items of a read by keys; each of them once. */
static size_t
read_keys(Client *client, const ReadSpec *spec, Usage *usage, ReadResult *result)
{
	ReadOperation *read = read_start(client, &names, spec, usage);
	static bool seen[LARGEST_KEY];
	const cJSON *item;
	size_t		count = 0;

	memset(seen, 0, sizeof(seen));
	while ((*result = read_next(read, &item)) != READ_END && *result != READ_FAILED)
	{
		if (*result == READ_PENDING)
			script_wait(client);
		if (*result != READ_ITEM)
			continue;
		assert_in_range(served_key(item), 0, LARGEST_KEY - 1);
		assert_false(seen[served_key(item)]);
		seen[served_key(item)] = true;
		count++;
	}
	if (*result == READ_END && spec->count_only)
		count = (size_t) read_count(read);
	read_free(read);
	return count;
}

static void
each_key_is_read_once_whatever_is_left_out(void **state)
{
	for (unsigned seed = 1; seed <= cases_of(150); seed++)
	{
		static CommitKey keys[400];
		ReadSpec	spec = {.path = READ_AGGREGATE, .attributes = attributes, .nattributes = 3, .keys = keys};
		Usage		usage = {0};
		ReadResult	result;
		Client	   *client;
		size_t		count;

		fill_store(seed);
		store.left_out = served_random(&store, 3) * 30;
		spec.nkeys = random_keys(keys, 1 + (size_t) served_random(&store, 400));
		spec.max_parallel = 1 + served_random(&store, 16);
		spec.wanted = served_random(&store, 2) * served_random(&store, 200);
		spec.count_only = served_random(&store, 4) == 0;
		script_begin_serving(served_answer, &store);
		client = script_client(20, spec.max_parallel);
		count = read_keys(client, &spec, &usage, &result);
		if (result != READ_END || count != count_existing(keys, spec.nkeys))
			fail_msg("seed %u: %zu of %zu", seed, count, count_existing(keys, spec.nkeys));
		if (store.left_out == 0 && store.faults == 0)
			assert_int_equal(usage.items, count);
		if (store.left_out == 0 && store.faults == 0 && spec.wanted == 0)
			assert_int_equal(usage.requests, (spec.nkeys + 99) / 100);
		client_free(client);
	}
}

static const CommitKey three_keys[] = {{{"a", 1}, 1}, {{"a", 1}, 2}, {{"b", 1}, 1}};

#define KEY_OF(id, version) "{\"aggregateId\":{\"S\":\"" id "\"},\"version\":{\"N\":\"" version "\"}}"
#define BATCH_ANSWER(items, rest) "{\"Responses\":{\"commits\":[" items "]},\"UnprocessedKeys\":{" rest "}," \
	"\"ConsumedCapacity\":[{\"TableName\":\"commits\",\"CapacityUnits\":0.5}]}"
#define REST(keys) "\"commits\":{\"Keys\":[" keys "]}"
#define ALL_THREE KEY_OF("a", "1") "," KEY_OF("a", "2") "," KEY_OF("b", "1")

static ReadSpec
three_keys_spec(void)
{
	return (ReadSpec)
	{
		.path = READ_AGGREGATE, .keys = three_keys, .nkeys = 3, .max_parallel = 4, .attributes = attributes, .nattributes = 3
	};
}

static size_t
count_items(Client *client, const ReadSpec *spec, Usage *usage, ReadResult *result)
{
	ReadOperation *read = read_start(client, &names, spec, usage);
	const cJSON *item;
	size_t		count = 0;

	while ((*result = read_next(read, &item)) != READ_END && *result != READ_FAILED)
	{
		if (*result == READ_PENDING)
			script_wait(client);
		count += *result == READ_ITEM;
	}
	read_free(read);
	return count;
}

/* What was left out is asked for again, and nothing else; for want of throughput not at once. */
static void
keys_that_are_left_out_are_asked_for_again(void **state)
{
	ReadSpec	spec = three_keys_spec();
	Usage		usage = {0};
	ReadResult	result;
	Client	   *client;

	SCRIPT(ANSWERED("BatchGetItem", ALL_THREE, "{\"Responses\":{},\"UnprocessedKeys\":{" REST(ALL_THREE) "}}"),
		   ANSWERED("BatchGetItem", ALL_THREE, BATCH_ANSWER(KEY_OF("b", "1"), REST(KEY_OF("a", "2") "," KEY_OF("a", "1")))),
		   ANSWERED("BatchGetItem", "\"Keys\":[" KEY_OF("a", "1") "," KEY_OF("a", "2") "]",
					BATCH_ANSWER(KEY_OF("a", "2"), REST(KEY_OF("a", "1")))),
		   ANSWERED("BatchGetItem", "\"Keys\":[" KEY_OF("a", "1") "]", BATCH_ANSWER(KEY_OF("a", "1"), "")));
	client = script_client(4, 4);
	assert_int_equal(count_items(client, &spec, &usage, &result), 3);
	assert_int_equal(result, READ_END);
	assert_int_equal(usage.throttles, 3);
	assert_int_equal(usage.retries, 1);
	assert_int_equal(usage.items, 3);
	client_free(client);
	script_end();
}

/* A batch that was full leaves keys out as well, which are asked for at once. It may be short, where few attributes are wanted: its price tells. */
static void
what_a_full_answer_leaves_out_is_asked_for_at_once(void **state)
{
	ReadSpec	spec = three_keys_spec();
	Usage		usage = {0};
	ReadResult	result;
	Client	   *client;
	int64_t		began;

	SCRIPT(ANSWERED("BatchGetItem", ALL_THREE, "{\"Responses\":{\"commits\":[" KEY_OF("a", "1") "]},\"UnprocessedKeys\":{" REST(KEY_OF("a", "2") "," KEY_OF("b", "1")) "},"
					"\"ConsumedCapacity\":[{\"TableName\":\"commits\",\"CapacityUnits\":2048}]}"),
		   ANSWERED("BatchGetItem", "\"Keys\":[" KEY_OF("a", "2") "," KEY_OF("b", "1") "]", BATCH_ANSWER(KEY_OF("b", "1"), "")));
	client = script_client(4, 4);
	began = http_now_ms();
	assert_int_equal(count_items(client, &spec, &usage, &result), 2);
	assert_int_equal(result, READ_END);
	assert_int_equal(usage.throttles, 0);
	assert_int_equal(http_now_ms(), began);
	client_free(client);
	script_end();
}

/* An endpoint that never reads a key is throttled to the end, and then a failure. */
static void
keys_that_are_never_read_are_a_failure(void **state)
{
	static const Exchange nothing = ANSWERED("BatchGetItem", NULL, "{\"Responses\":{\"commits\":[]},\"UnprocessedKeys\":{" REST(ALL_THREE) "}}");
	const Exchange exchanges[] = {nothing, nothing, nothing, nothing};
	ReadSpec	spec = three_keys_spec();
	Usage		usage = {0};
	ReadOperation *read;
	ReadResult	result;
	Client	   *client;
	const cJSON *item;

	script_begin(exchanges, 4);
	client = script_client(4, 4);
	read = read_start(client, &names, &spec, &usage);
	while ((result = read_next(read, &item)) == READ_PENDING || result == READ_EMPTY_PAGE)
		script_wait(client);
	assert_int_equal(result, READ_FAILED);
	assert_int_equal(read_failure(read)->kind, FAILURE_THROTTLED);
	assert_int_equal(usage.retries, 3);
	assert_int_equal(usage.throttles, 4);
	read_free(read);
	client_free(client);
	script_end();
}

/* Whatever was not asked for, or comes twice, is not DynamoDB's: the read fails, and is never short in silence. */
static void
answers_to_other_keys_are_refused(void **state)
{
	static const char *const answers[] = {
		BATCH_ANSWER(KEY_OF("a", "3"), ""),
		BATCH_ANSWER(KEY_OF("c", "1"), ""),
		BATCH_ANSWER(KEY_OF("a", "1") "," KEY_OF("a", "1"), ""),
		BATCH_ANSWER(KEY_OF("a", "1"), REST(KEY_OF("a", "1"))),
		BATCH_ANSWER("{\"aggregateId\":{\"S\":\"a\"}}", ""),
		BATCH_ANSWER("{}", ""),
		BATCH_ANSWER("", REST(KEY_OF("a", "3"))),
		BATCH_ANSWER("", REST(KEY_OF("a", "1") "," KEY_OF("a", "1"))),
		BATCH_ANSWER("", REST(ALL_THREE)),
		BATCH_ANSWER("", "\"commits\":{\"Keys\":{}}"),
		BATCH_ANSWER("", "\"commits\":[]"),
		"{\"Items\":[" KEY_OF("a", "1") "],\"Count\":1,\"ScannedCount\":1}",
		"{\"UnprocessedKeys\":{}}",
		"{}",
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
	{
		const Exchange exchange = ANSWERED("BatchGetItem", NULL, answers[i]);
		ReadSpec	spec = three_keys_spec();
		ReadResult	result;
		Client	   *client;

		script_begin(&exchange, 1);
		client = script_client(1, 4);
		count_items(client, &spec, NULL, &result);
		if (result != READ_FAILED)
			fail_msg("taken: %s", answers[i]);
		client_free(client);
		script_end();
	}
}

#define LATE_PAGE(part, text) {.operation = "Query", .contains = part, .answer = text, .after_ms = 100}

/* Side by side. */
static void
without_permission_for_batches_each_key_is_a_query(void **state)
{
	ReadSpec	spec = three_keys_spec();
	ReadResult	result;
	Client	   *client;
	int64_t		began;

	SCRIPT(REFUSED("BatchGetItem", NULL, "AccessDeniedException", ""),
		   LATE_PAGE("\":1\":{\"N\":\"2\"}", "{\"Items\":[" KEY_OF("a", "2") "],\"Count\":1,\"ScannedCount\":1}"),
		   LATE_PAGE("{\"S\":\"b\"}", "{\"Items\":[" KEY_OF("b", "1") "],\"Count\":1,\"ScannedCount\":1}"),
		   LATE_PAGE(NULL, "{\"Items\":[],\"Count\":0,\"ScannedCount\":0}"));
	client = script_client(4, 4);
	began = http_now_ms();
	assert_int_equal(count_items(client, &spec, NULL, &result), 2);
	assert_int_equal(result, READ_END);
	assert_int_equal(script_most_in_flight(), 3);
	assert_int_equal(http_now_ms() - began, 100);
	client_free(client);
	script_end();
}

#define NO_PAGE(name) ANSWERED(name, NULL, "{\"Items\":[],\"Count\":0,\"ScannedCount\":0}")

/* The client remembers it for a while, and for that table: no other batch is refused until then. */
static void
a_refused_batch_is_not_asked_for_again(void **state)
{
	static char texts[300][16];
	static CommitKey keys[300];
	static Exchange exchanges[1 + 300 + 3 + 1];
	ReadSpec	spec = three_keys_spec();
	ReadResult	result;
	Client	   *client;

	for (int i = 0; i < 300; i++)
	{
		snprintf(texts[i], sizeof(texts[i]), "k%03d", i);
		keys[i] = (CommitKey) {{texts[i], strlen(texts[i])}, 1};
	}
	exchanges[0] = (Exchange) REFUSED("BatchGetItem", NULL, "AccessDeniedException", "");
	for (int i = 1; i <= 303; i++)
		exchanges[i] = (Exchange) NO_PAGE("Query");
	exchanges[304] = (Exchange) ANSWERED("BatchGetItem", "commits", BATCH_ANSWER("", ""));
	script_begin(exchanges, 305);
	client = script_client(4, 1);
	spec.max_parallel = 1;
	spec.keys = keys;
	spec.nkeys = 300;
	assert_int_equal(count_items(client, &spec, NULL, &result), 0);
	assert_int_equal(result, READ_END);
	assert_int_equal(script_requests(), 301);
	spec = three_keys_spec();
	count_items(client, &spec, NULL, &result);
	assert_int_equal(result, READ_END);
	assert_false(script_used(304));
	*client_batch_refusals(client) = (Refusals) {0};
	refusals_add(client_batch_refusals(client), "others", http_now_ms());
	refusals_add(client_batch_refusals(client), "commits", http_now_ms() - REFUSAL_MS);
	count_items(client, &spec, NULL, &result);
	assert_true(result == READ_END && script_used(304));
	client_free(client);
	script_end();
}

/* A budget of so many units lets no more keys be asked for than it is sure to bear. */
static void
a_batch_keeps_to_the_budget(void **state)
{
	static CommitKey keys[300];
	ReadSpec	spec = {
		.path = READ_AGGREGATE, .attributes = attributes, .nattributes = 3, .keys = keys, .max_parallel = 16
	};
	ReadBudget	budget = {.limit = 20};
	Usage		usage = {0};
	ReadOperation *read;
	ReadResult	result = READ_PENDING;
	Client	   *client;
	const cJSON *item;

	fill_store(7);
	store.faults = 0;
	spec.nkeys = random_keys(keys, 300);
	spec.budget = &budget;
	script_begin_serving(served_answer, &store);
	client = script_client(4, 16);
	read = read_start(client, &names, &spec, &usage);
	while (result != READ_END && result != READ_FAILED && budget.spent <= budget.limit)
	{
		result = read_next(read, &item);
		if (result == READ_PENDING)
			script_wait(client);
	}
	assert_true(result != READ_END && budget.spent == 20.5 && usage.requests == 2);
	read_free(read);
	client_free(client);
}

/* It is known of three keys what they may cost, and so whether they may be read ahead: 300 units, if each has an item of 400 KB. */
static void
a_batch_is_begun_ahead_if_the_budget_bears_its_keys(void **state)
{
	for (int units = 299; units <= 301; units++)
	{
		const Exchange exchange = ANSWERED("BatchGetItem", ALL_THREE, BATCH_ANSWER(ALL_THREE, ""));
		ReadSpec	spec = three_keys_spec();
		ReadBudget	budget = {.limit = units};
		Usage		usage = {0};
		ReadOperation *read;
		Client	   *client;

		spec.consistent = true;
		spec.budget = &budget;
		script_begin(&exchange, units < 300 ? 0 : 1);
		client = script_client(1, 4);
		read = read_start(client, &names, &spec, &usage);
		read_begin_ahead(read);
		assert_int_equal(script_requests(), units < 300 ? 0 : 1);
		read_free(read);
		client_free(client);
		script_end();
	}
}

static void
without_memory_a_read_fails(void **state)
{
	for (unsigned seed = 1; seed <= 6; seed++)
		FOR_EACH_ALLOCATION_FAILING({
			ReadSpec	spec;
			ReadOperation *read;
			ReadResult	result = READ_FAILED;
			Client	   *client;
			size_t		count = 0;
			const cJSON *item;

			fill_store(seed);
			store.nkeys = store.nkeys < 40 ? store.nkeys : 40;
			store.page_items = store.page_items < 5 ? 5 : store.page_items;
			spec = random_spec();
			script_begin_serving(served_answer, &store);
			client = script_client(20, spec.max_parallel);
			read = client != NULL ? read_start(client, &names, &spec, NULL) : NULL;
			while (read != NULL && (result = read_next(read, &item)) != READ_END && result != READ_FAILED)
			{
				if (result == READ_PENDING)
					script_wait(client);
				count += result == READ_ITEM;
			}
			if (result == READ_END)
				assert_int_equal(count, count_wanted(&spec));
			read_free(read);
			client_free(client);
		});
}

static void
without_memory_a_read_by_keys_fails(void **state)
{
	FOR_EACH_ALLOCATION_FAILING({
		static CommitKey keys[20];
		ReadSpec	spec = {
			.path = READ_AGGREGATE, .attributes = attributes, .nattributes = 3, .keys = keys, .max_parallel = 2
		};
		ReadOperation *read;
		ReadResult	result = READ_FAILED;
		Client	   *client;
		size_t		count = 0;
		const cJSON *item;

		fill_store(3);
		store.left_out = 20;
		store.faults = 0;
		spec.nkeys = random_keys(keys, 20);
		script_begin_serving(served_answer, &store);
		client = script_client(20, 2);
		read = client != NULL ? read_start(client, &names, &spec, NULL) : NULL;
		while (read != NULL && (result = read_next(read, &item)) != READ_END && result != READ_FAILED)
		{
			if (result == READ_PENDING)
				script_wait(client);
			count += result == READ_ITEM;
		}
		if (result == READ_END)
			assert_int_equal(count, count_existing(keys, spec.nkeys));
		read_free(read);
		client_free(client);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_item_comes_once_in_order),
		cmocka_unit_test(a_store_that_grows_loses_and_repeats_nothing),
		cmocka_unit_test(no_more_than_the_window_is_on_the_way),
		cmocka_unit_test(what_is_wanted_bounds_what_is_read),
		cmocka_unit_test(a_long_read_is_ten_times_as_fast_as_page_after_page),
		cmocka_unit_test(a_read_that_is_given_up_has_not_asked_for_much),
		cmocka_unit_test(no_more_is_under_way_than_the_budget_bears),
		cmocka_unit_test(each_key_is_read_once_whatever_is_left_out),
		cmocka_unit_test(keys_that_are_left_out_are_asked_for_again),
		cmocka_unit_test(what_a_full_answer_leaves_out_is_asked_for_at_once),
		cmocka_unit_test(keys_that_are_never_read_are_a_failure),
		cmocka_unit_test(answers_to_other_keys_are_refused),
		cmocka_unit_test(without_permission_for_batches_each_key_is_a_query),
		cmocka_unit_test(a_refused_batch_is_not_asked_for_again),
		cmocka_unit_test(a_batch_keeps_to_the_budget),
		cmocka_unit_test(a_batch_is_begun_ahead_if_the_budget_bears_its_keys),
		cmocka_unit_test(without_memory_a_read_fails),
		cmocka_unit_test(without_memory_a_read_by_keys_fails),
	};

	return cmocka_run_group_tests_name("read", tests, NULL, NULL);
}
