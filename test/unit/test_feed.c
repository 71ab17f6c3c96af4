/*
 * feed: from the answers of the index and of the notes to what is delivered, waited for and passed; each request is one
 * of the script's.
 */
#include "feed_script.h"
#include "served.h"

#include "store/feed.h"

static const StoreNames names = {.commit_table = "commits", .commit_index = "byId", .counter_table = "counters", .counter = "commits"};
static const char *const attributes[] = {"events"};

/* The cases' times: what is stamped before them is aged, or old. */
#define STAMPED_BEFORE 1000
#define OLD_BEFORE 500
#define OLD 100
#define AGED 700
#define YOUNG 2000
#define NOW 3000
#define FUTURE 4000

#define MOST_EXCHANGES 10

typedef struct Case
{
	const char *what;
	FeedSpec	spec;			/* the rest is filled in */
	const char *expected;		/* what is delivered, then what the report says */
	FailureKind kind;			/* FAILURE_NONE: READ_END */
	Exchange	exchanges[MOST_EXCHANGES];
} Case;

static const Case cases[] = {
	{"an empty store", {0}, "complete 0", .exchanges = {LAST_PAGE()}},
	{"ids without a gap", {0}, "1 2 3; complete 3", .exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(2, YOUNG) "," AT(3, YOUNG))}},
	{"from a position on", {.after = 7}, "8 9; complete 9",
	.exchanges = {ANSWERED("Query", "#1 >= :1", "{\"Items\":[" AT(8, YOUNG) "," AT(9, YOUNG) "]}")}},
	{"up to an id", {.after = 7,.upto = 9}, "8 9; complete 9", .exchanges = {LOOK(8, 9, AT(8, YOUNG) "," AT(9, YOUNG))}},
	{"an empty page is not the end", {0}, "1; complete 1", .exchanges = {PAGE(0), LAST_PAGE(AT(1, YOUNG))}},
	{"all given out, and visible", {.after = 7,.upto = 9,.all_given_out = true}, "8 9; complete 9", .exchanges = {LOOK(8, 9, AT(8, YOUNG) "," AT(9, YOUNG))}},
	{"all given out: the last are not visible yet", {.after = 7,.upto = 9,.all_given_out = true}, "8; complete 8; waits 9-9; seen 8",
	.exchanges = {LOOK(8, 9, AT(8, YOUNG)), NO_NOTE(9)}},
	{"all given out: nor is any", {.after = 7,.upto = 9,.all_given_out = true}, "complete 7; waits 8-9; seen 7", .exchanges = {LOOK(8, 9), NO_NOTE(8)}},
	{"all given out: the last are burned", {.after = 7,.upto = 12,.all_given_out = true}, "8; complete 12",
	.exchanges = {LOOK(8, 12, AT(8, YOUNG)), NOTE(9, 1), NOTE(10, 99)}},
	{"all given out: some of them are", {.after = 7,.upto = 12,.all_given_out = true}, "8; complete 10; waits 11-12; seen 8",
	.exchanges = {LOOK(8, 12, AT(8, YOUNG)), NOTE(9, 2), NO_NOTE(11)}},
	{"all given out: a gap before the last", {.after = 7,.upto = 10,.all_given_out = true}, "8; complete 8; waits 9-9; seen 10",
	.exchanges = {LOOK(8, 10, AT(8, YOUNG) "," AT(10, YOUNG)), NO_NOTE(9)}},
	{"the last id there can be", {.after = 9223372036854775806}, "9223372036854775807; complete 9223372036854775807",
	.exchanges = {LAST_PAGE(AT(9223372036854775807, YOUNG))}},
	{"nothing comes after it, and nothing is asked for", {.after = 9223372036854775807}, "complete 9223372036854775807", .kind = FAILURE_NONE},
	{"a gap before it", {.after = 9223372036854775804}, "9223372036854775805 9223372036854775807; complete 9223372036854775807",
	.exchanges = {LAST_PAGE(AT(9223372036854775805, YOUNG) "," AT(9223372036854775807, YOUNG)), NOTE(9223372036854775806, 1)}},
	{"all given out: it is burned", {.after = 9223372036854775805,.all_given_out = true}, "complete 9223372036854775807",
	.exchanges = {LAST_PAGE(), NOTE(9223372036854775806, 2)}},

	{"an item without an id is not of the feed", {0}, "1 2; complete 2",
	.exchanges = {LAST_PAGE(AT(1, YOUNG) ",{\"commitId\":{\"N\":\"1.5\"}}," AT(2, YOUNG))}},

	{"a young gap ends it, at the first id too", {0}, "complete 0; waits 1-1; seen 3",
	.exchanges = {LAST_PAGE(AT(2, YOUNG) "," AT(3, YOUNG)), NO_NOTE(1)}},
	{"what is before it is delivered", {0}, "1 2; complete 2; waits 3-4; seen 6",
	.exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(2, YOUNG) "," AT(5, YOUNG) "," AT(6, YOUNG)), NO_NOTE(3)}},
	{"no further page is asked for behind it", {0}, "1; complete 1; waits 2-2; seen 4",
	.exchanges = {PAGE(4, AT(1, YOUNG) "," AT(3, YOUNG) "," AT(4, YOUNG)), NO_NOTE(2)}},
	{"nor is it cut into ranges", {0}, "1 2; complete 2; waits 3-3; seen 4",
	.exchanges = {PAGE(1, AT(1, YOUNG)), PAGE(4, AT(2, YOUNG) "," AT(4, YOUNG)), NO_NOTE(3)}},
	{"a gap that is burned", {0}, "1 4; complete 4", .exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(4, YOUNG)), NOTE(2, 2)}},
	{"notes that follow each other", {0}, "1 6; complete 6",
	.exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(6, YOUNG)), NOTE(2, 1), NOTE(3, 3)}},
	{"a note that says too much", {0}, "1 4; complete 4", .exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(4, YOUNG)), NOTE(2, 9223372036854775807)}},
	{"the first part burned, the rest open", {0}, "1; complete 2; waits 3-4; seen 5",
	.exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(5, YOUNG)), NOTE(2, 1), NO_NOTE(3)}},
	{"the notes of a page are asked for together", {0}, "1 3 5; complete 5",
	.exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(3, YOUNG) "," AT(5, YOUNG)), NOTE(2, 1), NOTE(4, 1)}},
	{"notes that may not be read", {0}, "1; complete 1; waits 2-2; seen 3; denied",
	.exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(3, YOUNG)), REFUSED("GetItem", NULL, "AccessDeniedException", "")}},
	{"notes that fail to be read", {0}, "1; complete 1", .kind = FAILURE_NOT_FOUND,
	.exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(3, YOUNG)), REFUSED("GetItem", NULL, "ResourceNotFoundException", "")}},

	{"an old gap costs nothing", {0}, "1 3 4 5; complete 5; old 1",
	.exchanges = {LAST_PAGE(AT(1, OLD) "," AT(3, OLD) "," AT(4, OLD) "," AT(5, OLD))}},
	{"nor do many, the first and the last among them", {0}, "2 4 7; complete 7; old 4", .exchanges = {LAST_PAGE(AT(2, OLD) "," AT(4, OLD) "," AT(7, OLD))}},
	{"one young witness of three keeps it open", {0}, "1; complete 1; waits 2-2; seen 6",
	.exchanges = {LAST_PAGE(AT(1, OLD) "," AT(3, OLD) "," AT(4, OLD) "," AT(5, YOUNG) "," AT(6, OLD)), NO_NOTE(2)}},
	{"the fourth is not asked", {0}, "1 3 4 5 6; complete 6; old 1",
	.exchanges = {LAST_PAGE(AT(1, OLD) "," AT(3, OLD) "," AT(4, OLD) "," AT(5, OLD) "," AT(6, YOUNG))}},
	{"as many as there are", {0}, "1 3; complete 3; old 1", .exchanges = {LAST_PAGE(AT(1, OLD) "," AT(3, OLD))}},
	{"the page after tells, if this one has too few", {0}, "1 3 4 5; complete 5; waits 6-6; seen 7; old 1",
	.exchanges = {PAGE(3, AT(1, OLD) "," AT(3, OLD)), PAGE(5, AT(4, OLD) "," AT(5, OLD)), HEAD(7), LAST_PAGE(AT(7, YOUNG)), LAST_PAGE(), NO_NOTE(6)}},
	{"a commit without a stamp is no witness", {0}, "1; complete 1; waits 2-2; seen 3",
	.exchanges = {LAST_PAGE(AT(1, OLD) "," UNSTAMPED(3)), NO_NOTE(2)}},
	{"nor is one from the future", {0}, "1; complete 1; waits 2-2; seen 3", .exchanges = {LAST_PAGE(AT(1, OLD) "," AT(3, FUTURE)), NO_NOTE(2)}},
	{"they do not count where three others follow", {0}, "1 3 4 5 6 7; complete 7; old 1",
	.exchanges = {LAST_PAGE(AT(1, OLD) "," AT(3, FUTURE) "," AT(4, OLD) "," UNSTAMPED(5) "," AT(6, OLD) "," AT(7, OLD))}},
	{"less than three others are not enough", {0}, "1; complete 1; waits 2-2; seen 5",
	.exchanges = {LAST_PAGE(AT(1, OLD) "," AT(3, FUTURE) "," AT(4, OLD) "," AT(5, OLD)), NO_NOTE(2)}},
	{"nor are three of which one is young", {0}, "1; complete 1; waits 2-2; seen 6",
	.exchanges = {LAST_PAGE(AT(1, OLD) "," AT(3, FUTURE) "," AT(4, OLD) "," AT(5, OLD) "," AT(6, YOUNG)), NO_NOTE(2)}},
	{"appendedAt is the stamp where there is one", {0}, "1; complete 1; waits 2-2; seen 3",
	.exchanges = {LAST_PAGE(AT(1, OLD) ",{\"commitId\":{\"N\":\"3\"},\"committedAt\":{\"N\":\"1\"},\"appendedAt\":{\"N\":\"5000\"}}"), NO_NOTE(2)}},

	{"an aged gap is looked at twice", {0}, "1 4; complete 4; passed 2-3",
	.exchanges = {LAST_PAGE(AT(1, AGED) "," AT(4, AGED)), NO_NOTE(2), LOOK(2, 3)}},
	{"of one id, too", {0}, "1 3; complete 3; passed 2-2", .exchanges = {LAST_PAGE(AT(1, AGED) "," AT(3, AGED)), NO_NOTE(2), LOOK_ONE(2)}},
	{"what the second look finds is delivered", {0}, "1 3 4 6; complete 6; passed 2-2 5-5",
	.exchanges = {LAST_PAGE(AT(1, AGED) "," AT(6, AGED)), NO_NOTE(2), LOOK(2, 5, AT(3, AGED) "," AT(4, AGED))}},
	{"all of it", {0}, "1 2 3 4; complete 4",
	.exchanges = {LAST_PAGE(AT(1, AGED) "," AT(4, AGED)), NO_NOTE(2), LOOK(2, 3, AT(2, AGED) "," AT(3, AGED))}},
	{"what only the first one found is delivered, too", {0}, "2 3 4; complete 4; passed 1-1",
	.exchanges = {LAST_PAGE(AT(2, AGED) "," AT(4, AGED)), NO_NOTE(1), NO_NOTE(3), LOOK(1, 3, AT(3, AGED))}},
	{"gaps that are close together are looked at in one request", {0}, "2 4 7; complete 7; passed 1-1 3-3 5-6",
	.exchanges = {LAST_PAGE_OF(0.5, AT(2, AGED) "," AT(4, AGED) "," AT(7, AGED)), NO_NOTE(1), NO_NOTE(3), NO_NOTE(5), LOOK(1, 6, AT(2, AGED) "," AT(4, AGED))}},
	{"not where the commits between them cost more than a request", {0}, "2 4; complete 4; passed 1-1 3-3",
	.exchanges = {LAST_PAGE_OF(1.5, AT(2, AGED) "," AT(4, AGED)), NO_NOTE(1), NO_NOTE(3), LOOK_ONE(1), LOOK_ONE(3)}},
	{"what a note names among them is not passed", {0}, "2 4 6; complete 6; passed 1-1 5-5",
	.exchanges = {LAST_PAGE(AT(2, AGED) "," AT(4, AGED) "," AT(6, AGED)), NO_NOTE(1), NOTE(3, 1), NO_NOTE(5), LOOK(1, 5, AT(2, AGED) "," AT(4, AGED))}},
	{"nor is what it names at the beginning of a gap", {0}, "2 6; complete 6; passed 1-1 5-5",
	.exchanges = {LAST_PAGE(AT(2, AGED) "," AT(6, AGED)), NO_NOTE(1), NOTE(3, 2), NO_NOTE(5), LOOK(1, 5, AT(2, AGED))}},
	{"the same in a request of its own", {0}, "2 6; complete 6; passed 1-1 5-5",
	.exchanges = {LAST_PAGE_OF(1.5, AT(2, AGED) "," AT(6, AGED)), NO_NOTE(1), NOTE(3, 2), NO_NOTE(5), LOOK_ONE(1), LOOK_ONE(5)}},
	{"a young gap behind them is waited for", {.rules = {.known_below = 2}}, "2; complete 2; waits 3-3; seen 4; passed 1-1",
	.exchanges = {LAST_PAGE(AT(2, AGED) "," AT(4, YOUNG)), NO_NOTE(1), NO_NOTE(3), LOOK_ONE(1)}},
	{"a second look that fails", {0}, "complete 0", .kind = FAILURE_NOT_FOUND,
	.exchanges = {LAST_PAGE(AT(2, AGED)), NO_NOTE(1), REFUSED("Query", "#1 = :1", "ResourceNotFoundException", "")}},
	{"an id that comes twice in a second look", {0}, "1; complete 1", .kind = FAILURE_ID_TWICE,
	.exchanges = {LAST_PAGE(AT(2, AGED)), NO_NOTE(1), LOOK_ONE(1, AT(1, AGED) "," AT(1, AGED))}},
	{"passed ranges that meet are one", {0}, "1 3; complete 3; passed 2-2", .exchanges = {LAST_PAGE(AT(1, AGED) "," AT(3, AGED)), NO_NOTE(2), LOOK_ONE(2)}},

	{"a higher id that was known for long enough", {.rules = {.known_below = 9}}, "1 4; complete 4; passed 2-3",
	.exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(4, YOUNG)), NO_NOTE(2), LOOK(2, 3)}},
	{"the part of a gap below it", {.rules = {.known_below = 4}}, "1; complete 3; waits 4-6; seen 7; passed 2-3",
	.exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(7, YOUNG)), NO_NOTE(2), LOOK(2, 3), NO_NOTE(4)}},
	{"none of it is below", {.rules = {.known_below = 2}}, "1; complete 1; waits 2-2; seen 3",
	.exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(3, YOUNG)), NO_NOTE(2)}},

	{"dense: a gap is lag", {.rules = {.dense_above = 1}}, "1 2; complete 2; waits 3-3; seen 4", .exchanges = {LAST_PAGE(AT(1, YOUNG) "," AT(2, YOUNG) "," AT(4, YOUNG))}},
	{"dense: and never passed", {.rules = {.dense_above = 1}}, "1 2; complete 2", .kind = FAILURE_DENSE_GAP, .exchanges = {LAST_PAGE(AT(1, OLD) "," AT(2, OLD) "," AT(4, OLD))}},
	{"dense: below that id gaps are others", {.rules = {.dense_above = 3}}, "1 3 4; complete 4; old 1", .exchanges = {LAST_PAGE(AT(1, OLD) "," AT(3, OLD) "," AT(4, OLD))}},
	{"dense: a gap over the boundary", {.rules = {.dense_above = 3}}, "1; complete 3; old 2", .kind = FAILURE_DENSE_GAP, .exchanges = {LAST_PAGE(AT(1, OLD) "," AT(6, OLD))}},

	{"an id that comes twice", {0}, "1 2; complete 2", .kind = FAILURE_ID_TWICE, .exchanges = {LAST_PAGE(AT(1, OLD) "," AT(2, OLD) "," AT(2, OLD))}},
	{"old ids that somebody looks for later", {.rules.listed_since = 1}, "2; complete 2; passed 1-1", .exchanges = {LAST_PAGE(AT(2, OLD))}},
	{"twice behind a gap", {0}, "2; complete 2; old 1", .kind = FAILURE_ID_TWICE, .exchanges = {LAST_PAGE(AT(2, OLD) "," AT(2, OLD) "," AT(3, OLD))}},
	{"a position that the counter has reached", {.after = 5,.checks_head = true}, "complete 5; checked", .exchanges = {LAST_PAGE(), HEAD(5)}},
	{"a position beyond the counter", {.after = 5,.checks_head = true}, "complete 5", .kind = FAILURE_BEHIND, .exchanges = {LAST_PAGE(), HEAD(4), HEAD(4)}},
	{"as an older replica says", {.after = 5,.checks_head = true}, "complete 5; checked", .exchanges = {LAST_PAGE(), HEAD(4), HEAD(5)}},
	{"a counter that may not be read", {.after = 5,.checks_head = true}, "complete 5; checked",
	.exchanges = {LAST_PAGE(), REFUSED("GetItem", "\"commits\"}", "AccessDeniedException", "")}},
	{"is not looked at where there are commits", {.after = 5,.checks_head = true}, "6; complete 6", .exchanges = {LAST_PAGE(AT(6, OLD))}},
	{"a read that fails", {0}, "1; complete 1", .kind = FAILURE_ACCESS_DENIED, .exchanges = {PAGE(1, AT(1, OLD)), REFUSED("Query", NULL, "AccessDeniedException", "")}},
	{"few are wanted, and the gap is the first", {.wanted = 1}, "2 3 4; complete 4; old 1",
	.exchanges = {ANSWERED("Query", "\"Limit\":1", "{\"Items\":[" AT(2, OLD) "],\"LastEvaluatedKey\":{\"aggregateId\":{\"S\":\"a\"},\"version\":{\"N\":\"0\"},"
		"\"active\":{\"S\":\"t\"},\"commitId\":{\"N\":\"2\"}}}"), LAST_PAGE(AT(3, OLD) "," AT(4, OLD))}},
};

