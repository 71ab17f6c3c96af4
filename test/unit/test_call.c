/*
 * call: from a request to its answer. How often it is sent, when, with what time and keys, and what it has cost; and
 * never is a request said to have done nothing that may have done something.
 */
#include "script.h"

#include "dynamodb/call.h"
#include "dynamodb/call_context.h"
#include "dynamodb/json.h"

#define MOST_EXCHANGES 6
#define PUT(answer) ANSWERED("PutItem", NULL, answer)
#define ERROR(code) REFUSED("PutItem", NULL, code, "")
#define FAULTY(fault) BROKEN("PutItem", NULL, fault)
#define BAD {.operation = "PutItem", .answer = "no", .status = 200}
#define GATEWAY {.operation = "PutItem", .answer = "<html>no</html>", .status = 503}
#define HOUR_MS INT64_C(3600000)
#define SCRIPT_DATE INT64_C(1772323199000)

typedef struct Case
{
	const char *what;
	StepResult	result;
	FailureKind kind;			/* after FAILED */
	bool		in_doubt;		/* it may have happened */
	Exchange	exchanges[MOST_EXCHANGES];
} Case;

/* With four attempts. */
static const Case cases[] = {
	{"an answer", STEP_DONE, 0, false, {PUT("{}")}},
	{"the first good answer ends it", STEP_DONE, 0, true, {FAULTY(FAULT_LOST), ERROR("ThrottlingException"), FAULTY(FAULT_UNREACHED), PUT("{}")}},
	{"four times not reached", STEP_FAILED, FAILURE_UNREACHABLE, false,
	{FAULTY(FAULT_UNREACHED), FAULTY(FAULT_UNREACHED), FAULTY(FAULT_UNREACHED), FAULTY(FAULT_UNREACHED)}},
	{"four times lost", STEP_FAILED, FAILURE_UNREACHABLE, true,
	{FAULTY(FAULT_LOST), FAULTY(FAULT_LOST), FAULTY(FAULT_LOST), FAULTY(FAULT_LOST)}},
	{"four times throttled", STEP_FAILED, FAILURE_THROTTLED, false,
	{ERROR("ThrottlingException"), ERROR("ProvisionedThroughputExceededException"), ERROR("RequestLimitExceeded"), ERROR("ThrottlingException")}},
	{"a refusal after a lost answer leaves the doubt", STEP_FAILED, FAILURE_CONDITION, true,
	{FAULTY(FAULT_LOST), ERROR("ConditionalCheckFailedException")}},
	{"a refusal is not repeated", STEP_FAILED, FAILURE_CONDITION, false, {ERROR("ConditionalCheckFailedException")}},
	{"nor is what is malformed", STEP_FAILED, FAILURE_OTHER, false, {ERROR("ValidationException")}},
	{"nor what is denied", STEP_FAILED, FAILURE_ACCESS_DENIED, false, {ERROR("AccessDeniedException")}},
	{"a conflict with a transaction is", STEP_DONE, 0, false, {ERROR("TransactionConflictException"), PUT("{}")}},
	{"an answer that is none is", STEP_DONE, 0, true, {BAD, PUT("{}")}},
	{"so is a gateway's", STEP_DONE, 0, true, {GATEWAY, PUT("{}")}},
	{"answers that are none leave a doubt", STEP_FAILED, FAILURE_BAD_ANSWER, true, {BAD, BAD, BAD, BAD}},
};

static Call *
start_with(Client *client, Operation operation, const CallSettings *settings, const char *text, Usage *usage)
{
	ByteBuffer	body = {0};
	Call	   *call;

	buffer_puts(&body, text);
	call = call_start_with(client, operation, &body, settings, usage);
	buffer_free(&body);
	return call;
}

static Call *
start(Client *client, Operation operation, const char *text, Usage *usage)
{
	return start_with(client, operation, &(CallSettings) {0}, text, usage);
}

static void
answers_decide_how_it_ends(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Case *one = &cases[i];
		Client	   *client;
		Call	   *call;

		print_message("%s\n", one->what);
		SCRIPT_OF(one);
		client = script_client(4, 1);
		call = start(client, OPERATION_PUT_ITEM, "{}", NULL);
		assert_int_equal(RUN(client, call_step(call)), one->result);
		if (one->result == STEP_FAILED)
			assert_int_equal(call_failure(call)->kind, one->kind);
		assert_int_equal(call_may_have_happened(call), one->in_doubt);
		script_end();
		call_free(call);
		client_free(client);
	}
}

