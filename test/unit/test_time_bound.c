/*
 * time_bound: a span of time becomes a range of commit ids that loses no commit of the span, whatever the order within the slack,
 * by few requests, and never by more than twice the logarithm of the number of ids.
 */
#include "served.h"

#include <math.h>

#include "store/timed_read.h"

static const StoreNames names = {.commit_table = "commits", .commit_index = "byId", .counter_table = "counters", .counter = "commits"};
static const char *const attributes[] = {"commitId", "committedAt"};

#define MILLION 1000000
#define TIME_OF_FIRST 1700000000000

static int64_t
random_below(int64_t n)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int64_t) (state % (uint64_t) n);
}

static int64_t evenly(int64_t i) { return TIME_OF_FIRST + i * 1000; }
static int64_t all_at_once(int64_t i) { return TIME_OF_FIRST; }
static int64_t ever_faster(int64_t i) { return TIME_OF_FIRST + (int64_t) (sqrt((double) i) * 1e6); }
static int64_t ever_slower(int64_t i) { return TIME_OF_FIRST + i * i; }
static int64_t doubling(int64_t i) { return TIME_OF_FIRST + (int64_t) exp2((double) i / MILLION * 40); }
static int64_t one_jump(int64_t i) { return TIME_OF_FIRST + (i > MILLION / 3 ? 1000000000000 : 0) + i; }
static int64_t last_is_late(int64_t i) { return TIME_OF_FIRST + i + (i == MILLION ? 1000000000000 : 0); }
static int64_t first_is_early(int64_t i) { return i == 1 ? 0 : TIME_OF_FIRST + i; }
static int64_t in_days(int64_t i) { return TIME_OF_FIRST + i / 3000 * 86400000 + i % 3000; }
static int64_t in_stairs(int64_t i) { return TIME_OF_FIRST + (int64_t) exp2((double) (i / 50000)) * 1000000 + i; }

/* A million arrivals at random. */
static int64_t arrivals[MILLION + 1];
static int64_t at_random(int64_t i) { return arrivals[i]; }

typedef struct Spread
{
	const char *name;
	int64_t		(*time) (int64_t i);
	int			most;			/* probes */
} Spread;

#define WORST (2 * 19)			/* of a million */

static const Spread spreads[] = {
	{"evenly", evenly, 8},
	{"at random", at_random, 8},
	{"all at once", all_at_once, WORST},
	{"ever faster", ever_faster, WORST},
	{"ever slower", ever_slower, WORST},
	{"doubling", doubling, WORST},
	{"one jump", one_jump, WORST},
	{"the last is late", last_is_late, WORST},
	{"the first is early", first_is_early, WORST},
	{"in days", in_days, WORST},
	{"in stairs", in_stairs, WORST},
};

/* The store at hand: its ids are 1, 2, 3 and so on. */
static const Spread *spread;
static int64_t later;

static int64_t
time_of(int64_t id)
{
	return spread->time(id) + later;
}

static void
use_store(const Spread *chosen)
{
	spread = chosen;
	later = 0;
	arrivals[0] = TIME_OF_FIRST;
	for (int64_t i = 1; i <= MILLION && chosen->time == at_random; i++)
		arrivals[i] = arrivals[i - 1] + (int64_t) (-log((double) (random_below(MILLION) + 1) / MILLION) * 1000);
}

/* What a probe finds in there. */
static TimeFinding
look(const TimeProbe *probe)
{
	int64_t		first = probe->range.has_lower && probe->range.lower > 1 ? probe->range.lower : 1;
	int64_t		last = probe->range.has_upper && probe->range.upper < MILLION ? probe->range.upper : MILLION;
	TimeFinding finding = {.is_there = first <= last, .has_id = true, .has_time = true};

	finding.commit.id = probe->backward ? last : first;
	if (finding.is_there)
		finding.commit.time = time_of(finding.commit.id);
	return finding;
}

/* Runs a search; how many probes it took. */
static int
search(TimeSearch *search, TimeWitness wanted, int64_t moment, KnownTimes *known, int64_t trusted_since)
{
	TimeProbe	probe;
	int			probes = 0;

	time_search_begin(search, wanted, moment, known, trusted_since);
	while (time_search_next(search, &probe))
	{
		TimeFinding finding = look(&probe);

		finding.commit.seen_at = trusted_since;
		time_search_take(search, &finding);
		assert_in_range(++probes, 1, 1000);
	}
	return probes;
}

