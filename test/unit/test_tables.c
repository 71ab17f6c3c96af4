/*
 * tables: what is no store's is refused before anything is made, deleted or raised beside it, and a counter never ends up
 * below the commits that are there.
 */
#include "script.h"

#include "store/tables.h"

static const StoreNames names = {.commit_table = "the-commits", .commit_index = "byId", .counter_table = "the-counters", .counter = "c"};

#define KEY(hash, range) "\"KeySchema\":[{\"AttributeName\":\"" hash "\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"" range "\",\"KeyType\":\"RANGE\"}]"
#define TYPE(name, type) "{\"AttributeName\":\"" name "\",\"AttributeType\":\"" type "\"}"
#define TYPES(id) "\"AttributeDefinitions\":[" TYPE("aggregateId", "S") "," TYPE("version", "N") "," TYPE("active", "S") "," TYPE("commitId", id) "]"
#define INDEX(name, more) "\"GlobalSecondaryIndexes\":[{\"IndexName\":\"" name "\"," KEY("active", "commitId") more "}]"
#define ALL ",\"Projection\":{\"ProjectionType\":\"ALL\"}"
#define ACTIVE ",\"IndexStatus\":\"ACTIVE\""
#define COMMITS(id, index) "{\"Table\":{\"TableStatus\":\"ACTIVE\"," KEY("aggregateId", "version") "," TYPES(id) "," index "}}"
#define COUNTERS_OF(name, type) "{\"Table\":{\"TableStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":\"" name "\",\"KeyType\":\"HASH\"}]," \
	"\"AttributeDefinitions\":[" TYPE(name, type) "]}}"

#define STORE COMMITS("N", INDEX("byId", ALL ACTIVE))
#define COUNTERS COUNTERS_OF("name", "S")
#define DESCRIBED(table, answer) ANSWERED("DescribeTable", table, answer)
#define MISSING(table) REFUSED("DescribeTable", table, "ResourceNotFoundException", "")
#define BOTH DESCRIBED("the-commits", STORE), DESCRIBED("the-counters", COUNTERS)
#define NO_COMMITS(what) ANSWERED("Query", "byId", "{\"Items\":[" what "]}")
#define LAST(id) NO_COMMITS("{\"commitId\":{\"N\":\"" id "\"}}")
#define COUNTER(value) ANSWERED("GetItem", "\"ConsistentRead\":true", "{\"Item\":{\"name\":{\"S\":\"c\"},\"id\":{\"N\":\"" value "\"}}}")
#define NO_COUNTER ANSWERED("GetItem", "\"ConsistentRead\":true", "{}")
#define RAISE(value, ...) {.operation = "UpdateItem", .contains = "{\":0\":{\"N\":\"" value "\"}}", __VA_ARGS__}
#define CONDITION_FAILS .status = 400, .answer = ERROR_ANSWER("ConditionalCheckFailedException", "")
#define COUNTERS_LISTED(items) ANSWERED("Scan", "the-counters", "{\"Items\":[" items "]}")
#define OWN_NAMES "{\"name\":{\"S\":\"c\"}},{\"name\":{\"S\":\"c#burned#7\"}}"
#define CREATED(table) ANSWERED("CreateTable", table, "{}")
#define DELETED(table) ANSWERED("DeleteTable", table, "{}")
#define GONE(table) REFUSED("DeleteTable", table, "ResourceNotFoundException", "")
#define BOTH_GONE MISSING("the-commits"), MISSING("the-counters")
#define LISTED(...) ANSWERED("Scan", "the-counters", "{\"Items\":[" __VA_ARGS__ "]}")
#define ITEM(name, more) "{\"name\":{\"S\":\"" name "\"}" more "}"
#define ID(value) ",\"id\":{\"N\":\"" value "\"}"
#define DROPPED_AT(value) ",\"droppedAt\":{\"N\":\"" value "\"}"
#define NOTE(name) ITEM(name "#burned#4", ",\"n\":{\"N\":\"2\"}")
#define OWN ITEM("c", ID("9"))
#define RETIRE(...) {.operation = "UpdateItem", .contains = "SET #0 = #1", __VA_ARGS__}
#define MOST_EXCHANGES 10