static FeedSpec
spec_of(const Case *one)
{
	FeedSpec	spec = one->spec;

	spec.upto = spec.upto != 0 ? spec.upto : INT64_MAX;
	spec.rules.dense_above = spec.rules.dense_above != 0 ? spec.rules.dense_above : INT64_MAX;
	spec.rules.now = NOW;
	spec.rules.stamped_before = STAMPED_BEFORE;
	spec.rules.old_before = OLD_BEFORE;
	spec.rules.listed_since = spec.rules.listed_since != 0 ? spec.rules.listed_since : OLD_BEFORE;
	spec.max_parallel = spec.max_ranges = 4;
	spec.attributes = attributes;
	spec.nattributes = 1;
	return spec;
}

static void
write_range(ByteBuffer *out, const char *word, const IdRange *range)
{
	buffer_printf(out, "%s%lld-%lld", word, (long long) range->first, (long long) range->last);
}

static void
write_report(const FeedOperation *feed, ByteBuffer *out)
{
	FeedReport	report;

	feed_report(feed, &report);
	buffer_printf(out, "%scomplete %lld", out->length > 0 ? "; " : "", (long long) report.complete_to);
	if (report.waiting_for.first != 0)
	{
		write_range(out, "; waits ", &report.waiting_for);
		buffer_printf(out, "; seen %lld", (long long) report.seen);
	}
	for (size_t i = 0; i < report.npassed; i++)
		write_range(out, i == 0 ? "; passed " : " ", &report.passed[i]);
	if (report.passed_old > 0)
		buffer_printf(out, "; old %lld", (long long) report.passed_old);
	if (report.notes_denied)
		buffer_puts(out, "; denied");
	if (report.head_checked)
		buffer_puts(out, "; checked");
}