/* Where times rise with ids, the witness is no further from the place than a bracket that is not worth a probe. */
static void
check_witness(const TimeSearch *done, const char *name)
{
	int64_t		id;
	bool		is_before = done->wanted == WITNESS_BEFORE;

	if (!time_search_witness(done, &id))
		id = is_before ? 0 : MILLION + 1;
	else if ((time_of(id) < done->moment) != is_before)
		fail_msg("%s: %lld is no witness", name, (long long) id);
	id += is_before ? TIME_SEARCH_SMALL + 1 : -TIME_SEARCH_SMALL - 1;
	if (id >= 1 && id <= MILLION && (time_of(id) < done->moment) == is_before)
		fail_msg("%s: the witness is far from %lld", name, (long long) done->moment);
}

static void
a_million_commits_take_few_probes(void **state)
{
	for (size_t i = 0; i < sizeof(spreads) / sizeof(spreads[0]); i++)
	{
		int			worst = 0;
		int			cases = (int) cases_of(500);

		use_store(&spreads[i]);
		for (int n = 0; n < cases; n++)
		{
			/* Half of them near a commit that is there, half of them anywhere. */
			int64_t		moment = n % 2 == 0 ? time_of(1 + random_below(MILLION)) + random_below(3) - 1
				: time_of(1) + random_below(time_of(MILLION) - time_of(1) + 2000) - 1000;
			KnownTimes *known = known_times_new();
			TimeSearch	done;
			int			probes = search(&done, n % 4 < 2 ? WITNESS_BEFORE : WITNESS_NOT_BEFORE, moment, known, 1);

			check_witness(&done, spread->name);
			worst = probes > worst ? probes : worst;
			known_times_release(known);
		}
		if (worst > spread->most)
			fail_msg("%s: %d probes", spread->name, worst);
		}
}

static void
what_is_known_spares_probes(void **state)
{
	KnownTimes *known = known_times_new();
	TimeSearch	done;
	int64_t		moment;

	use_store(&spreads[1]);
	moment = time_of(MILLION / 2);
	assert_in_range(search(&done, WITNESS_BEFORE, moment, known, 1), 4, 8);
	assert_int_equal(search(&done, WITNESS_BEFORE, moment, known, 1), 0);	/* the same statement asks again */
	assert_int_equal(search(&done, WITNESS_BEFORE, moment, known, 2), 1);	/* the next one looks whether it holds */
	check_witness(&done, "known");
	assert_in_range(search(&done, WITNESS_BEFORE, moment + 60000, known, 3), 0, 3);
	check_witness(&done, "a minute later");
	/* However much was asked, little is kept. */
	for (unsigned i = 0; i < cases_of(2000); i++)
	{
		search(&done, WITNESS_NOT_BEFORE, time_of(1 + random_below(MILLION)), known, 4);
		check_witness(&done, "many");
		assert_in_range(known_times_count(known), 1, KNOWN_TIMES_MOST);
	}
	known_times_release(known);
}

static void
what_another_store_has_shown_misleads_nobody(void **state)
{
	KnownTimes *known = known_times_new();
	TimeSearch	done;

	use_store(&spreads[0]);
	for (int i = 0; i < 100; i++)
		search(&done, WITNESS_BEFORE, time_of(1 + random_below(MILLION)), known, 1);
	later = 500000000;			/* the store was made anew, and has come to as many commits */
	for (int i = 0; i < 100; i++)
	{
		int64_t		moment = time_of(1 + random_below(MILLION));
		int64_t		id;

		search(&done, i % 2 == 0 ? WITNESS_BEFORE : WITNESS_NOT_BEFORE, moment, known, 2 + i);
		if (time_search_witness(&done, &id))
			assert_true((time_of(id) < moment) == (i % 2 == 0));
	}
	known_times_release(known);
}

static ServedStore store;

