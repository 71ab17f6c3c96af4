/*
 * request: each body says what was asked for and nothing else. Compared as JSON, since the order of members means
 * nothing.
 */
#include "body.h"

#include "dynamodb/json.h"
#include "dynamodb/request.h"

static void
operations_have_their_names(void **state)
{
	assert_string_equal(operation_name(OPERATION_GET_ITEM), "GetItem");
	assert_string_equal(operation_name(OPERATION_PUT_ITEM), "PutItem");
	assert_string_equal(operation_name(OPERATION_UPDATE_ITEM), "UpdateItem");
	assert_string_equal(operation_name(OPERATION_QUERY), "Query");
	assert_string_equal(operation_name(OPERATION_SCAN), "Scan");
	assert_string_equal(operation_name(OPERATION_TRANSACT_WRITE_ITEMS), "TransactWriteItems");
	assert_string_equal(operation_name(OPERATION_CREATE_TABLE), "CreateTable");
	assert_string_equal(operation_name(OPERATION_DELETE_TABLE), "DeleteTable");
	assert_string_equal(operation_name(OPERATION_DESCRIBE_TABLE), "DescribeTable");
}

static void
a_name_gets_one_placeholder(void **state)
{
	Expression	expression = {0};
	ByteBuffer	out = {0};
	static const char *const names[] = {"a", "b", "a", "a\"", "a\\", "a\"", "b\":\"a", "a\\", "b", "#0", "", "", "\":\"", "a"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		expression_name(&expression, &out, names[i]);
		buffer_putc(&out, ' ');
	}
	assert_text(&out, "#0 #1 #0 #2 #3 #2 #4 #3 #1 #5 #6 #6 #7 #0 ");
	assert_int_equal(expression.nnames, 8);
	expression_free(&expression);
	assert_int_equal(expression.nnames, 0);
}

static void
many_names_keep_their_numbers(void **state)
{
	Expression	expression = {0};
	ByteBuffer	out = {0};
	char		name[16];

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 120; i++)
		{
			char		expected[16];

			snprintf(name, sizeof(name), "n%d", i);
			snprintf(expected, sizeof(expected), "#%d", i);
			buffer_reset(&out);
			expression_name(&expression, &out, name);
			assert_string_equal(out.data, expected);
		}
	buffer_free(&out);
	expression_free(&expression);
}

static void
a_plain_scan_asks_for_nothing_special(void **state)
{
	ReadRequest request = {.table = "commits"};
	Expression	expression = {0};
	ByteBuffer	body = {0};

	request_read(&body, &request);
	assert_body(&body, "{'TableName':'commits','ReturnConsumedCapacity':'TOTAL'}");
	request.expression = &expression;
	request_read(&body, &request);
	assert_body(&body, "{'TableName':'commits','ReturnConsumedCapacity':'TOTAL'}");
}

static void
a_query_asks_for_everything_it_can(void **state)
{
	Expression	expression = {0};
	ByteBuffer	condition = {0};
	ByteBuffer	filter = {0};
	ByteBuffer	projection = {0};
	ByteBuffer	body = {0};
	char		digits[24];
	char		last_key[] = "{\"aggregateId\":{\"S\":\"a\\u0000\\ud800\"},\"version\":{\"N\":\"1\"}}";
	cJSON	   *start = json_parse(last_key, strlen(last_key));
	AttributeValue value = attribute_string("a", 1);

	expression_name(&expression, &condition, "aggregateId");
	buffer_puts(&condition, " = ");
	expression_value(&expression, &condition, &value);
	value = attribute_int64(5, digits);
	expression_name(&expression, &filter, "committedAt");
	buffer_puts(&filter, " > ");
	expression_value(&expression, &filter, &value);
	expression_name(&expression, &projection, "aggregateId");

	request_read(&body, &(ReadRequest) {
		.table = "commits", .index = "byId", .key_condition = condition.data, .filter = filter.data,
		.projection = projection.data, .expression = &expression, .exclusive_start_key = start,
		.limit = 10000000000, .backward = true, .consistent = true
	});
	assert_non_null(strstr(body.data, "\"Limit\":10000000000,"));
	assert_non_null(strstr(body.data, "\"a\\u0000\\ud800\""));
	/* cJSON, which reads it back, knows neither of these. */
	memcpy(strstr(body.data, "\\u0000\\ud800"), "000000000000", 12);
	assert_body(&body, "{'TableName':'commits','IndexName':'byId','KeyConditionExpression':'#0 = :0','FilterExpression':'#1 > :1',"
				"'ProjectionExpression':'#0','ExpressionAttributeNames':{'#0':'aggregateId','#1':'committedAt'},"
				"'ExpressionAttributeValues':{':0':{'S':'a'},':1':{'N':'5'}},"
				"'ExclusiveStartKey':{'aggregateId':{'S':'a000000000000'},'version':{'N':'1'}},'Limit':10000000000,"
				"'ScanIndexForward':false,'ConsistentRead':true,'ReturnConsumedCapacity':'TOTAL'}");
	cJSON_Delete(start);
	buffer_free(&condition);
	buffer_free(&filter);
	buffer_free(&projection);
	expression_free(&expression);
}

