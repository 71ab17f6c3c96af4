/*
 * kept: a feed that is polled as projections do it, by what was seen before, with commits that wait above a gap kept from poll
 * to poll. What is kept is not asked for again, and nothing is passed because of it.
 */
#include "feed_script.h"
#include "served.h"

#include "store/feed.h"
#include "store/sightings.h"

static const StoreNames names = {.commit_table = "commits", .commit_index = "byId", .counter_table = "counters", .counter = "commits"};
static const char *const attributes[] = {"events"};

#define NOW 3000
#define MOST_POLLS 4
#define MOST_EXCHANGES 8
#define ALL (1024 * 1024)
#define ROOM_FOR_TWO 800

/* What is above the highest id that is kept. */
#define ABOVE(id, ...) ANSWERED("Query", ":1\":{\"N\":\"" #id "\"}}", "{\"Items\":[" __VA_ARGS__ "]}")

/* A poll, where there is any exchange. */
typedef struct Poll
{
	int64_t		known_below;
	int64_t		after;			/* where it begins, if that is not where the one before has ended */
	const char *expected;		/* what is delivered, what is waited for and passed */
	Exchange	exchanges[MOST_EXCHANGES];
} Poll;

typedef struct Case
{
	const char *what;
	size_t		least;			/* of Kept */
	size_t		most;
	Poll		polls[MOST_POLLS];
} Case;

static const Case cases[] = {
	{"of what is kept only the gap is asked for, and what is above", 0, ALL, {
		{.expected = "1; waits 2-2", .exchanges = {LAST_PAGE(AT(1, 1) "," AT(3, 1) "," AT(4, 1)), NO_NOTE(2)}},
		{.expected = "waits 2-2", .exchanges = {LOOK_ONE(2), ABOVE(5), NO_NOTE(2)}},
		{.expected = "waits 2-2", .exchanges = {LOOK_ONE(2), ABOVE(5, AT(5, 1) "," AT(6, 1)), NO_NOTE(2)}},
		{.expected = "2 3 4 5 6 7", .exchanges = {LOOK_ONE(2, AT(2, 1)), ABOVE(7, AT(7, 1))}}}},
	{"a burned id", 0, ALL, {
		{.expected = "1; waits 2-2", .exchanges = {LAST_PAGE(AT(1, 1) "," AT(3, 1)), NO_NOTE(2)}},
		{.expected = "3", .exchanges = {LOOK_ONE(2), ABOVE(4), NOTE(2, 1)}}}},
	{"a gap between is asked for before it counts", 0, ALL, {
		{.expected = "1; waits 2-2", .exchanges = {LAST_PAGE(AT(1, 1) "," AT(3, 1) "," AT(5, 1)), NO_NOTE(2), NO_NOTE(4)}},
		{.expected = "2 3; waits 4-4; goes on", .exchanges = {LOOK_ONE(2, AT(2, 1)), ABOVE(6), NO_NOTE(4)}},
		{.expected = "4 5", .exchanges = {LOOK_ONE(4, AT(4, 1)), ABOVE(6)}}}},
	{"a gap between that appeared before the first one is no late commit", 0, ALL, {
		{.expected = "1; waits 2-2", .exchanges = {LAST_PAGE(AT(1, 1) "," AT(3, 1) "," AT(5, 1)), NO_NOTE(2), NO_NOTE(4)}},
		{.known_below = 4, .expected = "3; passed 2-2; waits 4-4; goes on", .exchanges = {LOOK_ONE(2), ABOVE(6), NO_NOTE(2), NO_NOTE(4), LOOK_ONE(2)}},
		{.known_below = 5, .expected = "4 5", .exchanges = {LOOK_ONE(4, AT(4, 1)), ABOVE(6)}}}},
	{"all gaps that may be given up are asked for", 0, ALL, {
		{.expected = "1; waits 2-2", .exchanges = {LAST_PAGE(AT(1, 1) "," AT(3, 1) "," AT(5, 1)), NO_NOTE(2), NO_NOTE(4)}},
		{.known_below = 9, .expected = "3 4 5; passed 2-2", .exchanges = {LOOK_ONE(2), ABOVE(4, AT(4, 1)), ABOVE(6), NO_NOTE(2), LOOK_ONE(2)}}}},
	{"stamps do not count where a page is old", 0, ALL, {
		{.expected = "1; waits 2-2", .exchanges = {LAST_PAGE(AT(1, 2999) "," AT(3, 2999) "," AT(5, 1) "," AT(6, 1) "," AT(7, 1)), NO_NOTE(2), NO_NOTE(4)}},
		{.expected = "2 3; waits 4-4; goes on", .exchanges = {LOOK_ONE(2, AT(2, 1)), ABOVE(8), NO_NOTE(4)}}}},
	{"little is read again", ALL, ALL, {
		{.expected = "1; waits 2-2", .exchanges = {LAST_PAGE(AT(1, 1) "," AT(3, 1)), NO_NOTE(2)}},
		{.expected = "2 3", .exchanges = {ABOVE(2, AT(2, 1) "," AT(3, 1))}}}},
	{"what there is no room for is asked for again", 0, ROOM_FOR_TWO + ROOM_FOR_TWO / 4, {
		{.expected = "1; waits 2-2", .exchanges = {LAST_PAGE(AT(1, 1) "," AT(3, 1) "," AT(4, 1) "," AT(5, 1) "," AT(6, 1)), NO_NOTE(2)}},
		{.expected = "2 3 4; waits 5-5", .exchanges = {LOOK_ONE(2, AT(2, 1)), ABOVE(5, AT(6, 2999)), NO_NOTE(5)}}}},
	{"without room nothing above is asked for", 0, ROOM_FOR_TWO, {
		{.expected = "1; waits 2-2", .exchanges = {LAST_PAGE(AT(1, 1) "," AT(3, 1) "," AT(4, 1) "," AT(5, 1)), NO_NOTE(2)}},
		{.expected = "waits 2-2", .exchanges = {LOOK_ONE(2), NO_NOTE(2)}},
		{.expected = "2 3 4; goes on", .exchanges = {LOOK_ONE(2, AT(2, 1))}},
		{.expected = "5", .exchanges = {ABOVE(5, AT(5, 1))}}}},
	{"the last id there can be: nothing is above it", 0, ALL, {
		{.after = 9223372036854775804, .expected = "waits 9223372036854775805-9223372036854775805",
		.exchanges = {LAST_PAGE(AT(9223372036854775806, 2999) "," AT(9223372036854775807, 2999)), NO_NOTE(9223372036854775805)}},
		{.expected = "9223372036854775805 9223372036854775806 9223372036854775807", .exchanges = {LOOK_ONE(9223372036854775805, AT(9223372036854775805, 1))}}}},
	{"another position: nothing that was kept is of use", 0, ALL, {
		{.expected = "1; waits 2-2", .exchanges = {LAST_PAGE(AT(1, 1) "," AT(3, 1)), NO_NOTE(2)}},
		{.after = 2, .expected = "3", .exchanges = {ABOVE(3, AT(3, 1))}}}},
};