/* READ_END or READ_FAILED, and READ_PENDING where memory ran out before the feed began. */
static ReadResult
run_case(const Case *one, ByteBuffer *out, Failure *failure)
{
	FeedSpec	spec = spec_of(one);
	ReadResult	result = READ_PENDING;
	FeedOperation *feed;
	Client	   *client;
	const cJSON *item;

	SCRIPT_OF(one);
	client = script_client(1, 16);
	feed = client != NULL ? feed_start(client, &names, &spec, NULL) : NULL;
	while (feed != NULL && (result = feed_next(feed, &item)) != READ_END && result != READ_FAILED)
	{
		AttributeValue id;

		if (result == READ_PENDING)
			script_wait(client);
		if (result != READ_ITEM)
			continue;
		id = attribute_get(item, "commitId");
		buffer_printf(out, "%s%s", out->length > 0 ? " " : "", id.text);
	}
	if (feed != NULL)
	{
		write_report(feed, out);
		*failure = *feed_failure(feed);
	}
	feed_free(feed);
	client_free(client);
	return result;
}

static void
answers_decide_what_is_delivered(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		ByteBuffer	out = {0};
		Failure		failure = {0};
		ReadResult	result;

		print_message("%s\n", cases[i].what);
		result = run_case(&cases[i], &out, &failure);
		assert_text(&out, cases[i].expected);
		assert_int_equal(result, cases[i].kind == FAILURE_NONE ? READ_END : READ_FAILED);
		assert_int_equal(failure.kind, cases[i].kind);
		script_end();
	}
}