static void
a_failed_expression_fails_its_request(void **state)
{
	Expression	expression = {0};
	ByteBuffer	out = {0};
	ByteBuffer	body = {0};

	expression_value(&expression, &out, &(AttributeValue) {.type = ATTRIBUTE_INVALID});
	request_read(&body, &(ReadRequest) {.table = "t", .filter = out.data, .expression = &expression});
	assert_true(body.failed);
	buffer_free(&body);
	buffer_free(&out);
	expression_free(&expression);
}

static const ItemKey counter_key = {.attributes = {{"name", {.type = ATTRIBUTE_S, .text = "commits", .length = 7}}}, .count = 1};
static const ItemKey commit_key_6 = {.attributes = {{"aggregateId", {.type = ATTRIBUTE_S, .text = "a", .length = 1}},
{"version", {.type = ATTRIBUTE_N, .text = "6", .length = 1}}}, .count = 2};

static void
an_item_is_read_by_its_key(void **state)
{
	ByteBuffer	body = {0};

	request_get(&body, "counters", &counter_key);
	assert_body(&body, "{'TableName':'counters','Key':{'name':{'S':'commits'}},'ConsistentRead':true,"
				"'ReturnConsumedCapacity':'TOTAL'}");
	request_get(&body, "commits", &commit_key_6);
	assert_body(&body, "{'TableName':'commits','Key':{'aggregateId':{'S':'a'},'version':{'N':'6'}},'ConsistentRead':true,"
				"'ReturnConsumedCapacity':'TOTAL'}");
	request_glance(&body, "counters", &counter_key);
	assert_body(&body, "{'TableName':'counters','Key':{'name':{'S':'commits'}},'ReturnConsumedCapacity':'TOTAL'}");
}

static void
an_update_says_what_it_is_asked_to(void **state)
{
	ByteBuffer	body = {0};
	UpdateRequest request = {.table = "counters", .key = &counter_key, .update = "SET a = b"};

	request_update(&body, &request);
	assert_body(&body, "{'TableName':'counters','Key':{'name':{'S':'commits'}},'UpdateExpression':'SET a = b',"
				"'ReturnConsumedCapacity':'TOTAL'}");
	request.condition = "a < b";
	request.returns_new = true;
	request_update(&body, &request);
	assert_body(&body, "{'TableName':'counters','Key':{'name':{'S':'commits'}},'UpdateExpression':'SET a = b',"
				"'ConditionExpression':'a < b','ReturnValues':'UPDATED_NEW','ReturnConsumedCapacity':'TOTAL'}");
}

static void
a_put_is_conditional_or_not(void **state)
{
	ByteBuffer	body = {0};

	request_put(&body, "commits", "\"aggregateId\":{\"S\":\"%s\"}");
	assert_body(&body, "{'TableName':'commits','Item':{'aggregateId':{'S':'%s'}},'ReturnConsumedCapacity':'TOTAL'}");

	request_put_new(&body, "commits", "\"aggregateId\":{\"S\":\"%s\"},\"version\":{\"N\":\"0\"}", "aggregateId");
	assert_body(&body, "{'TableName':'commits','Item':{'aggregateId':{'S':'%s'},'version':{'N':'0'}},"
				"'ConditionExpression':'attribute_not_exists(#0)','ExpressionAttributeNames':{'#0':'aggregateId'},"
				"'ReturnValuesOnConditionCheckFailure':'ALL_OLD','ReturnConsumedCapacity':'TOTAL'}");
}

static const TableDefinition commits_table = {
	.table = "commits",
	.hash = {"aggregateId", ATTRIBUTE_S},
	.range = {"version", ATTRIBUTE_N},
	.index = "byId",
	.index_hash = {"active", ATTRIBUTE_S},
	.index_range = {"commitId", ATTRIBUTE_N},
};