typedef struct Case
{
	const char *what;
	TablesTask	task;
	int64_t		raise_to;
	FailureKind kind;			/* FAILURE_NONE: it succeeds */
	int64_t		head;			/* then */
	int64_t		max_commit_id;
	bool		made;
	bool		raised;
	bool		shared;			/* DROP: the counters table stays */
	bool		denied;
	Exchange	exchanges[MOST_EXCHANGES];
} Case;

static const Case cases[] = {
	/* What is no store's. */
	{"2.x, to be created", TABLES_CREATE, 0, FAILURE_UNFIT, .exchanges = {DESCRIBED("the-commits", COMMITS("S", INDEX("byId", ALL ACTIVE))), DESCRIBED("the-counters", COUNTERS)}},
	{"2.x, to be dropped", TABLES_DROP, 0, FAILURE_UNFIT, .exchanges = {DESCRIBED("the-commits", COMMITS("S", INDEX("byId", ALL ACTIVE))), DESCRIBED("the-counters", COUNTERS)}},
	{"2.x, its status", TABLES_STATUS, 0, FAILURE_UNFIT, .exchanges = {DESCRIBED("the-commits", COMMITS("S", INDEX("byId", ALL ACTIVE))), DESCRIBED("the-counters", COUNTERS)}},
	{"2.x, with another index, to be dropped", TABLES_DROP, 0, FAILURE_UNFIT, .exchanges = {DESCRIBED("the-commits", COMMITS("S", INDEX("byCommit", ALL ACTIVE))), DESCRIBED("the-counters", COUNTERS)}},
	{"keys only, to be dropped", TABLES_DROP, 0, FAILURE_UNFIT,
	.exchanges = {DESCRIBED("the-commits", COMMITS("N", INDEX("byId", ACTIVE ",\"Projection\":{\"ProjectionType\":\"KEYS_ONLY\"}"))), DESCRIBED("the-counters", COUNTERS)}},
	{"another table in place of the counters, to be dropped", TABLES_DROP, 0, FAILURE_UNFIT, .exchanges = {DESCRIBED("the-commits", STORE), DESCRIBED("the-counters", COUNTERS_OF("id", "S"))}},
	{"counters by number, to be dropped alone", TABLES_DROP, 0, FAILURE_UNFIT, .exchanges = {MISSING("the-commits"), DESCRIBED("the-counters", COUNTERS_OF("name", "N"))}},
	{"another table in place of the counters, to be created", TABLES_CREATE, 0, FAILURE_UNFIT, .exchanges = {MISSING("the-commits"), DESCRIBED("the-counters", COUNTERS_OF("id", "S"))}},
	{"an engine that does not say what the index holds, nor how it is", TABLES_STATUS, 0, FAILURE_NONE, 3, 3,
	.exchanges = {DESCRIBED("the-commits", COMMITS("N", INDEX("byId", ""))), DESCRIBED("the-counters", COUNTERS), LAST("3"), COUNTER("3")}},
	{"no index", TABLES_STATUS, 0, FAILURE_NONE, 3, -1, .exchanges = {DESCRIBED("the-commits", COMMITS("N", INDEX("other", ALL))), DESCRIBED("the-counters", COUNTERS), COUNTER("3")}},
	{"2.x, checked", TABLES_CHECK, 0, FAILURE_NONE, 3, -1, .exchanges = {DESCRIBED("the-commits", COMMITS("S", INDEX("byId", ALL ACTIVE))), DESCRIBED("the-counters", COUNTERS), COUNTER("3")}},
	{"2.x appears while it is created", TABLES_CREATE, 0, FAILURE_UNFIT,
	.exchanges = {MISSING("the-commits"), DESCRIBED("the-counters", COUNTERS), REFUSED("CreateTable", "the-commits", "ResourceInUseException", ""),
	DESCRIBED("the-commits", COMMITS("S", INDEX("byId", ALL ACTIVE)))}},

	/* The counter beside the commits. */
	{"a store as it should be", TABLES_CREATE, 0, FAILURE_EXISTS, .exchanges = {BOTH, BOTH, LAST("3"), COUNTER("3")}},
	{"a counter that is ahead", TABLES_CREATE, 0, FAILURE_EXISTS, .exchanges = {BOTH, BOTH, LAST("3"), COUNTER("7")}},
	{"no commits", TABLES_CREATE, 0, FAILURE_EXISTS, .exchanges = {BOTH, BOTH, NO_COMMITS(""), NO_COUNTER}},
	{"a counter that is behind", TABLES_CREATE, 0, FAILURE_NONE, 7, 7, .raised = true, .exchanges = {BOTH, BOTH, LAST("7"), COUNTER("3"), RAISE("7")}},
	{"a counter that is missing", TABLES_CREATE, 0, FAILURE_NONE, 7, 7, .made = true,
	.exchanges = {BOTH, BOTH, LAST("7"), NO_COUNTER, ANSWERED("PutItem", "\"id\":{\"N\":\"7\"}", "{}")}},
	{"a counter that is raised by another meanwhile", TABLES_CREATE, 0, FAILURE_NONE, 9, 7,
	.exchanges = {BOTH, BOTH, LAST("7"), COUNTER("3"), RAISE("7", CONDITION_FAILS), COUNTER("9")}},
	{"a counter that begins meanwhile, too low", TABLES_CREATE, 0, FAILURE_NONE, 7, 7, .raised = true,
	.exchanges = {BOTH, BOTH, LAST("7"), NO_COUNTER, REFUSED("PutItem", NULL, "ConditionalCheckFailedException", ""), COUNTER("1"), RAISE("7")}},
	{"a counter that is behind, and will not be raised", TABLES_CREATE, 0, FAILURE_BAD_ANSWER,
	.exchanges = {BOTH, BOTH, LAST("7"), COUNTER("3"), RAISE("7", CONDITION_FAILS), COUNTER("3"), RAISE("7", CONDITION_FAILS), COUNTER("3")}},
	{"a counter that is no integer", TABLES_CREATE, 0, FAILURE_UNFIT, .exchanges = {BOTH, BOTH, LAST("7"), COUNTER("3.5")}},
	{"a last commit id that is none", TABLES_CREATE, 0, FAILURE_UNFIT, .exchanges = {BOTH, BOTH, LAST("7.5")}},
	{"a last commit that may not be looked at", TABLES_CREATE, 0, FAILURE_ACCESS_DENIED, .exchanges = {BOTH, BOTH, REFUSED("Query", NULL, "AccessDeniedException", "")}},
	{"its status, with the rights that were enough for 1.0", TABLES_STATUS, 0, FAILURE_NONE, 3, -1,
	.exchanges = {BOTH, REFUSED("Query", NULL, "AccessDeniedException", ""), COUNTER("3")}},
	{"its status", TABLES_STATUS, 0, FAILURE_NONE, 3, 7, .exchanges = {BOTH, LAST("7"), COUNTER("3")}},

	/* Both are dropped, unless the counters are others' too. */
	{"dropped", TABLES_DROP, 0, FAILURE_NONE, 0, -1,
	.exchanges = {BOTH, COUNTERS_LISTED(OWN_NAMES), DELETED("the-commits"), DELETED("the-counters"), DESCRIBED("the-commits", STORE),
		MISSING("the-commits"), DESCRIBED("the-counters", COUNTERS), MISSING("the-counters")}},
	{"dropped at the same time by another session", TABLES_DROP, 0, FAILURE_NONE, 0, -1,
	.exchanges = {BOTH, COUNTERS_LISTED(OWN_NAMES), GONE("the-commits"), GONE("the-counters"), MISSING("the-commits"), MISSING("the-counters")}},
	{"dropped where the commits are gone", TABLES_DROP, 0, FAILURE_NONE, 0, -1,
	.exchanges = {MISSING("the-commits"), DESCRIBED("the-counters", COUNTERS), COUNTERS_LISTED(OWN_NAMES), DELETED("the-counters"),
		MISSING("the-commits"), MISSING("the-counters")}},
	{"dropped where nothing is", TABLES_DROP, 0, FAILURE_NOT_FOUND, .exchanges = {MISSING("the-commits"), MISSING("the-counters")}},
	{"made, and not to be seen at first", TABLES_CREATE, 0, FAILURE_NONE, 0, -1,
	.exchanges = {MISSING("the-commits"), MISSING("the-counters"), CREATED("the-commits"), CREATED("the-counters"), MISSING("the-commits"),
		DESCRIBED("the-commits", STORE), MISSING("the-counters"), DESCRIBED("the-counters", COUNTERS), NO_COUNTER}},

	/* Which counters table goes with the commits. */
	{"of one store", TABLES_DROP, 0, FAILURE_NONE, 0, -1, .exchanges = {BOTH, LISTED(OWN "," NOTE("c")), DELETED("the-commits"), DELETED("the-counters"), BOTH_GONE}},
	{"of two stores", TABLES_DROP, 0, FAILURE_NONE, 0, -1, .shared = true,
	.exchanges = {BOTH, LISTED(OWN "," ITEM("d", ID("5"))), DELETED("the-commits"), RETIRE(), LISTED(ITEM("d", ID("5"))), MISSING("the-commits")}},
	{"of two stores, the other one dropped before", TABLES_DROP, 0, FAILURE_NONE, 0, -1,
	.exchanges = {BOTH, LISTED(OWN "," ITEM("d", ID("5") DROPPED_AT("5")) "," NOTE("d")), DELETED("the-commits"), DELETED("the-counters"), BOTH_GONE}},
	{"of two stores, the other one dropped, and in use again", TABLES_DROP, 0, FAILURE_NONE, 0, -1, .shared = true,
	.exchanges = {BOTH, LISTED(ITEM("d", ID("6") DROPPED_AT("5"))), DELETED("the-commits"), RETIRE(), LISTED(ITEM("d", ID("6") DROPPED_AT("5"))), MISSING("the-commits")}},
	{"of two stores, dropped at the same time", TABLES_DROP, 0, FAILURE_NONE, 0, -1,
	.exchanges = {BOTH, LISTED(OWN "," ITEM("d", ID("5"))), DELETED("the-commits"), RETIRE(), LISTED(OWN "," ITEM("d", ID("5") DROPPED_AT("5"))), DELETED("the-counters"), BOTH_GONE}},
	{"of a store that has no counter yet, beside another", TABLES_DROP, 0, FAILURE_NONE, 0, -1, .shared = true,
	.exchanges = {BOTH, LISTED(ITEM("d", ID("5"))), DELETED("the-commits"), RETIRE(CONDITION_FAILS), LISTED(ITEM("d", ID("5"))), MISSING("the-commits")}},
	{"with what is no counter in it", TABLES_DROP, 0, FAILURE_NONE, 0, -1, .shared = true,
	.exchanges = {BOTH, LISTED(ITEM("d#burned#x", "")), DELETED("the-commits"), RETIRE(), LISTED(ITEM("d#burned#x", "")), MISSING("the-commits")}},
	{"with a counter that is named as a note", TABLES_DROP, 0, FAILURE_NONE, 0, -1, .shared = true,
	.exchanges = {BOTH, LISTED(ITEM("c#burned#4", ID("5"))), DELETED("the-commits"), RETIRE(), LISTED(ITEM("c#burned#4", ID("5"))), MISSING("the-commits")}},
	{"of two stores, with the rights that were enough for 1.0", TABLES_DROP, 0, FAILURE_NONE, 0, -1, .shared = true, .denied = true,
	.exchanges = {BOTH, LISTED(ITEM("d", ID("5"))), DELETED("the-commits"), RETIRE(.status = 400, .answer = ERROR_ANSWER("AccessDeniedException", "")), MISSING("the-commits")}},
	{"of two stores, with a wrong name for the commits", TABLES_DROP, 0, FAILURE_NONE, 0, -1, .shared = true,
	.exchanges = {MISSING("the-commits"), DESCRIBED("the-counters", COUNTERS), LISTED(OWN "," ITEM("d", ID("5")))}},
	{"a store is made again", TABLES_CREATE, 0, FAILURE_NONE, 9, -1,
	.exchanges = {MISSING("the-commits"), DESCRIBED("the-counters", COUNTERS), ANSWERED("CreateTable", "the-commits", "{}"), BOTH,
	ANSWERED("GetItem", "the-counters", "{\"Item\":" ITEM("c", ID("9") DROPPED_AT("9")) "}"), ANSWERED("UpdateItem", "REMOVE #0", "{}")}},

	/* A counter that is raised by hand. */
	{"raised", TABLES_RAISE, 12, FAILURE_NONE, 12, -1, .raised = true, .exchanges = {RAISE("12")}},
	{"raised to what it is", TABLES_RAISE, 12, FAILURE_NONE, 12, -1, .exchanges = {RAISE("12", CONDITION_FAILS), COUNTER("12")}},
	{"not lowered", TABLES_RAISE, 12, FAILURE_NONE, 15, -1, .exchanges = {RAISE("12", CONDITION_FAILS), COUNTER("15")}},
	{"raised, and the answer was lost", TABLES_RAISE, 12, FAILURE_NONE, 13, -1,
	.exchanges = {RAISE("12", .fault = FAULT_LOST), RAISE("12", CONDITION_FAILS), COUNTER("13")}},
	{"raised, it is said, and lower", TABLES_RAISE, 12, FAILURE_BAD_ANSWER, .exchanges = {RAISE("12", CONDITION_FAILS), COUNTER("5")}},
	{"raised where there is no table", TABLES_RAISE, 12, FAILURE_NOT_FOUND, .exchanges = {RAISE("12", .status = 400, .answer = ERROR_ANSWER("ResourceNotFoundException", ""))}},
};