/* All are waited for: no stamp in these cases is old enough, unless it is that of a page that is looked at first. */
static FeedSpec
spec_of(const Poll *poll, int64_t position, Kept *kept)
{
	return (FeedSpec)
	{
		.after = poll->after > 0 ? poll->after : position, .upto = INT64_MAX, .max_parallel = 4, .max_ranges = 4, .attributes = attributes,
		.nattributes = 1, .kept = kept,
		.rules = {.known_below = poll->known_below, .now = NOW, .stamped_before = position > 0 ? 10 : 0, .dense_above = INT64_MAX}
	};
}

static void
write_report(const FeedOperation *feed, int64_t *position, ByteBuffer *out)
{
	FeedReport	report;
	const char *separator = out->length > 0 ? "; " : "";

	feed_report(feed, &report);
	*position = report.complete_to;
	for (size_t i = 0; i < report.npassed; i++, separator = "; ")
		buffer_printf(out, "%spassed %lld-%lld", separator, (long long) report.passed[i].first, (long long) report.passed[i].last);
	if (report.waiting_for.first != 0)
		buffer_printf(out, "%swaits %lld-%lld", separator, (long long) report.waiting_for.first, (long long) report.waiting_for.last);
	if (report.goes_on)
		buffer_puts(out, "; goes on");
}

