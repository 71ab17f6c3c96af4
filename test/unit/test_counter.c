/*
 * counter: each request that touches the counter's item or a note says what it is to, and each such item is read for what it
 * is: nothing that is no last commit id passes for one.
 */
#include "body.h"

#include "dynamodb/json.h"
#include "dynamodb/request.h"
#include "store/counter.h"

static const StoreNames names = {.commit_table = "commits", .commit_index = "byId", .counter_table = "counters", .counter = "com\"mits"};

#define KEY "'TableName':'counters','Key':{'name':{'S':'com\\'mits'}}"

static void
a_counter_is_added_to_read_and_made(void **state)
{
	ByteBuffer	body = {0};

	counter_write_take(&body, &names, 25);
	assert_body(&body, "{" KEY ",'UpdateExpression':'ADD #0 :0',"
				"'ExpressionAttributeNames':{'#0':'id'},'ExpressionAttributeValues':{':0':{'N':'25'}},"
				"'ReturnValues':'UPDATED_NEW','ReturnConsumedCapacity':'TOTAL'}");
	counter_write_get(&body, &names);
	assert_body(&body, "{" KEY ",'ConsistentRead':true,'ReturnConsumedCapacity':'TOTAL'}");
	counter_write_put_new(&body, &names, INT64_MAX);
	assert_body(&body, "{'TableName':'counters','Item':{'name':{'S':'com\\'mits'},'id':{'N':'9223372036854775807'}},"
				"'ConditionExpression':'attribute_not_exists(#0)','ExpressionAttributeNames':{'#0':'name'},"
				"'ReturnValuesOnConditionCheckFailure':'ALL_OLD','ReturnConsumedCapacity':'TOTAL'}");
	counter_write_raise(&body, &names, 12);
	assert_body(&body, "{" KEY ",'UpdateExpression':'SET #0 = :0',"
				"'ConditionExpression':'attribute_not_exists(#0) OR #0 < :0','ExpressionAttributeNames':{'#0':'id'},"
				"'ExpressionAttributeValues':{':0':{'N':'12'}},'ReturnConsumedCapacity':'TOTAL'}");
	counter_write_list(&body, &names, NULL);
	assert_body(&body, "{'TableName':'counters','ProjectionExpression':'#0, #1, #2, #3',"
				"'ExpressionAttributeNames':{'#0':'name','#1':'id','#2':'droppedAt','#3':'n'},"
				"'ConsistentRead':true,'ReturnConsumedCapacity':'TOTAL'}");
}

static void
a_counter_is_retired_and_revived(void **state)
{
	ByteBuffer	body = {0};

	counter_write_retire(&body, &names);
	assert_body(&body, "{" KEY ",'UpdateExpression':'SET #0 = #1','ConditionExpression':'attribute_exists(#1)',"
				"'ExpressionAttributeNames':{'#0':'droppedAt','#1':'id'},'ReturnConsumedCapacity':'TOTAL'}");
	counter_write_revive(&body, &names);
	assert_body(&body, "{" KEY ",'UpdateExpression':'REMOVE #0','ExpressionAttributeNames':{'#0':'droppedAt'},"
				"'ReturnConsumedCapacity':'TOTAL'}");
}

static void
a_counter_moves_in_a_transaction(void **state)
{
	ByteBuffer	body = {0};

	request_transaction_open(&body);
	counter_write_move(&body, &names, 41, 42);
	request_transaction_close(&body, "token");
	assert_body(&body, "{'TransactItems':[{'Update':{" KEY ",'UpdateExpression':'SET #0 = :1',"
				"'ConditionExpression':'#0 = :0','ExpressionAttributeNames':{'#0':'id'},"
				"'ExpressionAttributeValues':{':0':{'N':'41'},':1':{'N':'42'}},'ReturnValuesOnConditionCheckFailure':'ALL_OLD'}}],"
				"'ClientRequestToken':'token','ReturnConsumedCapacity':'TOTAL'}");
}

static void
a_counter_that_is_expected_to_be_new_may_be_missing(void **state)
{
	ByteBuffer	body = {0};

	request_transaction_open(&body);
	counter_write_move(&body, &names, 0, 2);
	request_transaction_close(&body, "token");
	assert_body(&body, "{'TransactItems':[{'Update':{" KEY ",'UpdateExpression':'SET #0 = :1',"
				"'ConditionExpression':'attribute_not_exists(#0) OR #0 = :0','ExpressionAttributeNames':{'#0':'id'},"
				"'ExpressionAttributeValues':{':0':{'N':'0'},':1':{'N':'2'}},'ReturnValuesOnConditionCheckFailure':'ALL_OLD'}}],"
				"'ClientRequestToken':'token','ReturnConsumedCapacity':'TOTAL'}");
}

static void
a_note_is_put_and_asked_for_under_its_first_id(void **state)
{
	ByteBuffer	body = {0};

	counter_write_note(&body, &names, 17, 3);
	assert_body(&body, "{'TableName':'counters','Item':{'name':{'S':'com\\'mits#burned#17'},'n':{'N':'3'}},"
				"'ReturnConsumedCapacity':'TOTAL'}");
	counter_write_note_get(&body, &names, 17);
	assert_body(&body, "{'TableName':'counters','Key':{'name':{'S':'com\\'mits#burned#17'}},'ReturnConsumedCapacity':'TOTAL'}");
}