/* The failure's kind; *report where there is none. */
static FailureKind
run_case(const Case *one, TablesReport *report)
{
	TablesOperation *operation = NULL;
	FailureKind kind = FAILURE_MEMORY;
	Client	   *client;

	SCRIPT_OF(one);
	client = script_client(3, 16);
	if (client != NULL)
		operation = one->task == TABLES_RAISE ? tables_start_raise(client, &names, one->raise_to, NULL)
			: tables_start(client, &names, one->task, NULL);
	if (operation != NULL && RUN(client, tables_step(operation)) == STEP_DONE)
	{
		kind = FAILURE_NONE;
		*report = *tables_report(operation);
	}
	else if (operation != NULL)
		kind = tables_failure(operation)->kind;
	tables_free(operation);
	client_free(client);
	return kind;
}

static void
the_tables_decide(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Case *one = &cases[i];
		TablesReport report;

		print_message("%s\n", one->what);
		assert_int_equal(run_case(one, &report), one->kind);
		script_end();
		if (one->kind != FAILURE_NONE)
			continue;
		assert_int_equal(report.head, one->head);
		assert_int_equal(report.max_commit_id, one->max_commit_id);
		assert_int_equal(report.counter_made, one->made);
		assert_int_equal(report.counter_raised, one->raised);
		assert_int_equal(report.counter_table_shared, one->shared);
		assert_int_equal(report.retiring_denied, one->denied);
	}
}

