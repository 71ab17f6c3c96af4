/*
 * A bulk append to an endpoint that is far, near, or at its limit: how many requests are under way, and how long it takes, by a
 * virtual clock. How the window itself decides is test_window's.
 */
#include "script.h"

#include "store/append.h"

#define ROWS_OF_BATCH 400		/* as an INSERT hands them over */

static const StoreNames names = {.commit_table = "commits", .commit_index = "byId", .counter_table = "counters", .counter = "commits"};

/* It has an answer ready after a while, and works on one request at a time. */
typedef struct Endpoint
{
	int			distance_ms;
	int			work_ms;
	int64_t		free_at;		/* http_now_ms */
	int64_t		counter;
	int			puts;
} Endpoint;

static void
answer_ids(Endpoint *endpoint, const char *body, ByteBuffer *answer)
{
	const char *count = strstr(body, "\":0\":{\"N\":\"");

	assert_non_null(count);
	endpoint->counter += strtoll(count + strlen("\":0\":{\"N\":\""), NULL, 10);
	buffer_printf(answer, "{\"Attributes\":{\"id\":{\"N\":\"%lld\"}}}", (long long) endpoint->counter);
}

/* A Responder. */
static void
endpoint_answer(void *arg, const char *operation, const char *body, Exchange *exchange, ByteBuffer *answer)
{
	Endpoint   *endpoint = arg;
	int64_t		now = http_now_ms();

	if (strcmp(operation, "UpdateItem") == 0)
		answer_ids(endpoint, body, answer);
	else
	{
		assert_string_equal(operation, "PutItem");
		buffer_puts(answer, "{}");
		endpoint->puts++;
	}
	endpoint->free_at = (endpoint->free_at > now ? endpoint->free_at : now) + endpoint->work_ms;
	exchange->after_ms = (int) (endpoint->free_at - now) + endpoint->distance_ms;
}

static void
append_batch(Client *client, int first)
{
	static AppendRow rows[ROWS_OF_BATCH];
	static char ids[ROWS_OF_BATCH][24];
	const AppendSettings settings = {.ids_at_once = 100, .burn_notes = true, .max_parallel = 64, .deadline_ms = 20000, .max_version = INT64_MAX};
	AppendOperation *append;
	Usage		usage = {0};

	memset(rows, 0, sizeof(rows));
	for (int i = 0; i < ROWS_OF_BATCH; i++)
		rows[i].commit = (Commit) {.aggregate_id = ids[i], .aggregate_id_length = (size_t) snprintf(ids[i], sizeof(ids[i]), "a-%d", first + i),
			.events = "[]", .events_length = 2};
	append = append_start(client, &names, &settings, rows, ROWS_OF_BATCH, &usage);
	assert_int_equal(RUN(client, append_step(append)), STEP_DONE);
	for (int i = 0; i < ROWS_OF_BATCH; i++)
		assert_int_equal(rows[i].commit.commit_id, first + i + 1);
	append_free(append);
}

/* How long so many rows take, ms. */
static int
time_of(Endpoint endpoint, int max_connections, int rows)
{
	Client	   *client;
	int			took;

	script_begin_serving(endpoint_answer, &endpoint);
	client = script_client(4, max_connections);
	took = (int) -http_now_ms();
	for (int first = 0; first < rows; first += ROWS_OF_BATCH)
		append_batch(client, first);
	took += (int) http_now_ms();
	assert_int_equal(endpoint.puts, rows);
	client_free(client);
	return took;
}

static void
ten_thousand_rows_to_a_far_endpoint_take_two_fifths(void **state)
{
	const Endpoint far_away = {.distance_ms = 20};
	int			usual = time_of(far_away, 16, 10000);
	int			wide;

	assert_int_equal(script_most_in_flight(), 16 + 1);	/* puts, and the ADD for the next ids */
	wide = time_of(far_away, 64, 10000);
	assert_int_equal(script_most_in_flight(), 64 + 1);
	assert_true(wide * 5 <= usual * 2);
}

static void
an_engine_that_works_on_one_at_a_time_is_not_asked_for_more(void **state)
{
	const Endpoint near_by = {.work_ms = 1};
	int			usual = time_of(near_by, 16, 4000);
	int			wide = time_of(near_by, 64, 4000);

	assert_true(wide <= usual + usual / 100);
	assert_true(script_most_in_flight() <= 32 + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_rows_to_a_far_endpoint_take_two_fifths),
		cmocka_unit_test(an_engine_that_works_on_one_at_a_time_is_not_asked_for_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