/* Ids with gaps; times that rise with them but for the slack; some tell none. Stamps: 0 is none. */
static void
fill_store(unsigned seed, int64_t slack)
{
	int64_t		key = 0;
	int64_t		highest = 1000000;
	int			gaps;
	int			timeless;
	int			pace;

	memset(&store, 0, sizeof(store));
	store.seed = seed;
	gaps = served_random(&store, 50);
	timeless = served_random(&store, 3) == 0 ? served_random(&store, 120) : 0;
	store.nkeys = (size_t) served_random(&store, served_random(&store, 2) ? 40 : 2000);
	pace = 1 + served_random(&store, 3000);
	for (size_t i = 0; i < store.nkeys; i++)
	{
		key += 1 + (served_random(&store, 100) < gaps ? served_random(&store, served_random(&store, 2) ? 3 : 400) : 0);
		store.keys[i] = key;
		if (served_random(&store, 1000) == 0)
			pace = 1 + served_random(&store, 300000);
		highest += served_random(&store, pace);
		store.stamps[i] = highest - (slack > 0 ? served_random(&store, (int) slack + 1) : 0);
		if (served_random(&store, 100) < timeless)
			store.stamps[i] = 0;
	}
	store.head = key;
	store.page_items = 1 + (size_t) served_random(&store, 300);
	store.slowest_ms = served_random(&store, 2) * 50;
	store.faults = served_random(&store, 4) == 0 ? 10 : 0;
}

static KeyRange
random_span(int64_t first, int64_t last)
{
	KeyRange	span = {.has_lower = served_random(&store, 3) > 0, .has_upper = served_random(&store, 3) > 0};

	span.lower = first - 10000 + random_below(last - first + 20000);
	span.upper = span.lower + (served_random(&store, 4) == 0 ? 0 : random_below(last - first + 20000));
	return span;
}

static bool
is_in_span(const KeyRange *span, int64_t time)
{
	return time != 0 && (!span->has_lower || time >= span->lower) && (!span->has_upper || time <= span->upper);
}

/* Reads a span; how many commits of it came. Each comes once. */
static size_t
read_span(const TimeSpan *span, size_t *all)
{
	static const KeyRange everything = {0};
	ReadSpec	spec = {
		.path = READ_INDEX, .ranges = &everything, .nranges = 1, .ordered = true, .max_parallel = 4, .max_ranges = 4,
		.attributes = attributes, .nattributes = 2, .backward = served_random(&store, 2),
	};
	Client	   *client = script_client(20, 4);
	TimedRead  *timed = timed_read_start(client, &names, &spec, span, NULL);
	int64_t		before = spec.backward ? INT64_MAX : 0;
	size_t		found = 0;
	ReadResult	result;
	const cJSON *item;

	*all = 0;
	while ((result = timed_read_next(timed, &item)) != READ_END)
	{
		AttributeValue value;
		int64_t		time;

		assert_int_not_equal(result, READ_FAILED);
		if (result == READ_PENDING)
			script_wait(client);
		if (result != READ_ITEM)
			continue;
		(*all)++;
		value = attribute_get(item, "committedAt");
		assert_true(spec.backward ? served_key(item) < before : served_key(item) > before);
		before = served_key(item);
		found += attribute_to_int64(&value, &time) && is_in_span(&span->times, time);
	}
	timed_read_free(timed);
	client_free(client);
	return found;
}

static size_t
count_in_span(const KeyRange *span)
{
	size_t		count = 0;

	for (size_t i = 0; i < store.nkeys; i++)
		count += is_in_span(span, store.stamps[i]);
	return count;
}

static void
no_commit_of_a_span_is_lost(void **state)
{
	int64_t		spared = 0;

	for (unsigned seed = 1; seed <= cases_of(250); seed++)
	{
		int64_t		slack = (int64_t[]) {0, 0, 5, 1000, 60000}[seed % 5];
		KnownTimes *known = known_times_new();

		fill_store(seed, slack);
		for (int n = 0; n < 6; n++)
		{
			size_t		last = store.nkeys > 0 ? store.nkeys - 1 : 0;
			int64_t		requests = 0;
			TimeSpan	span = {.times = random_span(1000000, store.stamps[last] > 1000000 ? store.stamps[last] : 1500000), .slack_ms = slack, .known = known};
			size_t		all;
			size_t		found;

			script_begin_serving(served_answer, &store);
			span.requests = &requests;
			span.trusted_since = http_now_ms() + (n % 2 == 0 ? 0 : INT64_MIN / 2);
			found = read_span(&span, &all);
			/* For each of the two bounds, and a look at what was known. */
			assert_in_range(requests, 0, 2 * (2 * (int64_t) log2((double) store.head + 2) + 1));
			if (found != count_in_span(&span.times))
				fail_msg("seed %u: %zu of %zu", seed, found, count_in_span(&span.times));
			spared += (int64_t) store.nkeys - (int64_t) all;
		}
		known_times_release(known);
	}
	assert_true(spared > 100 * (int64_t) cases_of(250));
}