static void
what_it_costs_is_counted(void **state)
{
	Usage		usage = {0};
	Client	   *client;
	Call	   *call;

	SCRIPT(REFUSED("Query", NULL, "ThrottlingException", ""), BROKEN("Query", NULL, FAULT_LOST),
		   ANSWERED("Query", NULL, "{\"Items\":[],\"Count\":0,\"ScannedCount\":7,\"ConsumedCapacity\":{\"TableName\":\"t\",\"CapacityUnits\":2.5}}"));
	client = script_client(4, 1);
	call = start(client, OPERATION_QUERY, "{\"a\":1}", &usage);
	assert_int_equal(RUN(client, call_step(call)), STEP_DONE);
	script_end();
	assert_int_equal(usage.requests, 3);
	assert_int_equal(usage.retries, 2);
	assert_int_equal(usage.throttles, 1);
	assert_int_equal(usage.bytes_sent, 3 * 7);
	assert_int_equal(usage.items, 7);
	assert_true(usage.read_units == 2.5 && usage.write_units == 0);
	call_free(call);
	client_free(client);
}

/* For whoever asks: each attempt, throttle and retry, with what it is about; nothing of the body but the table. */
static void
what_happens_is_written_down(void **state)
{
	Client	   *client;
	Call	   *call;
	Journal    *journal;

	SCRIPT(REFUSED("Query", NULL, "ThrottlingException", ""), BROKEN("Query", NULL, FAULT_LOST),
		   ANSWERED("Query", NULL, "{\"Items\":[],\"ConsumedCapacity\":{\"TableName\":\"t\",\"CapacityUnits\":2.5}}"));
	client = script_client(4, 8);
	journal = client_journal(client);
	journal->level = JOURNAL_ALL;
	call = start(client, OPERATION_QUERY, "{\"TableName\":\"orders\",\"Key\":{\"a\":{\"S\":\"hush\"}}}", NULL);
	assert_int_equal(RUN(client, call_step(call)), STEP_DONE);
	script_end();
	assert_int_equal(journal->count, 6);
	for (size_t i = 0; i < journal->count; i++)
	{
		static const EventKind kinds[] = {EVENT_REQUEST, EVENT_THROTTLE, EVENT_RETRY, EVENT_REQUEST, EVENT_RETRY, EVENT_REQUEST};
		static const int attempts[] = {1, 1, 1, 2, 2, 3};
		const Event *event = &journal->events[i];

		assert_int_equal(event->kind, kinds[i]);
		assert_int_equal(event->attempt, attempts[i]);
		assert_string_equal(event->operation, "Query");
		assert_string_equal(event->table, "orders");
		assert_string_equal(event->code, i < 3 ? "ThrottlingException" : "");
		assert_int_equal(event->failed, i < 5);
	}
	assert_int_equal(journal->events[1].window, 4);
	assert_true(journal->events[5].units == 2.5);
	assert_int_equal(journal->lost, 0);
	call_free(call);
	client_free(client);
}

/* And for nobody else: no event is put together, and no memory taken. */
static void
nothing_is_written_down_unasked(void **state)
{
	for (JournalLevel level = JOURNAL_OFF; level <= JOURNAL_TROUBLE; level++)
	{
		Client	   *client;
		Call	   *call;
		Journal    *journal;

		SCRIPT(BROKEN("PutItem", NULL, FAULT_LOST), ANSWERED("PutItem", NULL, "{}"));
		client = script_client(4, 1);
		journal = client_journal(client);
		journal->level = level;
		call = start(client, OPERATION_PUT_ITEM, "{}", NULL);
		assert_int_equal(RUN(client, call_step(call)), STEP_DONE);
		script_end();
		assert_int_equal(journal->count, level == JOURNAL_OFF ? 0 : 1);
		assert_int_equal(journal->capacity > 0, level != JOURNAL_OFF);
		call_free(call);
		client_free(client);
	}
}

/* A journal that nobody reads does not grow for ever, and one without memory says what it has lost. */
static void
a_journal_has_an_end(void **state)
{
	Journal		journal = {.level = JOURNAL_ALL};
	Event		event = {.kind = EVENT_REQUEST};

	for (int i = 0; i < 2000; i++)
		journal_add(&journal, &event);
	assert_int_equal(journal.count + journal.lost, 2000);
	assert_true(journal.count <= 1024 && journal.lost > 0);
	journal_clear(&journal);
	assert_int_equal(journal.count + journal.lost, 0);
	journal_free(&journal);
	FOR_EACH_ALLOCATION_FAILING({
		Journal		poor = {.level = JOURNAL_ALL};

		journal_add(&poor, &event);
		assert_int_equal(poor.lost, memory_has_failed());
		journal_free(&poor);
	});
}

