/*
 * put: from the answers to a commit's put to what became of the commit. What is said to be stored is, and nothing that
 * may still arrive is called refused.
 */
#include "script.h"

#include "store/put.h"

static const StoreNames names = {.commit_table = "commits", .commit_index = "byId", .counter_table = "counters", .counter = "commits"};

#define NOT_LATER 100000		/* ms from the beginning of the script's clock */
#define OWN_ITEM "{\"aggregateId\":{\"S\":\"a\"},\"version\":{\"N\":\"3\"},\"commitId\":{\"N\":\"17\"},\"committedAt\":{\"N\":\"" SCRIPT_EPOCH_TEXT "\"}," \
	"\"events\":{\"S\":\"[]\"},\"active\":{\"S\":\"t\"}}"
#define OTHER_ITEM "{\"aggregateId\":{\"S\":\"a\"},\"version\":{\"N\":\"3\"},\"commitId\":{\"N\":\"16\"},\"committedAt\":{\"N\":\"" SCRIPT_EPOCH_TEXT "\"}," \
	"\"events\":{\"S\":\"[]\"},\"active\":{\"S\":\"t\"}}"

#define SAME_ID(attributes) "{\"aggregateId\":{\"S\":\"a\"},\"version\":{\"N\":\"3\"},\"commitId\":{\"N\":\"17\"}," attributes "}"

#define STORED ANSWERED("PutItem", "\"commitId\":{\"N\":\"17\"}", "{}")
#define ERROR(code) REFUSED("PutItem", NULL, code, "")
#define CONDITION(more) REFUSED("PutItem", "attribute_not_exists", "ConditionalCheckFailedException", more)
#define FAULTY(fault) BROKEN("PutItem", NULL, fault)
#define LOOK(answer) ANSWERED("GetItem", "\"ConsistentRead\":true", answer)
#define MOST_EXCHANGES 6

typedef struct Case
{
	const char *what;
	PutOutcome	outcome;
	FailureKind kind;			/* of PUT_REFUSED and PUT_UNKNOWN */
	Exchange	exchanges[MOST_EXCHANGES];
} Case;

static const Case cases[] = {
	{"an answer", PUT_STORED, 0, {STORED}},
	{"a passing error, then an answer", PUT_STORED, 0, {ERROR("InternalServerError"), STORED}},
	{"another's item, shown", PUT_TAKEN, 0, {CONDITION(",\"Item\":" OTHER_ITEM)}},
	{"its own item, shown", PUT_STORED, 0, {CONDITION(",\"Item\":" OWN_ITEM)}},
	{"another's item, looked at", PUT_TAKEN, 0, {CONDITION(""), LOOK("{\"Item\":" OTHER_ITEM "}")}},
	{"its own item, looked at", PUT_STORED, 0, {CONDITION(""), LOOK("{\"Item\":" OWN_ITEM "}")}},
	{"an item with its id and other events, shown", PUT_ID_TWICE, 0,
	{CONDITION(",\"Item\":" SAME_ID("\"committedAt\":{\"N\":\"" SCRIPT_EPOCH_TEXT "\"},\"events\":{\"S\":\"[1]\"},\"active\":{\"S\":\"t\"}"))}},
	{"an item with its id and another time, looked at", PUT_ID_TWICE, 0,
	{CONDITION(""), LOOK("{\"Item\":" SAME_ID("\"committedAt\":{\"N\":\"6\"},\"events\":{\"S\":\"[]\"},\"active\":{\"S\":\"t\"}") "}")}},
	{"an item with its id and no events, after lost answers", PUT_ID_TWICE, 0,
	{FAULTY(FAULT_LOST), FAULTY(FAULT_LOST), FAULTY(FAULT_LOST),
	LOOK("{\"Item\":" SAME_ID("\"committedAt\":{\"N\":\"" SCRIPT_EPOCH_TEXT "\"},\"active\":{\"S\":\"t\"}") "}")}},
	{"its own item, its numbers written otherwise, and more beside it", PUT_STORED, 0,
	{CONDITION(",\"Item\":{\"aggregateId\":{\"S\":\"a\"},\"version\":{\"N\":\"3.0\"},\"commitId\":{\"N\":\"1.7E1\"},\"committedAt\":{\"N\":\"" SCRIPT_EPOCH_TEXT "\"},"
			   "\"events\":{\"S\":\"[]\"},\"active\":{\"S\":\"t\"},\"added\":{\"S\":\"later\"}}")}},
	{"a look that finds nothing", PUT_UNKNOWN, FAILURE_UNKNOWN_FATE, {CONDITION(""), LOOK("{}")}},
	{"a look that is refused", PUT_UNKNOWN, FAILURE_ACCESS_DENIED,
	{CONDITION(""), REFUSED("GetItem", NULL, "AccessDeniedException", "")}},
	{"a lost answer, then its own item", PUT_STORED, 0, {FAULTY(FAULT_LOST), CONDITION(",\"Item\":" OWN_ITEM)}},
	{"a lost answer, then another's item", PUT_TAKEN, 0, {FAULTY(FAULT_LOST), CONDITION(",\"Item\":" OTHER_ITEM)}},
	{"a refusal", PUT_REFUSED, FAILURE_NOT_FOUND, {ERROR("ResourceNotFoundException")}},
	{"throttled to the end", PUT_REFUSED, FAILURE_THROTTLED, {ERROR("ThrottlingException"), ERROR("ThrottlingException"), ERROR("ThrottlingException")}},
	{"never reached", PUT_REFUSED, FAILURE_UNREACHABLE, {FAULTY(FAULT_UNREACHED), FAULTY(FAULT_UNREACHED), FAULTY(FAULT_UNREACHED)}},
	{"all answers lost, its own item is there", PUT_STORED, 0,
	{FAULTY(FAULT_LOST), FAULTY(FAULT_LOST), FAULTY(FAULT_LOST), LOOK("{\"Item\":" OWN_ITEM "}")}},
	{"all answers lost, another's item is there", PUT_TAKEN, 0,
	{FAULTY(FAULT_LOST), FAULTY(FAULT_LOST), FAULTY(FAULT_LOST), LOOK("{\"Item\":" OTHER_ITEM "}")}},
	{"all answers lost, nothing is there", PUT_UNKNOWN, FAILURE_UNREACHABLE,
	{FAULTY(FAULT_LOST), FAULTY(FAULT_LOST), FAULTY(FAULT_LOST), LOOK("{}")}},
	{"all answers lost, and of the look nothing is heard", PUT_UNKNOWN, FAILURE_UNREACHABLE,
	{FAULTY(FAULT_LOST), FAULTY(FAULT_LOST), FAULTY(FAULT_LOST), BROKEN("GetItem", NULL, FAULT_SILENT)}},
	{"one answer lost, then refused", PUT_UNKNOWN, FAILURE_ACCESS_DENIED,
	{FAULTY(FAULT_LOST), ERROR("AccessDeniedException"), LOOK("{}")}},
	{"one answer lost, then throttled to the end, and stored", PUT_STORED, 0,
	{FAULTY(FAULT_LOST), ERROR("ThrottlingException"), ERROR("ThrottlingException"), LOOK("{\"Item\":" OWN_ITEM "}")}},
	{"an answer that is not DynamoDB's", PUT_UNKNOWN, FAILURE_BAD_ANSWER,
	{ANSWERED("PutItem", NULL, "<html>"), ANSWERED("PutItem", NULL, "<html>"), ANSWERED("PutItem", NULL, "<html>"), LOOK("{}")}},
};