/* The second look is no sooner than 100 ms after the first. */
static void
looks_are_apart(void **state)
{
	static const Case one = {"", {0}, "", 0, {LAST_PAGE(AT(1, AGED) "," AT(3, AGED)), NO_NOTE(2), LOOK_ONE(2)}};
	ByteBuffer	out = {0};
	Failure		failure;
	int64_t		began;

	script_begin(one.exchanges, 3);
	began = http_now_ms();
	run_case(&one, &out, &failure);
	assert_true(http_now_ms() - began >= 100);
	buffer_free(&out);
}

/* A hundred gaps, of one minute ago. What a commit costs decides whether second looks join. */
static ServedStore gaps;

static void
fill_with_gaps(void)
{
	memset(&gaps, 0, sizeof(gaps));
	for (int id = 2; id <= 200; id += 2)
	{
		gaps.keys[gaps.nkeys] = id;
		gaps.stamps[gaps.nkeys++] = AGED;
	}
	gaps.page_items = 1000;
	gaps.each_ms = 10;
	gaps.head = 200;
}

/* A feed from the first id on, to its end: what was delivered is counted. */
static FeedOperation *
run_feed(Client *client, size_t *taken)
{
	static const Case one = {"", {0}, "", 0, {{0}}};
	FeedSpec	spec = spec_of(&one);
	FeedOperation *feed = feed_start(client, &names, &spec, NULL);
	ReadResult	result;
	const cJSON *item;

	*taken = 0;
	while ((result = feed_next(feed, &item)) != READ_END)
	{
		assert_int_not_equal(result, READ_FAILED);
		if (result == READ_PENDING)
			script_wait(client);
		*taken += result == READ_ITEM;
	}
	return feed;
}