/* No attempt after the deadline: the last failure stands, and it is known when the next was due. */
static void
a_deadline_ends_the_attempts(void **state)
{
	Client	   *client;
	Call	   *call;

	SCRIPT(REFUSED("PutItem", NULL, "ThrottlingException", ""),
		   {.operation = "PutItem",.answer = ERROR_ANSWER("ThrottlingException", ""),.status = 400,.after_ms = 60000});
	client = script_client(10, 1);
	call = start_with(client, OPERATION_PUT_ITEM, &(CallSettings) {.deadline = http_now_ms() + 50000}, "{}", NULL);
	assert_int_equal(RUN(client, call_step(call)), STEP_FAILED);
	script_end();
	assert_int_equal(call_failure(call)->kind, FAILURE_THROTTLED);
	assert_true(call_retry_at(call) > 0);
	assert_int_equal(call_attempts(call), 2);
	call_free(call);
	client_free(client);
}

/* The attempts of an earlier call for the same thing count. */
static void
earlier_attempts_count(void **state)
{
	Client	   *client;
	Call	   *call;

	SCRIPT(REFUSED("PutItem", NULL, "ThrottlingException", ""), REFUSED("PutItem", NULL, "ThrottlingException", ""));
	client = script_client(4, 1);
	call = start_with(client, OPERATION_PUT_ITEM, &(CallSettings) {.attempts = 2}, "{}", NULL);
	assert_int_equal(RUN(client, call_step(call)), STEP_FAILED);
	script_end();
	assert_int_equal(call_attempts(call), 4);
	call_free(call);
	client_free(client);
}

static const char *
date_of(size_t request)
{
	static char date[17];
	const char *line = strstr(script_headers(request), "X-Amz-Date: ");

	assert_non_null(line);
	snprintf(date, sizeof(date), "%s", line + strlen("X-Amz-Date: "));
	return date;
}

/* A request that was refused for its time goes out once more, with the time that the answer told, beyond all attempts. */
static void
a_wrong_clock_is_corrected(void **state)
{
	Client	   *client;
	Call	   *call;

	SCRIPT({.operation = "PutItem",.answer = ERROR_ANSWER("InvalidSignatureException", ""),.status = 400,.date_ms = SCRIPT_DATE + 2 * HOUR_MS},
		   ANSWERED("PutItem", NULL, "{}"));
	client = script_client(1, 1);
	call = start(client, OPERATION_PUT_ITEM, "{}", NULL);
	assert_int_equal(RUN(client, call_step(call)), STEP_DONE);
	script_end();
	assert_string_equal(date_of(0), "20260228T235959Z");
	assert_string_equal(date_of(1), "20260301T015959Z");
	call_free(call);
	client_free(client);
}

/* A CallWriter: the body is the time, less that of the script's beginning, in hours. */
static void
write_hour(void *arg, int64_t at, ByteBuffer *body)
{
	buffer_printf(body, "{\"hour\":%d}", (int) ((at - SCRIPT_DATE + HOUR_MS / 2) / HOUR_MS));
	(*(int *) arg)++;
}