/* READ_PENDING where memory ran out before it began. */
static ReadResult
run_poll(const Poll *poll, Kept *kept, int64_t *position, ByteBuffer *out)
{
	FeedSpec	spec = spec_of(poll, *position, kept);
	ReadResult	result = READ_PENDING;
	size_t		count = 0;
	FeedOperation *feed;
	Client	   *client;
	const cJSON *item;

	while (count < MOST_EXCHANGES && poll->exchanges[count].operation != NULL)
		count++;
	script_begin(poll->exchanges, count);
	client = script_client(1, 16);
	feed = client != NULL ? feed_start(client, &names, &spec, NULL) : NULL;
	while (feed != NULL && (result = feed_next(feed, &item)) != READ_END && result != READ_FAILED)
	{
		if (result == READ_PENDING)
			script_wait(client);
		if (result == READ_ITEM)
			buffer_printf(out, "%s%s", out->length > 0 ? " " : "", attribute_get(item, "commitId").text);
	}
	if (feed != NULL)
		write_report(feed, position, out);
	feed_free(feed);
	client_free(client);
	return result;
}

static void
what_is_kept_is_not_asked_for(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Kept		kept = {.least_bytes = cases[i].least, .most_bytes = cases[i].most};
		int64_t		position = 0;

		for (const Poll *poll = cases[i].polls; poll < cases[i].polls + MOST_POLLS && poll->expected != NULL; poll++)
		{
			ByteBuffer	out = {0};

			print_message("%s, poll %d\n", cases[i].what, (int) (poll - cases[i].polls) + 1);
			assert_int_equal(run_poll(poll, &kept, &position, &out), READ_END);
			assert_text(&out, poll->expected);
			assert_true(kept.bytes <= kept.most_bytes);
			script_end();
		}
		kept_clear(&kept);
	}
}

/* A poll that fails for want of memory is tried again: it delivers no more and no less, though it may have to ask for more. */
static void
without_memory_nothing_is_lost(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		FOR_EACH_ALLOCATION_FAILING({
			Kept		kept = {.least_bytes = cases[i].least, .most_bytes = cases[i].most};
			int64_t		position = 0;

			for (const Poll *poll = cases[i].polls; poll < cases[i].polls + MOST_POLLS && poll->expected != NULL; poll++)
			{
				ByteBuffer	out = {0};
				ReadResult	result = run_poll(poll, &kept, &position, &out);

				if (result == READ_END && !out.failed && !memory_has_failed())
					assert_string_equal(out.data, poll->expected);
				buffer_free(&out);
				if (memory_has_failed())
					break;
			}
			kept_clear(&kept);
		});
}

/*
 * A store that appenders fill while a reader polls it, over a time of its own: commits become visible late and in no order, some ids
 * are burned with a note, and some never come.
 */
typedef struct Filling
{
	int			ids;
	int			time_out_ms;
	int			poll_ms;
	int			each_ms;		/* an id is given out so often, on average */
	int			lag_ms;			/* a commit is visible within that time */
	int			noted;			/* of a thousand ids: burned, with a note */
	int			lost;			/* and without */
	size_t		page_items;
} Filling;

#define MOST_IDS 3000

static ServedStore store;
static bool is_stored[MOST_IDS + 1];
static int64_t shown_at[MOST_IDS + 1];
static int64_t delivered_at[MOST_IDS + 1];
static bool was_passed[MOST_IDS + 1];

static void
fill_store(const Filling *filling, unsigned seed)
{
	int64_t		given_at = http_now_ms();

	memset(&store, 0, sizeof(store));
	store.seed = seed;
	store.page_items = filling->page_items;
	store.slowest_ms = 10;
	for (int id = 1; id <= filling->ids; id++)
	{
		int			fate = id == filling->ids ? 1000 : served_random(&store, 1000);

		given_at += served_random(&store, 2 * filling->each_ms);
		is_stored[id] = fate >= filling->noted + filling->lost;
		store.notes[id] = fate < filling->noted ? 1 : 0;
		delivered_at[id] = 0;
		was_passed[id] = false;
		if (!is_stored[id])
			continue;
		shown_at[id] = given_at + served_random(&store, filling->lag_ms);
		store.keys[store.nkeys] = id;
		store.visible_at[store.nkeys] = shown_at[id];
		store.stamps[store.nkeys++] = 1 + served_random(&store, 1000000);	/* the writers' clocks are anything */
	}
	store.head = filling->ids;
}

typedef struct Follower
{
	Client	   *client;
	int64_t		position;
	Sightings	sightings;
	Kept		kept;
	size_t		most_kept;
} Follower;