static bool
head_of(const char *text, int64_t *head)
{
	cJSON	   *item = cJSON_Parse(text);
	bool		is_read = counter_read_head(item, head);

	cJSON_Delete(item);
	return is_read;
}

static void
a_head_is_read_or_is_none(void **state)
{
	int64_t		head = -7;

	assert_true(head_of("{\"name\":{\"S\":\"commits\"},\"id\":{\"N\":\"1.2E1\"}}", &head));
	assert_int_equal(head, 12);
	assert_true(head_of("{\"name\":{\"S\":\"commits\"}}", &head));
	assert_int_equal(head, 0);
	assert_false(head_of("{\"id\":{\"S\":\"12\"}}", &head));
	assert_false(head_of("{\"id\":{\"N\":\"1.5\"}}", &head));
	assert_false(head_of("{\"id\":{\"N\":\"-1\"}}", &head));
	assert_false(head_of("{\"id\":{\"N\":\"9223372036854775808\"}}", &head));
	assert_false(counter_read_head(NULL, &head));
	assert_int_equal(head, 0);
}

static void
check_content(const char *text, CounterContent expected)
{
	cJSON	   *item = cJSON_Parse(text);
	int64_t		id;

	assert_int_equal(counter_read(item, &id), expected);
	cJSON_Delete(item);
}

static void
an_item_is_told_for_what_it_holds(void **state)
{
	check_content("nothing", COUNTER_NOTHING);
	check_content("{\"name\":{\"S\":\"commits\"}}", COUNTER_NOTHING);
	check_content("{\"id\":{\"N\":\"-3\"}}", COUNTER_INTEGER);
	check_content("{\"id\":{\"N\":\"9223372036854775807\"}}", COUNTER_INTEGER);
	check_content("{\"id\":{\"N\":\"9223372036854775808\"}}", COUNTER_EXHAUSTED);
	check_content("{\"id\":{\"N\":\"1e38\"}}", COUNTER_EXHAUSTED);
	check_content("{\"id\":{\"N\":\"7.5\"}}", COUNTER_UNFIT);
	check_content("{\"id\":{\"N\":\"1e38x\"}}", COUNTER_UNFIT);
	check_content("{\"id\":{\"S\":\"7\"}}", COUNTER_UNFIT);
	check_content("{\"id\":7}", COUNTER_UNFIT);
}

/* FAILURE_NONE, or the kind of the failure. */
static FailureKind
taken(const char *text, int64_t n, int64_t *last)
{
	cJSON	   *response = cJSON_Parse(text);
	Failure		failure = {FAILURE_NONE};
	bool		is_taken = counter_read_taken(response, n, last, &failure);

	assert_int_equal(is_taken, failure.kind == FAILURE_NONE);
	cJSON_Delete(response);
	return failure.kind;
}

static void
ids_are_taken_or_none_is(void **state)
{
	int64_t		last;

	assert_int_equal(taken("{\"Attributes\":{\"id\":{\"N\":\"12\"}}}", 12, &last), FAILURE_NONE);
	assert_int_equal(last, 12);
	assert_int_equal(taken("{\"Attributes\":{\"id\":{\"N\":\"12\"}}}", 13, &last), FAILURE_BAD_ANSWER);
	assert_int_equal(taken("{\"Attributes\":{\"id\":{\"N\":\"0\"}}}", 1, &last), FAILURE_BAD_ANSWER);
	assert_int_equal(taken("{\"Attributes\":{}}", 1, &last), FAILURE_BAD_ANSWER);
	assert_int_equal(taken("{}", 1, &last), FAILURE_BAD_ANSWER);
	assert_int_equal(taken("{\"Attributes\":{\"id\":{\"N\":\"9223372036854775808\"}}}", 1, &last), FAILURE_EXHAUSTED);
}

static CounterNote
read_note(const char *text, int64_t *first, int64_t *count)
{
	cJSON	   *item = cJSON_Parse(text);
	CounterNote note = counter_read_note(item, "commits", first, count);

	assert_non_null(item);
	cJSON_Delete(item);
	return note;
}

#define NOTE(name, n) "{\"name\":{\"S\":\"" name "\"},\"n\":{\"N\":\"" n "\"}}"