static void
a_transaction_says_all_in_order(void **state)
{
	ByteBuffer	body = {0};

	request_transaction_open(&body);
	request_transaction_update(&body, &(UpdateRequest) {.table = "coun\"ters", .key = &counter_key, .update = "SET a = b", .condition = "a < b"});
	request_transaction_put_new(&body, "commits", "\"aggregateId\":{\"S\":\"a\"}", "aggregateId");
	request_transaction_check(&body, "commits", &commit_key_6);
	request_transaction_close(&body, "token");
	assert_body(&body, "{'TransactItems':["
				"{'Update':{'TableName':'coun\\'ters','Key':{'name':{'S':'commits'}},'UpdateExpression':'SET a = b',"
				"'ConditionExpression':'a < b','ReturnValuesOnConditionCheckFailure':'ALL_OLD'}},"
				"{'Put':{'TableName':'commits','Item':{'aggregateId':{'S':'a'}},'ConditionExpression':'attribute_not_exists(#0)',"
				"'ExpressionAttributeNames':{'#0':'aggregateId'},'ReturnValuesOnConditionCheckFailure':'ALL_OLD'}},"
				"{'ConditionCheck':{'TableName':'commits','Key':{'aggregateId':{'S':'a'},'version':{'N':'6'}},"
				"'ConditionExpression':'attribute_exists(#0)','ExpressionAttributeNames':{'#0':'aggregateId'},"
				"'ReturnValuesOnConditionCheckFailure':'ALL_OLD'}}],"
				"'ClientRequestToken':'token','ReturnConsumedCapacity':'TOTAL'}");
}

static void
tables_are_defined_by_their_keys(void **state)
{
	ByteBuffer	body = {0};
	TableDefinition shared = commits_table;

	request_create_table(&body, &commits_table);
	assert_body(&body, "{'TableName':'commits','AttributeDefinitions':["
				"{'AttributeName':'aggregateId','AttributeType':'S'},{'AttributeName':'version','AttributeType':'N'},"
				"{'AttributeName':'active','AttributeType':'S'},{'AttributeName':'commitId','AttributeType':'N'}],"
				"'KeySchema':[{'AttributeName':'aggregateId','KeyType':'HASH'},{'AttributeName':'version','KeyType':'RANGE'}],"
				"'BillingMode':'PAY_PER_REQUEST','GlobalSecondaryIndexes':[{'IndexName':'byId','KeySchema':["
				"{'AttributeName':'active','KeyType':'HASH'},{'AttributeName':'commitId','KeyType':'RANGE'}],"
				"'Projection':{'ProjectionType':'ALL'}}]}");
	request_create_table(&body, &(TableDefinition) {.table = "counters", .hash = {"name", ATTRIBUTE_S}});
	assert_body(&body, "{'TableName':'counters','AttributeDefinitions':[{'AttributeName':'name','AttributeType':'S'}],"
				"'KeySchema':[{'AttributeName':'name','KeyType':'HASH'}],'BillingMode':'PAY_PER_REQUEST'}");

	/* An attribute of both keys is defined once. */
	shared.index_hash = shared.range;
	shared.index_range.name = NULL;
	request_create_table(&body, &shared);
	assert_body(&body, "{'TableName':'commits','AttributeDefinitions':["
				"{'AttributeName':'aggregateId','AttributeType':'S'},{'AttributeName':'version','AttributeType':'N'}],"
				"'KeySchema':[{'AttributeName':'aggregateId','KeyType':'HASH'},{'AttributeName':'version','KeyType':'RANGE'}],"
				"'BillingMode':'PAY_PER_REQUEST','GlobalSecondaryIndexes':[{'IndexName':'byId','KeySchema':["
				"{'AttributeName':'version','KeyType':'HASH'}],'Projection':{'ProjectionType':'ALL'}}]}");

	request_delete_table(&body, "t");
	assert_body(&body, "{'TableName':'t'}");
	request_describe_table(&body, "t");
	assert_body(&body, "{'TableName':'t'}");
	request_describe_table(&body, "\",\"x\":\"");
	assert_text(&body, "{\"TableName\":\"\\\",\\\"x\\\":\\\"\"}");
}

static void
make_expression(Expression *expression, ByteBuffer *out)
{
	AttributeValue value = attribute_string("x", 1);

	expression_name(expression, out, "a");
	expression_name(expression, out, "b");
	expression_name(expression, out, "a");
	expression_value(expression, out, &value);
	if (expression->names.failed || expression->values.failed)
		out->failed = true;
}