/* true: the next poll is due at once. */
static bool
poll_store(Follower *follower, const Filling *filling)
{
	FeedSpec	spec = {
		.after = follower->position, .upto = INT64_MAX, .max_parallel = 4, .max_ranges = 4, .attributes = attributes, .nattributes = 1,
		.rules = {.known_below = sightings_known_below(&follower->sightings, filling->time_out_ms, http_now_ms()), .dense_above = INT64_MAX},
		.kept = &follower->kept
	};
	FeedOperation *feed = feed_start(follower->client, &names, &spec, NULL);
	int64_t		last = follower->position;
	FeedReport	report;
	ReadResult	result;
	const cJSON *item;

	while ((result = feed_next(feed, &item)) != READ_END)
	{
		AttributeValue value;
		int64_t		id;

		assert_int_not_equal(result, READ_FAILED);
		if (result == READ_PENDING)
			script_wait(follower->client);
		if (result != READ_ITEM)
			continue;
		value = attribute_get(item, "commitId");
		assert_true(attribute_to_int64(&value, &id));
		assert_true(id > last && is_stored[id] && delivered_at[id] == 0);
		delivered_at[id] = http_now_ms();
		last = id;
	}
	feed_report(feed, &report);
	assert_true(report.complete_to >= last);
	follower->position = report.complete_to;
	for (size_t i = 0; i < report.npassed; i++)
		for (int64_t id = report.passed[i].first; id <= report.passed[i].last; id++)
			was_passed[id] = true;
	feed_free(feed);
	if (report.seen > 0)
		sightings_note(&follower->sightings, filling->time_out_ms, http_now_ms(), report.seen);
	if (follower->kept.bytes > follower->most_kept)
		follower->most_kept = follower->kept.bytes;
	return report.goes_on;
}

/* Polls until it has come to the last id. */
static void
follow(Follower *follower, const Filling *filling, unsigned seed)
{
	script_begin_serving(served_answer, &store);
	fill_store(filling, seed);
	follower->client = script_client(4, 4);
	while (follower->position < filling->ids)
	{
		int64_t		next = http_now_ms() + filling->poll_ms;

		if (poll_store(follower, filling))
			continue;
		while (http_now_ms() < next)
		{
			client_wake_at(follower->client, next);
			script_wait(follower->client);
		}
	}
	client_free(follower->client);
	kept_clear(&follower->kept);
}

static void
check_delivered(const Filling *filling)
{
	for (int id = 1; id <= filling->ids; id++)
	{
		assert_true(!is_stored[id] || delivered_at[id] > 0);
		assert_false(was_passed[id] && is_stored[id]);
	}
}

/* Whatever is kept, and however much of it there is room for. */
static void
what_is_visible_in_time_is_delivered(void **state)
{
	static const size_t mosts[] = {0, 2000, 20000, ALL};
	static const size_t leasts[] = {0, 0, 5000, 0};

	for (unsigned seed = 1; seed <= 40; seed++)
	{
		Filling		filling = {
			.ids = 150, .time_out_ms = 1000, .poll_ms = 50, .each_ms = 10, .lag_ms = seed % 3 == 0 ? 900 : 300, .noted = 70, .lost = 30,
			.page_items = 1 + seed
		};
		Follower	follower = {.kept = {.least_bytes = leasts[seed % 4], .most_bytes = mosts[seed % 4]}};

		follow(&follower, &filling, seed);
		check_delivered(&filling);
		assert_true(follower.most_kept <= mosts[seed % 4]);
	}
}

/*
 * Appenders of 1.x have two conflicts a second, for two minutes, and leave no notes. Gaps do not add up: nothing comes later than 1.3
 * times the time-out, and each commit is read about once.
 */
static void
conflicts_delay_by_the_time_out(void **state)
{
	static const Filling filling = {
		.ids = 2400, .time_out_ms = 30000, .poll_ms = 1000, .each_ms = 50, .lag_ms = 500, .lost = 100, .page_items = 1000
	};
	Follower	follower = {.kept = {.most_bytes = 8 * ALL}};
	int64_t		longest = 0;

	follow(&follower, &filling, 1);
	check_delivered(&filling);
	for (int id = 1; id <= filling.ids; id++)
		if (is_stored[id] && delivered_at[id] - shown_at[id] > longest)
			longest = delivered_at[id] - shown_at[id];
	print_message("the longest delay is %.2f times the time-out; %zu commits were read for %zu\n", (double) longest / filling.time_out_ms,
				  store.served, store.nkeys);
	assert_true(longest * 10 < filling.time_out_ms * 13);
	assert_true(store.served < store.nkeys * 5 / 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_not_asked_for),
		cmocka_unit_test(without_memory_nothing_is_lost),
		cmocka_unit_test(what_is_visible_in_time_is_delivered),
		cmocka_unit_test(conflicts_delay_by_the_time_out),
	};

	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