static size_t
take_gaps(double units_each, int64_t *took_ms)
{
	FeedOperation *feed;
	FeedReport	report;
	Client	   *client;
	size_t		taken;
	int64_t		began;

	fill_with_gaps();
	gaps.units_each = units_each;
	script_begin_serving(served_answer, &gaps);
	began = http_now_ms();
	client = script_client(1, 16);
	feed = run_feed(client, &taken);
	feed_report(feed, &report);
	assert_int_equal(taken, 100);
	assert_int_equal(report.npassed, 100);
	assert_int_equal(report.note_reads, 100);
	*took_ms = http_now_ms() - began;
	feed_free(feed);
	client_free(client);
	return script_requests();
}

/* One page, the notes 16 at a time, and second looks: one where commits are small, otherwise as the notes. */
static void
a_hundred_gaps_are_looked_at_together(void **state)
{
	int64_t		took_ms;

	assert_int_equal(take_gaps(0.03, &took_ms), 1 + 100 + 1);
	assert_in_range(took_ms, 100, 10 + 100 + 10 + 10);
	assert_int_equal(take_gaps(0.5, &took_ms), 1 + 100 + 100);
	assert_in_range(took_ms, 100, 10 + 100 + 7 * 10);
	assert_int_equal(script_most_in_flight(), 16);
}