/* What the requests say, one after the other, of which this is the script; and how often a body was written. */
static void
check_hours(const char *const *expected, size_t count, int written_as_often)
{
	int			written = 0;
	Client	   *client = script_client(4, 1);
	const CallSettings settings = {.writer = write_hour, .writer_arg = &written};
	Call	   *call = call_start_with(client, OPERATION_PUT_ITEM, NULL, &settings, NULL);

	assert_int_equal(RUN(client, call_step(call)), STEP_DONE);
	script_end();
	assert_int_equal(script_requests(), count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(script_body(i), expected[i]);
	assert_int_equal(written, written_as_often);
	call_free(call);
	client_free(client);
}

#define CHECK_HOURS(written, ...) \
	check_hours((const char *const[]) {__VA_ARGS__}, sizeof((const char *const[]) {__VA_ARGS__}) / sizeof(char *), written)
#define TOO_EARLY {.operation = "PutItem",.answer = ERROR_ANSWER("InvalidSignatureException", ""),.status = 400,.date_ms = SCRIPT_DATE + 2 * HOUR_MS}

/* A body that names its time is written anew when that was wrong, but not once it may have been carried out. */
static void
a_wrong_time_is_not_sent_again(void **state)
{
	SCRIPT(TOO_EARLY, ANSWERED("PutItem", NULL, "{}"));
	CHECK_HOURS(2, "{\"hour\":0}", "{\"hour\":2}");
	SCRIPT(REFUSED("PutItem", NULL, "ThrottlingException", ""), TOO_EARLY, ANSWERED("PutItem", NULL, "{}"));
	CHECK_HOURS(2, "{\"hour\":0}", "{\"hour\":0}", "{\"hour\":2}");
	SCRIPT(BROKEN("PutItem", NULL, FAULT_LOST), TOO_EARLY, ANSWERED("PutItem", NULL, "{}"));
	CHECK_HOURS(1, "{\"hour\":0}", "{\"hour\":0}", "{\"hour\":0}");
	SCRIPT(BROKEN("PutItem", NULL, FAULT_UNREACHED), TOO_EARLY, ANSWERED("PutItem", NULL, "{}"));
	CHECK_HOURS(2, "{\"hour\":0}", "{\"hour\":0}", "{\"hour\":2}");
}

/* Whatever stands in between tells no time. */
static void
only_the_service_tells_the_time(void **state)
{
	SCRIPT({.operation = "PutItem",.answer = "<html>",.status = 503,.date_ms = SCRIPT_DATE + 2 * HOUR_MS}, ANSWERED("PutItem", NULL, "{}"));
	CHECK_HOURS(1, "{\"hour\":0}", "{\"hour\":0}");
	assert_string_equal(date_of(1), "20260228T235959Z");
	SCRIPT({.operation = "PutItem",.answer = ERROR_ANSWER("InternalServerError", ""),.status = 500,.foreign = true,.date_ms = SCRIPT_DATE + 2 * HOUR_MS},
		   ANSWERED("PutItem", NULL, "{}"));
	CHECK_HOURS(1, "{\"hour\":0}", "{\"hour\":0}");
	assert_string_equal(date_of(1), "20260228T235959Z");
}

/* Attempts come no sooner than their pauses, which grow, and are the longer where DynamoDB throttles. */
static void
pauses_grow_to_their_bound(void **state)
{
	int64_t		longest = 0;

	for (int round = 0; round < 50; round++)
	{
		int64_t		began;
		Client	   *client;
		Call	   *call;

		SCRIPT(REFUSED("PutItem", NULL, "ThrottlingException", ""), REFUSED("PutItem", NULL, "ThrottlingException", ""),
			   ANSWERED("PutItem", NULL, "{}"));
		client = script_client(4, 1);
		began = http_now_ms();
		call = start(client, OPERATION_PUT_ITEM, "{}", NULL);
		assert_int_equal(RUN(client, call_step(call)), STEP_DONE);
		script_end();
		assert_true(http_now_ms() - began <= 1000 + 2000 + 2);
		longest = http_now_ms() - began > longest ? http_now_ms() - began : longest;
		call_free(call);
		client_free(client);
	}
	assert_true(longest > 1000);
}

/* A page is kept as it came until it is asked for; a page and an answer are not confused. */
static void
a_page_is_parsed_as_one(void **state)
{
	Client	   *client;
	Call	   *call;
	ItemPage   *page;

	SCRIPT(ANSWERED("Query", NULL, "{\"Items\":[{\"a\":{\"S\":\"x\"}}],\"Count\":1,\"ScannedCount\":1}"));
	client = script_client(1, 1);
	call = start_with(client, OPERATION_QUERY, &(CallSettings) {.expects_page = true}, "{}", NULL);
	while (!call_has_arrived(call))
		script_wait(client);
	assert_int_equal(call_step(call), STEP_DONE);
	page = call_take_page(call);
	assert_non_null(page);
	assert_int_equal(page_count(page), 1);
	assert_null(call_take_page(call));
	page_free(page);
	call_free(call);
	client_free(client);
}

/* Requests of one client run side by side. */
static void
calls_run_side_by_side(void **state)
{
	Call	   *calls[3];
	Client	   *client;

	SCRIPT(ANSWERED("PutItem", "a", "{}"), ANSWERED("PutItem", "b", "{}"), ANSWERED("PutItem", "c", "{}"));
	client = script_client(1, 3);
	calls[0] = start(client, OPERATION_PUT_ITEM, "a", NULL);
	calls[1] = start(client, OPERATION_PUT_ITEM, "b", NULL);
	calls[2] = start(client, OPERATION_PUT_ITEM, "c", NULL);
	assert_int_equal(client_in_flight(client), 3);
	for (int i = 0; i < 3; i++)
	{
		assert_int_equal(RUN(client, call_step(calls[i])), STEP_DONE);
		call_free(calls[i]);
	}
	assert_int_equal(script_most_in_flight(), 3);
	client_free(client);
}

/* What all calls cost is known by operation, also of those that are given up; and what most of them wait for. */
static void
totals_are_by_operation(void **state)
{
	Usage		totals[OPERATIONS] = {0};
	Call	   *calls[4];
	Client	   *client;

	SCRIPT(ANSWERED("PutItem", "a", "{\"ConsumedCapacity\":{\"TableName\":\"t\",\"CapacityUnits\":2}}"), ANSWERED("PutItem", "b", "{}"),
		   ANSWERED("GetItem", "c", "{\"ConsumedCapacity\":{\"TableName\":\"t\",\"CapacityUnits\":0.5}}"), ANSWERED("Query", "d", "{}"));
	client = script_client(1, 4);
	client_call_context(client)->totals = totals;
	assert_int_equal(client_awaited_operation(client), OPERATIONS);
	calls[0] = start(client, OPERATION_PUT_ITEM, "a", NULL);
	calls[1] = start(client, OPERATION_PUT_ITEM, "b", NULL);
	calls[2] = start(client, OPERATION_GET_ITEM, "c", NULL);
	calls[3] = start(client, OPERATION_QUERY, "d", NULL);
	assert_int_equal(client_awaited_operation(client), OPERATION_PUT_ITEM);
	for (int i = 0; i < 3; i++)
		assert_int_equal(RUN(client, call_step(calls[i])), STEP_DONE);
	assert_int_equal(client_awaited_operation(client), OPERATION_QUERY);
	for (int i = 0; i < 4; i++)
		call_free(calls[i]);
	assert_int_equal(client_awaited_operation(client), OPERATIONS);
	assert_int_equal(totals[OPERATION_PUT_ITEM].requests, 2);
	assert_true(totals[OPERATION_PUT_ITEM].write_units == 2);
	assert_int_equal(totals[OPERATION_GET_ITEM].requests, 1);
	assert_true(totals[OPERATION_GET_ITEM].read_units == 0.5);
	assert_int_equal(totals[OPERATION_GET_ITEM].abandoned, 0);
	assert_int_equal(totals[OPERATION_QUERY].requests, 1);
	assert_int_equal(totals[OPERATION_QUERY].abandoned, 1);
	client_free(client);
}

/* true when a request that was made has done its work, or may have. */
static bool
may_have_worked(const Case *one)
{
	for (size_t i = 0; i < EXCHANGES_OF(one->exchanges); i++)
		if (script_used(i) && (one->exchanges[i].fault == FAULT_LOST
							   || (one->exchanges[i].fault == FAULT_NONE && one->exchanges[i].status == 0)))
			return true;
	return false;
}

static void
without_memory_no_doubt_is_lost(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		FOR_EACH_ALLOCATION_FAILING({
			Client	   *client;
			Call	   *call;

			SCRIPT_OF(&cases[i]);
			client = script_client(4, 1);
			call = client != NULL ? start(client, OPERATION_PUT_ITEM, "{}", NULL) : NULL;
			if (call != NULL && RUN(client, call_step(call)) == STEP_FAILED)
				assert_true(call_may_have_happened(call) || !may_have_worked(&cases[i]));
			call_free(call);
			client_free(client);
		});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_decide_how_it_ends),
		cmocka_unit_test(what_it_costs_is_counted),
		cmocka_unit_test(what_happens_is_written_down),
		cmocka_unit_test(nothing_is_written_down_unasked),
		cmocka_unit_test(a_journal_has_an_end),
		cmocka_unit_test(a_deadline_ends_the_attempts),
		cmocka_unit_test(earlier_attempts_count),
		cmocka_unit_test(a_wrong_clock_is_corrected),
		cmocka_unit_test(a_wrong_time_is_not_sent_again),
		cmocka_unit_test(only_the_service_tells_the_time),
		cmocka_unit_test(pauses_grow_to_their_bound),
		cmocka_unit_test(a_page_is_parsed_as_one),
		cmocka_unit_test(calls_run_side_by_side),
		cmocka_unit_test(totals_are_by_operation),
		cmocka_unit_test(without_memory_no_doubt_is_lost),
	};

	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
