/*
 * burn: the notes of ids that came to nothing. One for each run of ids, so many at once as may be; and whatever becomes of
 * them, they end.
 */
#include "script.h"

#include "dynamodb/request.h"
#include "store/burn.h"

static const StoreNames names = {.commit_table = "commits", .commit_index = "byId", .counter_table = "counters", .counter = "c"};

#define PATIENCE_MS 2000
#define MOST_IDS 8
#define MOST_EXCHANGES 8
#define AS_NOTE(first, count) "\"name\":{\"S\":\"c#burned#" #first "\"},\"n\":{\"N\":\"" #count "\"}"
#define NOTE(first, count) ANSWERED("PutItem", AS_NOTE(first, count), "{}")
#define SLOW(first, ms) {.operation = "PutItem", .contains = "#burned#" #first "\"", .after_ms = ms}

typedef struct Case
{
	const char *what;
	int64_t		ids[MOST_IDS];	/* 0 ends them */
	int			max_parallel;
	int			most_in_flight;
	int64_t		longest_ms;		/* that it takes */
	Exchange	exchanges[MOST_EXCHANGES];
} Case;

static const Case cases[] = {
	{"one id", {7}, 4, 1, 0, {NOTE(7, 1)}},
	{"ids in a row, in any order", {9, 7, 8}, 4, 1, 0, {NOTE(7, 3)}},
	{"two runs", {1, 2, 5}, 4, 2, 0, {NOTE(1, 2), NOTE(5, 1)}},
	{"no more at once than may be", {1, 3, 5}, 2, 2, 20, {SLOW(1, 10), SLOW(3, 10), SLOW(5, 10)}},
	{"one after the other", {1, 3}, 1, 1, 20, {SLOW(1, 10), SLOW(3, 10)}},
	{"one that is refused", {1, 3}, 4, 2, 0, {REFUSED("PutItem", AS_NOTE(1, 1), "AccessDeniedException", ""), NOTE(3, 1)}},
	{"none is answered", {1, 3}, 4, 2, PATIENCE_MS, {BROKEN("PutItem", AS_NOTE(1, 1), FAULT_SILENT), BROKEN("PutItem", AS_NOTE(3, 1), FAULT_SILENT)}},
	{"patience begins anew with each answer", {1, 3}, 1, 1, 1500 + PATIENCE_MS, {SLOW(1, 1500), BROKEN("PutItem", AS_NOTE(3, 1), FAULT_SILENT)}},
};

/* false when there was no memory to begin with. */
static bool
run_case(const Case *one, int64_t *took_ms)
{
	BurnList	list = {0};
	BurnOperation *burn = NULL;
	Client	   *client;
	bool		is_begun;

	SCRIPT_OF(one);
	*took_ms = -http_now_ms();
	client = script_client(1, 16);
	for (size_t i = 0; i < MOST_IDS && one->ids[i] != 0 && client != NULL; i++)
		burn_add(&list, one->ids[i]);
	if (client != NULL)
		burn = burn_start(client, &names, &list, one->max_parallel, PATIENCE_MS, NULL);
	is_begun = burn != NULL;
	if (is_begun)
		assert_int_equal(RUN(client, burn_step(burn)), STEP_DONE);
	*took_ms += http_now_ms();
	burn_operation_free(burn);
	burn_free(&list);
	client_free(client);
	return is_begun;
}

static void
each_run_of_ids_is_noted(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int64_t		took_ms;

		print_message("%s\n", cases[i].what);
		assert_true(run_case(&cases[i], &took_ms));
		script_end();
		assert_int_equal(script_most_in_flight(), cases[i].most_in_flight);
		assert_int_equal(took_ms, cases[i].longest_ms);
	}
}

static void
nothing_to_note_is_no_operation(void **state)
{
	BurnList	list = {0};

	assert_null(burn_start(NULL, &names, &list, 4, PATIENCE_MS, NULL));
}

/* Memory that runs out costs a note, and holds nobody up. */
static void
without_memory_it_ends_all_the_same(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		FOR_EACH_ALLOCATION_FAILING({
			int64_t		took_ms;

			run_case(&cases[i], &took_ms);
			assert_true(took_ms <= cases[i].longest_ms + PATIENCE_MS);
		});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_run_of_ids_is_noted),
		cmocka_unit_test(nothing_to_note_is_no_operation),
		cmocka_unit_test(without_memory_it_ends_all_the_same),
	};

	return cmocka_run_group_tests_name("burn", tests, NULL, NULL);
}