/* The outcome; *failure where there is one. NULL client or operation: memory ran out. */
static PutOutcome
run_case(const Case *one, Failure *failure)
{
	Commit		commit = {
		.aggregate_id = "a", .aggregate_id_length = 1, .version = 3, .commit_id = 17, .committed_at = 5,
		.events = "[]", .events_length = 2
	};
	PutOutcome	outcome = PUT_REFUSED;
	PutOperation *put;
	Client	   *client;

	failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	SCRIPT_OF(one);
	client = script_client(3, 16);
	put = client != NULL ? put_start(client, &names, &commit, http_now_ms() + NOT_LATER, 0, NULL) : NULL;
	if (put != NULL)
	{
		RUN(client, put_step(put));
		outcome = put_outcome(put);
		*failure = *put_failure(put);
	}
	put_free(put);
	client_free(client);
	return outcome;
}

static void
answers_decide_what_became_of_it(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Failure		failure;

		print_message("%s\n", cases[i].what);
		assert_int_equal(run_case(&cases[i], &failure), cases[i].outcome);
		if (cases[i].outcome == PUT_REFUSED || cases[i].outcome == PUT_UNKNOWN)
			assert_int_equal(failure.kind, cases[i].kind);
		script_end();
	}
}

/* true when a request that was made has stored it, or may have: it was answered as good, or its answer was lost. */
static bool
may_be_stored(const Case *one)
{
	for (size_t i = 0; i < EXCHANGES_OF(one->exchanges); i++)
		if (script_used(i) && strcmp(one->exchanges[i].operation, "PutItem") == 0
			&& (one->exchanges[i].fault == FAULT_LOST || (one->exchanges[i].fault == FAULT_NONE && one->exchanges[i].status == 0)))
			return true;
	return false;
}

/* Memory that runs out makes nothing stored that is not, and refuses nothing that may be stored. */
static void
without_memory_nothing_is_claimed(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		FOR_EACH_ALLOCATION_FAILING({
			Failure		failure;
			PutOutcome	outcome = run_case(&cases[i], &failure);

			if (outcome == PUT_STORED)
				assert_int_equal(cases[i].outcome, PUT_STORED);
			if (outcome == PUT_REFUSED)
				assert_false(may_be_stored(&cases[i]));
		});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_decide_what_became_of_it),
		cmocka_unit_test(without_memory_nothing_is_claimed),
	};

	return cmocka_run_group_tests_name("put", tests, NULL, NULL);
}