static void
a_note_is_read_or_is_none(void **state)
{
	int64_t		first;
	int64_t		count;

	assert_int_equal(read_note(NOTE("commits#burned#17", "2"), &first, &count), COUNTER_NOTE);
	assert_int_equal(first, 17);
	assert_int_equal(count, 2);
	assert_int_equal(read_note(NOTE("commits#burned#0", "2"), &first, &count), COUNTER_BAD_NOTE);
	assert_int_equal(read_note(NOTE("commits#burned#x", "2"), &first, &count), COUNTER_BAD_NOTE);
	assert_int_equal(read_note(NOTE("commits#burned#", "2"), &first, &count), COUNTER_BAD_NOTE);
	assert_int_equal(read_note(NOTE("commits#burned#17", "0"), &first, &count), COUNTER_BAD_NOTE);
	assert_int_equal(read_note(NOTE("commits#burned#17", "1.5"), &first, &count), COUNTER_BAD_NOTE);
	assert_int_equal(read_note(NOTE("others#burned#17", "2"), &first, &count), COUNTER_NO_NOTE);
	assert_int_equal(read_note(NOTE("commits", "2"), &first, &count), COUNTER_NO_NOTE);
	assert_int_equal(read_note("{\"name\":{\"S\":\"commits#burned#17\"},\"id\":{\"N\":\"2\"}}", &first, &count), COUNTER_NO_NOTE);
	assert_int_equal(read_note("{\"name\":{\"N\":\"1\"},\"n\":{\"N\":\"2\"}}", &first, &count), COUNTER_NO_NOTE);
}

static bool
may_go(const char *text)
{
	cJSON	   *item = cJSON_Parse(text);
	bool		may = counter_is_expendable(item, "commits");

	assert_non_null(item);
	cJSON_Delete(item);
	return may;
}

/* What is in use, or is none of ours, keeps its table from being dropped. */
static void
an_item_may_go_with_its_table_or_keeps_it(void **state)
{
	assert_true(may_go("{\"name\":{\"S\":\"commits\"}}"));
	assert_true(may_go("{\"name\":{\"S\":\"commits\"},\"id\":{\"N\":\"7\"}}"));
	assert_true(may_go("{\"name\":{\"S\":\"commits#burned#17\"}}"));
	assert_true(may_go(NOTE("others#burned#17", "2")));
	assert_true(may_go("{\"name\":{\"S\":\"others\"},\"id\":{\"N\":\"7\"},\"droppedAt\":{\"N\":\"7\"}}"));
	assert_false(may_go("{\"name\":{\"S\":\"others\"},\"id\":{\"N\":\"8\"},\"droppedAt\":{\"N\":\"7\"}}"));
	assert_false(may_go("{\"name\":{\"S\":\"others\"},\"id\":{\"N\":\"7\"},\"droppedAt\":{\"S\":\"7\"}}"));
	assert_false(may_go("{\"name\":{\"S\":\"others\"},\"droppedAt\":{\"N\":\"7\"}}"));
	assert_false(may_go("{\"name\":{\"S\":\"others\"},\"id\":{\"S\":\"7\"}}"));
	assert_false(may_go("{\"name\":{\"S\":\"commits#burned#17\"},\"id\":{\"N\":\"7\"}}"));
	assert_false(may_go("{\"name\":{\"S\":\"others#burned#17\"}}"));
	assert_false(may_go("{\"name\":{\"S\":\"commits2\"}}"));
	assert_false(may_go("{\"name\":{\"S\":\"commits#burned\"}}"));
	assert_false(may_go("{\"name\":{\"S\":\"commit\"}}"));
	assert_false(may_go("{\"name\":{\"N\":\"1\"}}"));
	assert_false(may_go("{}"));
}

static void
without_memory_a_body_has_failed(void **state)
{
	CHECK_MEMORY_FAILURES_OF(body, counter_write_take(&body, &names, 1));
	CHECK_MEMORY_FAILURES_OF(body, counter_write_get(&body, &names));
	CHECK_MEMORY_FAILURES_OF(body, counter_write_put_new(&body, &names, 1));
	CHECK_MEMORY_FAILURES_OF(body, counter_write_raise(&body, &names, 1));
	CHECK_MEMORY_FAILURES_OF(body, counter_write_retire(&body, &names));
	CHECK_MEMORY_FAILURES_OF(body, counter_write_revive(&body, &names));
	CHECK_MEMORY_FAILURES_OF(body, counter_write_move(&body, &names, 1, 2));
	CHECK_MEMORY_FAILURES_OF(body, counter_write_list(&body, &names, NULL));
	CHECK_MEMORY_FAILURES_OF(body, counter_write_note(&body, &names, 1, 2));
	CHECK_MEMORY_FAILURES_OF(body, counter_write_note_get(&body, &names, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_counter_is_added_to_read_and_made),
		cmocka_unit_test(a_counter_is_retired_and_revived),
		cmocka_unit_test(a_counter_moves_in_a_transaction),
		cmocka_unit_test(a_counter_that_is_expected_to_be_new_may_be_missing),
		cmocka_unit_test(a_note_is_put_and_asked_for_under_its_first_id),
		cmocka_unit_test(a_head_is_read_or_is_none),
		cmocka_unit_test(an_item_is_told_for_what_it_holds),
		cmocka_unit_test(ids_are_taken_or_none_is),
		cmocka_unit_test(a_note_is_read_or_is_none),
		cmocka_unit_test(an_item_may_go_with_its_table_or_keeps_it),
		cmocka_unit_test(without_memory_a_body_has_failed),
	};

	return cmocka_run_group_tests_name("counter", tests, NULL, NULL);
}