/* Who is far behind reads in ranges, side by side, and stops where all others do. */
static void
catching_up_stops_at_a_gap(void **state)
{
	Client	   *client;
	FeedOperation *feed;
	FeedReport	report;
	size_t		taken;

	memset(&gaps, 0, sizeof(gaps));
	gaps.page_items = 50;
	gaps.slowest_ms = 20;
	gaps.head = 2000;
	for (int id = 1; id <= 2000; id++)
		if (id != 1500 && id % 50 != 1)
		{
			gaps.keys[gaps.nkeys] = id;
			gaps.stamps[gaps.nkeys++] = id < 1490 ? OLD : YOUNG;
		}
	script_begin_serving(served_answer, &gaps);
	client = script_client(1, 16);
	feed = run_feed(client, &taken);
	feed_report(feed, &report);
	assert_int_equal(taken, 1499 - 30);
	assert_int_equal(report.complete_to, 1499);
	assert_int_equal(report.waiting_for.first, 1500);
	assert_int_equal(report.waiting_for.last, 1501);
	assert_int_equal(report.passed_old, 30);
	assert_true(script_most_in_flight() > 1);
	feed_free(feed);
	client_free(client);
}

/* What is kept of passed ranges has a bound: of 1,200 the last thousand are listed, and all are passed. */
static void
lists_of_gaps_have_a_bound(void **state)
{
	Client	   *client;
	FeedOperation *feed;
	FeedReport	report;
	size_t		taken;

	memset(&gaps, 0, sizeof(gaps));
	gaps.page_items = 1000;
	gaps.head = 2400;
	for (int id = 2; id <= 2400; id += 2)
	{
		gaps.keys[gaps.nkeys] = id;
		gaps.stamps[gaps.nkeys++] = AGED;
	}
	script_begin_serving(served_answer, &gaps);
	client = script_client(1, 16);
	feed = run_feed(client, &taken);
	feed_report(feed, &report);
	assert_int_equal(taken, 1200);
	assert_int_equal(report.complete_to, 2400);
	assert_int_equal(report.npassed, 1000);
	assert_int_equal(report.passed[0].first, 401);
	assert_int_equal(report.passed[999].last, 2399);
	feed_free(feed);
	client_free(client);
}