static void
without_memory_a_body_has_failed(void **state)
{
	CHECK_MEMORY_FAILURES_OF(body, request_get(&body, "counters", &counter_key));
	CHECK_MEMORY_FAILURES_OF(body, request_put(&body, "commits", "\"aggregateId\":{\"S\":\"a\"}"));
	CHECK_MEMORY_FAILURES_OF(body, {
		const UpdateRequest update = {.table = "counters", .key = &counter_key, .update = "SET a = b"};

		request_transaction_open(&body);
		request_transaction_update(&body, &update);
		request_transaction_put_new(&body, "commits", "\"aggregateId\":{\"S\":\"a\"}", "aggregateId");
		request_transaction_check(&body, "commits", &commit_key_6);
		request_transaction_close(&body, "token");
	});
	CHECK_MEMORY_FAILURES_OF(body, request_create_table(&body, &commits_table));
	CHECK_MEMORY_FAILURES_OF(body, {
		Expression	expression = {0};

		make_expression(&expression, &body);
		expression_free(&expression);
	});
	CHECK_MEMORY_FAILURES_OF(body, {
		Expression	expression = {0};
		ByteBuffer	filter = {0};

		make_expression(&expression, &filter);
		if (filter.failed)
			body.failed = true;
		else
			request_read(&body, &(ReadRequest) {.table = "t", .filter = filter.data, .expression = &expression});
		buffer_free(&filter);
		expression_free(&expression);
	});
}

static void
a_batch_names_its_keys(void **state)
{
	ByteBuffer	body = {0};
	ByteBuffer	projection = {0};
	Expression	expression = {0};

	expression_name(&expression, &projection, "events");
	request_batch_get(&body, &(BatchGetRequest) {
		.table = "commits", .keys = "{\"k\":{\"N\":\"1\"}}", .projection = projection.data, .expression = &expression, .consistent = true
	});
	assert_string_equal(body.data, "{\"RequestItems\":{\"commits\":{\"Keys\":[{\"k\":{\"N\":\"1\"}}],\"ProjectionExpression\":\"#0\","
						"\"ExpressionAttributeNames\":{\"#0\":\"events\"},\"ConsistentRead\":true}},\"ReturnConsumedCapacity\":\"TOTAL\"}");
	buffer_free(&body);
	buffer_free(&projection);
	expression_free(&expression);
	request_batch_get(&body, &(BatchGetRequest) {.table = "commits", .keys = "{}"});
	assert_string_equal(body.data, "{\"RequestItems\":{\"commits\":{\"Keys\":[{}]}},\"ReturnConsumedCapacity\":\"TOTAL\"}");
	buffer_free(&body);
}

/* Of all that stands in a body, the name of its table alone. */
static void
the_table_of_a_body_is_found(void **state)
{
	static const struct
	{
		const char *body;
		const char *table;
	}			cases[] = {
		{"{\"TableName\":\"orders\",\"Limit\":1}", "orders"},
		{"{\"TransactItems\":[{\"Update\":{\"TableName\":\"counters\"}},{\"Put\":{\"TableName\":\"orders\"}}]}", "counters"},
		{"{\"Item\":{\"TableName\":{\"S\":\"hush\"},\"a\":{\"S\":\"\\\"TableName\\\":\\\"hush\"}},\"TableName\":\"orders\"}", "orders"},
		{"{\"RequestItems\":{\"orders\":{\"Keys\":[{\"TableName\":{\"S\":\"hush\"}}]}}}", "orders"},
		{"{}", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		ByteBuffer	body = {0};
		const char *name = "";
		size_t		length;

		buffer_puts(&body, cases[i].body);
		length = request_find_table(&body, &name);
		assert_int_equal(length, strlen(cases[i].table));
		assert_memory_equal(name, cases[i].table, length);
		buffer_free(&body);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_have_their_names),
		cmocka_unit_test(a_name_gets_one_placeholder),
		cmocka_unit_test(many_names_keep_their_numbers),
		cmocka_unit_test(a_plain_scan_asks_for_nothing_special),
		cmocka_unit_test(a_query_asks_for_everything_it_can),
		cmocka_unit_test(a_failed_expression_fails_its_request),
		cmocka_unit_test(an_item_is_read_by_its_key),
		cmocka_unit_test(an_update_says_what_it_is_asked_to),
		cmocka_unit_test(a_put_is_conditional_or_not),
		cmocka_unit_test(a_transaction_says_all_in_order),
		cmocka_unit_test(tables_are_defined_by_their_keys),
		cmocka_unit_test(without_memory_a_body_has_failed),
		cmocka_unit_test(a_batch_names_its_keys),
		cmocka_unit_test(the_table_of_a_body_is_found),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