/* A table that stays as it is, in the answers to all requests. */
static void
never_done(void *store, const char *operation, const char *body, Exchange *exchange, ByteBuffer *answer)
{
	exchange->after_ms = 10;
	if (strcmp(operation, "DescribeTable") == 0 && strstr(body, "the-commits") != NULL)
		buffer_puts(answer, store);
	else if (strcmp(operation, "DescribeTable") == 0)
		buffer_puts(answer, COUNTERS);
	else
		buffer_puts(answer, "{\"Items\":[]}");
}

static void
check_end(TablesTask task, const char *description, const char *words)
{
	Client	   *client;
	TablesOperation *operation;
	int64_t		began;

	script_begin_serving(never_done, (void *) description);
	client = script_client(3, 16);
	operation = tables_start(client, &names, task, NULL);
	began = http_now_ms();
	assert_int_equal(RUN(client, tables_step(operation)), STEP_FAILED);
	assert_in_range(http_now_ms() - began, 10 * 60 * 1000, 11 * 60 * 1000);
	assert_int_equal(tables_failure(operation)->kind, FAILURE_NOT_READY);
	assert_string_equal(tables_failure(operation)->message, words);
	tables_free(operation);
	client_free(client);
}

static void
every_wait_has_an_end_and_says_what_for(void **state)
{
	check_end(TABLES_CREATE, COMMITS("N", INDEX("byId", ALL ",\"IndexStatus\":\"CREATING\"")),
			  "After 10 minutes table \"the-commits\" is ACTIVE, its index \"byId\" CREATING.");
	check_end(TABLES_DROP, STORE, "After 10 minutes table \"the-commits\" is ACTIVE, its index \"byId\" ACTIVE.");
}

static void
without_memory_nothing_is_claimed(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		FOR_EACH_ALLOCATION_FAILING({
			TablesReport report;

			if (run_case(&cases[i], &report) == FAILURE_NONE)
				assert_int_equal(cases[i].kind, FAILURE_NONE);
		});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tables_decide),
		cmocka_unit_test(every_wait_has_an_end_and_says_what_for),
		cmocka_unit_test(without_memory_nothing_is_claimed),
	};

	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