/*
 * A store that appenders fill while a reader polls: commits become visible late and in no order, some ids are burned with
 * a note and some without. The reader gives ids up as projections do, by what it has known of higher ones for TIME_OUT_MS.
 */
#define TIME_OUT_MS 1000
#define POLL_MS 50
#define IDS 150

static ServedStore store;
static bool is_stored[IDS + 1];
static int64_t stored_visible_at[IDS + 1];
static bool was_delivered[IDS + 1];
static bool was_passed[IDS + 1];
static bool was_burned[IDS + 1];

/* Ids are given out at about the rate of the polls; a commit is visible within `lag` ms, but one of a hundred within `longest`. */
static void
fill_store(unsigned seed, int lag, int longest)
{
	int64_t		given_at = http_now_ms();

	memset(&store, 0, sizeof(store));
	store.seed = seed;
	store.page_items = 1 + (size_t) served_random(&store, 40);
	store.slowest_ms = served_random(&store, 2) * 20;
	for (int id = 1; id <= IDS; id++)
	{
		int			fate = served_random(&store, 100);

		given_at += served_random(&store, 20);
		is_stored[id] = fate >= 10;
		was_burned[id] = fate < 7;
		was_delivered[id] = was_passed[id] = false;
		store.notes[id] = fate < 7 ? 1 : 0;
		if (!is_stored[id])
			continue;
		stored_visible_at[id] = given_at + served_random(&store, served_random(&store, 100) == 0 ? longest : lag);
		store.keys[store.nkeys] = id;
		store.visible_at[store.nkeys] = stored_visible_at[id];
		/* The writers' clocks are anything. */
		store.stamps[store.nkeys++] = 1 + served_random(&store, 1000000);
	}
	store.head = IDS;
}

/* One poll from that position on, which it returns; and the highest id that it saw. */
static int64_t
poll_store(Client *client, int64_t position, int64_t known_below, int64_t *seen)
{
	FeedSpec	spec = {
		.after = position, .upto = INT64_MAX, .rules = {.known_below = known_below, .dense_above = INT64_MAX}, .max_parallel = 4,
		.max_ranges = 4, .attributes = attributes, .nattributes = 1
	};
	FeedOperation *feed = feed_start(client, &names, &spec, NULL);
	int64_t		last = position;
	FeedReport	report;
	ReadResult	result;
	const cJSON *item;

	while ((result = feed_next(feed, &item)) != READ_END)
	{
		AttributeValue value;
		int64_t		id;

		assert_int_not_equal(result, READ_FAILED);
		if (result == READ_PENDING)
			script_wait(client);
		if (result != READ_ITEM)
			continue;
		value = attribute_get(item, "commitId");
		assert_true(attribute_to_int64(&value, &id));
		assert_true(id > last && is_stored[id] && !was_delivered[id]);
		was_delivered[id] = true;
		last = id;
	}
	feed_report(feed, &report);
	assert_true(report.complete_to >= last && report.seen >= last);
	for (size_t i = 0; i < report.npassed; i++)
		for (int64_t id = report.passed[i].first; id <= report.passed[i].last; id++)
			was_passed[id] = true;
	*seen = report.seen;
	feed_free(feed);
	return report.complete_to;
}