/* Commits come in meanwhile; one that was late is stored below the last one. */
static int64_t arriving_slack;

static void
grow_store(ServedStore *growing)
{
	if (growing->nkeys < SERVED_MOST && served_random(growing, 2) == 0)
	{
		int64_t		highest = 0;

		for (size_t i = 0; i < growing->nkeys; i++)
			highest = growing->stamps[i] > highest ? growing->stamps[i] : highest;
		growing->head += 1 + served_random(growing, 4);
		growing->keys[growing->nkeys] = growing->head;
		growing->visible_at[growing->nkeys] = http_now_ms() + served_random(growing, 100);
		growing->stamps[growing->nkeys++] = highest + served_random(growing, 50) - (arriving_slack > 0 ? served_random(growing, (int) arriving_slack + 1) : 0);
	}
}

/*
 * What comes in while a span is read: the index shows commits late and not in their order. The ids that the bound leaves out hold
 * none of the span in the end, either.
 */
static void
a_bound_holds_of_what_the_index_shows_later(void **state)
{
	for (unsigned seed = 1; seed <= cases_of(250); seed++)
	{
		int64_t		slack = (int64_t[]) {0, 20, 1000}[seed % 3];
		KnownTimes *known = known_times_new();
		Client	   *client;
		TimeBound	bound;

		fill_store(seed, slack);
		for (size_t i = 0; i < store.nkeys; i++)
			if (store.stamps[i] == 0)
				store.stamps[i] = i > 0 ? store.stamps[i - 1] : 1000000;
		arriving_slack = 0;
		store.before = grow_store;
		store.faults = 0;
		script_begin_serving(served_answer, &store);
		client = script_client(20, 4);
		bound = (TimeBound) {
			.client = client, .names = &names,
			.span = {.times = random_span(store.nkeys > 0 ? store.stamps[store.nkeys - 1] : 0, (store.nkeys > 0 ? store.stamps[store.nkeys - 1] : 0) + 300), .slack_ms = slack, .known = known},
		};
		assert_int_equal(RUN(client, time_bound_step(&bound)), STEP_DONE);
		for (int i = 0; i < 100; i++)
			grow_store(&store);
		for (size_t i = 0; i < store.nkeys; i++)
			if (is_in_span(&bound.span.times, store.stamps[i])
				&& ((bound.ids.has_lower && store.keys[i] < bound.ids.lower) || (bound.ids.has_upper && store.keys[i] > bound.ids.upper)))
				fail_msg("seed %u: %lld is left out", seed, (long long) store.keys[i]);
		known_times_release(known);
		client_free(client);
	}
}

/* Commits a second apart. */
#define EVEN 1000

static void
fill_evenly(void)
{
	fill_store(7, 0);
	store.faults = store.slowest_ms = 0;
	store.page_items = 1000;
	for (store.nkeys = 0; store.nkeys < EVEN; store.nkeys++)
	{
		store.keys[store.nkeys] = (int64_t) store.nkeys + 1;
		store.stamps[store.nkeys] = evenly(store.keys[store.nkeys]);
	}
	store.head = EVEN;
}

static void
each_probe_is_one_request_for_one_item(void **state)
{
	KnownTimes *known = known_times_new();
	int64_t		requests = 0;
	TimeSpan	span = {
		.times = {.has_lower = true, .lower = evenly(500), .has_upper = true, .upper = evenly(600)}, .known = known, .requests = &requests
	};
	size_t		all;

	fill_evenly();
	script_begin_serving(served_answer, &store);
	assert_int_equal(read_span(&span, &all), 101);
	assert_in_range(requests, 4, 10);
	assert_int_equal(script_requests(), requests + 1);
	assert_int_equal(store.served, requests + (int64_t) all);
	assert_in_range(all, 101, 101 + 2 * TIME_SEARCH_SMALL);
	for (size_t i = 0; i < (size_t) requests; i++)
	{
		assert_non_null(strstr(script_body(i), "\"Limit\":1"));
		assert_non_null(strstr(script_body(i), "\"IndexName\":\"byId\""));
		assert_null(strstr(script_body(i), "\"ConsistentRead\":true"));
	}
	known_times_release(known);
}

/* Moments at the ends of what there is. */
static void
the_ends_of_time_are_no_special_case(void **state)
{
	static const struct
	{
		KeyRange	times;
		size_t		found;
		int64_t		requests;
	}			cases[] = {
		{{.has_lower = true, .lower = INT64_MIN}, EVEN, 2},
		{{.has_lower = true, .lower = INT64_MAX}, 0, 1},
		{{.has_upper = true, .upper = INT64_MAX}, EVEN, 1},
		{{.has_upper = true, .upper = INT64_MIN}, 0, 2},
		{{.has_lower = true, .lower = TIME_OF_FIRST + 1000 * EVEN}, 1, 6},
		{{.has_lower = true, .lower = TIME_OF_FIRST + 1000 * EVEN + 1}, 0, 1},
		{{.has_upper = true, .upper = TIME_OF_FIRST + 1000}, 1, 6},
		{{.has_upper = true, .upper = TIME_OF_FIRST + 999}, 0, 2},
		{{0}, EVEN, 0},
	};

	fill_evenly();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int64_t slack = 0; slack <= INT64_MAX / 4; slack = slack * 3 + INT64_MAX / 4)
		{
			KnownTimes *known = known_times_new();
			int64_t		requests = 0;
			TimeSpan	span = {.times = cases[i].times, .slack_ms = slack, .known = known, .requests = &requests};
			size_t		all;

			script_begin_serving(served_answer, &store);
			assert_int_equal(read_span(&span, &all), cases[i].found);
			if (slack == 0)
				assert_in_range(requests, 0, cases[i].requests);
			known_times_release(known);
			if (slack > 0)
				break;
		}
}

static void
an_answer_that_is_no_page_is_an_error(void **state)
{
	static const char *const answers[] = {"{}", "{\"Items\":{}}", "{\"Items\":3}"};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
	{
		const Exchange exchange = {.operation = "Query", .answer = answers[i]};
		KnownTimes *known = known_times_new();
		Client	   *client;
		TimeBound	bound;

		script_begin(&exchange, 1);
		client = script_client(1, 1);
		bound = (TimeBound) {
			.client = client, .names = &names, .span = {.times = {.has_lower = true}, .known = known}
		};
		assert_int_equal(RUN(client, time_bound_step(&bound)), STEP_FAILED);
		assert_int_equal(bound.failure.kind, FAILURE_BAD_ANSWER);
		time_bound_free(&bound);
		script_end();
		known_times_release(known);
		client_free(client);
	}
}

static void
without_memory_it_fails(void **state)
{
	fill_evenly();
	FOR_EACH_ALLOCATION_FAILING({
		static const KeyRange everything = {0};
		ReadSpec	spec = {
			.path = READ_INDEX, .ranges = &everything, .nranges = 1, .max_parallel = 1, .attributes = attributes, .nattributes = 2
		};
		KnownTimes *known = known_times_new();
		TimeSpan	span = {.times = {.has_lower = true, .lower = evenly(980)}, .known = known};
		TimedRead  *timed;
		ReadResult	result = READ_FAILED;
		Client	   *client;
		size_t		count = 0;
		const cJSON *item;

		script_begin_serving(served_answer, &store);
		client = script_client(1, 1);
		timed = client != NULL && known != NULL ? timed_read_start(client, &names, &spec, &span, NULL) : NULL;
		while (timed != NULL && (result = timed_read_next(timed, &item)) != READ_END && result != READ_FAILED)
		{
			if (result == READ_PENDING)
				script_wait(client);
			count += result == READ_ITEM;
		}
		if (result == READ_END)
			assert_in_range(count, 21, 21 + TIME_SEARCH_SMALL);
		timed_read_free(timed);
		known_times_release(known);
		client_free(client);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_commits_take_few_probes),
		cmocka_unit_test(what_is_known_spares_probes),
		cmocka_unit_test(what_another_store_has_shown_misleads_nobody),
		cmocka_unit_test(no_commit_of_a_span_is_lost),
		cmocka_unit_test(a_bound_holds_of_what_the_index_shows_later),
		cmocka_unit_test(each_probe_is_one_request_for_one_item),
		cmocka_unit_test(the_ends_of_time_are_no_special_case),
		cmocka_unit_test(an_answer_that_is_no_page_is_an_error),
		cmocka_unit_test(without_memory_it_fails),
	};

	return cmocka_run_group_tests_name("time_bound", tests, NULL, NULL);
}