/* Polls until all that will ever be visible has been for long enough. */
static void
follow(Client *client)
{
	int64_t		known[TIME_OUT_MS / POLL_MS + 2] = {0};	/* by poll: the highest id known then */
	size_t		nknown = sizeof(known) / sizeof(known[0]);
	int64_t		position = 0;

	for (size_t poll = 0; position < IDS && poll < 1000; poll++)
	{
		int64_t		next = http_now_ms() + POLL_MS;
		int64_t		seen;
		int64_t		before = position;

		position = poll_store(client, position, known[(poll + 1) % nknown], &seen);
		assert_true(position >= before);
		known[poll % nknown] = seen;
		while (http_now_ms() < next)
		{
			client_wake_at(client, next);
			script_wait(client);
		}
	}
}

static void
tail_is_complete(int lag, int longest, bool all_in_time)
{
	for (unsigned seed = 1; seed <= cases_of(20); seed++)
	{
		Client	   *client;
		int			late = 0;

		script_begin_serving(served_answer, &store);
		fill_store(seed, lag, longest);
		client = script_client(4, 4);
		follow(client);
		for (int id = 1; id <= IDS; id++)
		{
			if (is_stored[id] && id < store.keys[store.nkeys - 1] && !was_delivered[id] && !was_passed[id])
				fail_msg("seed %u: commit %d was neither delivered nor passed", seed, id);
			late += is_stored[id] && was_passed[id];
			assert_false(was_delivered[id] && was_passed[id]);
			if (was_burned[id] && was_passed[id])
				assert_true(was_passed[id - 1]);	/* as part of a range that was given up */
		}
		if (all_in_time)
			assert_int_equal(late, 0);
		client_free(client);
	}
}

static void
what_is_visible_in_time_is_delivered(void **state)
{
	tail_is_complete(300, TIME_OUT_MS - POLL_MS, true);
}

static void
what_comes_later_is_known_as_passed(void **state)
{
	tail_is_complete(300, 5 * TIME_OUT_MS, false);
}

/* Memory that runs out ends the feed: what it says to be complete is, all the same. */
static void
without_memory_nothing_is_passed(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		FOR_EACH_ALLOCATION_FAILING({
			ByteBuffer	out = {0};
			Failure		failure;
			ReadResult	result = run_case(&cases[i], &out, &failure);

			if (result == READ_END && !out.failed && cases[i].kind == FAILURE_NONE)
				assert_string_equal(out.data, cases[i].expected);
			buffer_free(&out);
		});
}

/* Old ids that are to be listed are not passed where there is no memory to list them. */
static void
without_memory_to_list_them_old_ids_are_not_passed(void **state)
{
	static const Case listed = {
		"old ids that somebody looks for later", {.rules.listed_since = 1}, "2; complete 2; passed 1-1", .exchanges = {LAST_PAGE(AT(2, OLD))}
	};

	FOR_EACH_ALLOCATION_FAILING({
		ByteBuffer	out = {0};
		Failure		failure;
		ReadResult	result = run_case(&listed, &out, &failure);

		if (result == READ_FAILED && !out.failed && out.length > 0)
			assert_non_null(strstr(out.data, "complete 0"));
		buffer_free(&out);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_decide_what_is_delivered),
		cmocka_unit_test(looks_are_apart),
		cmocka_unit_test(a_hundred_gaps_are_looked_at_together),
		cmocka_unit_test(catching_up_stops_at_a_gap),
		cmocka_unit_test(lists_of_gaps_have_a_bound),
		cmocka_unit_test(what_is_visible_in_time_is_delivered),
		cmocka_unit_test(what_comes_later_is_known_as_passed),
		cmocka_unit_test(without_memory_nothing_is_passed),
		cmocka_unit_test(without_memory_to_list_them_old_ids_are_not_passed),
	};

	return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
