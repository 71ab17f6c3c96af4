/*
 * read_request: a page is asked for with what it needs and nothing else, in each access path.
 */
#include "body.h"

#include "store/read_request.h"

static const StoreNames names = {.commit_table = "commits", .commit_index = "byId", .counter_table = "counters", .counter = "c"};
static const AggregateId aggregate = {"a", 1};

static void
check_page(const ReadSpec *spec, const PageRequest *page, const char *expected)
{
	ByteBuffer	body = {0};

	read_request_write(&body, &names, spec, page);
	assert_body(&body, expected);
}

#define OF_A "'TableName':'commits','ReturnConsumedCapacity':'TOTAL',"

static void
check_versions(KeyRange range, const char *condition, const char *values)
{
	const ReadSpec spec = {.path = READ_AGGREGATE};
	const PageRequest page = {.aggregate = &aggregate, .range = &range};
	char		expected[1000];

	snprintf(expected, sizeof(expected), "{" OF_A "'KeyConditionExpression':'#0 = :0%s','ExpressionAttributeNames':{'#0':'aggregateId'%s},"
			 "'ExpressionAttributeValues':{':0':{'S':'a'}%s}}", condition, condition[0] != '\0' ? ",'#1':'version'" : "", values);
	check_page(&spec, &page, expected);
}

/* DynamoDB takes one condition on a sort key. */
static void
two_bounds_are_one_condition(void **state)
{
	check_versions((KeyRange) {0}, "", "");
	check_versions((KeyRange) {.has_lower = true, .lower = 3}, " AND #1 >= :1", ",':1':{'N':'3'}");
	check_versions((KeyRange) {.has_upper = true, .upper = 7}, " AND #1 <= :1", ",':1':{'N':'7'}");
	check_versions((KeyRange) {.has_lower = true, .lower = 3, .has_upper = true, .upper = 7}, " AND #1 BETWEEN :1 AND :2",
				   ",':1':{'N':'3'},':2':{'N':'7'}");
	check_versions((KeyRange) {.has_lower = true, .lower = 5, .has_upper = true, .upper = 5}, " AND #1 = :1", ",':1':{'N':'5'}");
	/* Up to the next range, and what lies between two integers. */
	check_versions((KeyRange) {.has_upper = true, .upper = 20, .upper_is_cut = true}, " AND #1 <= :1",
				   ",':1':{'N':'20.999999999999999999999999999999999999'}");
	check_versions((KeyRange) {.has_lower = true, .lower = 5, .has_upper = true, .upper = 5, .upper_is_cut = true}, " AND #1 BETWEEN :1 AND :2",
				   ",':1':{'N':'5'},':2':{'N':'5.9999999999999999999999999999999999999'}");
}

static void
each_path_is_asked_in_its_own_way(void **state)
{
	static const char *const attributes[] = {"version", "events"};
	const KeyRange all = {0};

	check_page(&(ReadSpec) {.path = READ_AGGREGATE, .consistent = true, .backward = true, .attributes = attributes, .nattributes = 2},
			   &(PageRequest) {.aggregate = &aggregate, .range = &all, .limit = 10},
			   "{" OF_A "'KeyConditionExpression':'#0 = :0','ProjectionExpression':'#1, #2','ExpressionAttributeNames':"
			   "{'#0':'aggregateId','#1':'version','#2':'events'},'ExpressionAttributeValues':{':0':{'S':'a'}},"
			   "'Limit':10,'ScanIndexForward':false,'ConsistentRead':true}");
	/* An index is never read consistently, whatever is asked for. */
	check_page(&(ReadSpec) {.path = READ_INDEX, .consistent = true}, &(PageRequest) {.range = &all},
			   "{" OF_A "'IndexName':'byId','KeyConditionExpression':'#0 = :0','ExpressionAttributeNames':{'#0':'active'},"
			   "'ExpressionAttributeValues':{':0':{'S':'t'}}}");
	check_page(&(ReadSpec) {.path = READ_SCAN, .segments = 4, .count_only = true, .attributes = attributes, .nattributes = 2},
			   &(PageRequest) {.segment = 2}, "{" OF_A "'Segment':2,'TotalSegments':4,'Select':'COUNT'}");
	check_page(&(ReadSpec) {.path = READ_SCAN, .segments = 1}, &(PageRequest) {0}, "{'TableName':'commits','ReturnConsumedCapacity':'TOTAL'}");
}

/* As many attributes as have no room in a projection are fetched with the whole item. */
static void
too_many_attributes_are_no_projection(void **state)
{
	static const char *attributes[READ_MAX_PROJECTED + 1];

	for (size_t i = 0; i <= READ_MAX_PROJECTED; i++)
		attributes[i] = "x";
	check_page(&(ReadSpec) {.path = READ_SCAN, .segments = 1, .attributes = attributes, .nattributes = READ_MAX_PROJECTED + 1},
			   &(PageRequest) {0}, "{'TableName':'commits','ReturnConsumedCapacity':'TOTAL'}");
	check_page(&(ReadSpec) {.path = READ_SCAN, .segments = 1, .attributes = attributes, .nattributes = 1}, &(PageRequest) {0},
			   "{'TableName':'commits','ProjectionExpression':'#0','ExpressionAttributeNames':{'#0':'x'},'ReturnConsumedCapacity':'TOTAL'}");
}

/* How far the keys of a path go: asked and understood. */
static void
check_head(const ReadSpec *spec, Operation operation, const char *request, const char *answer, int64_t expected)
{
	ByteBuffer	body = {0};
	cJSON	   *response = cJSON_Parse(answer);
	int64_t		head = -1;

	assert_int_equal(read_head_request_write(&body, &names, spec), operation);
	assert_body(&body, request);
	assert_int_equal(read_head_of(spec, response, &head), expected >= 0);
	assert_int_equal(head, expected);
	cJSON_Delete(response);
}

#define LAST_OF_A "{'TableName':'commits','KeyConditionExpression':'#0 = :0','ProjectionExpression':'#1','ExpressionAttributeNames':" \
	"{'#0':'aggregateId','#1':'version'},'ExpressionAttributeValues':{':0':{'S':'a'}},'Limit':1,'ScanIndexForward':false," \
	"'ConsistentRead':true,'ReturnConsumedCapacity':'TOTAL'}"
#define COUNTER "{'TableName':'counters','Key':{'name':{'S':'c'}},'ConsistentRead':true,'ReturnConsumedCapacity':'TOTAL'}"

static void
the_last_key_is_asked_for(void **state)
{
	const ReadSpec of_aggregate = {.path = READ_AGGREGATE, .aggregates = &aggregate, .naggregates = 1};
	const ReadSpec of_index = {.path = READ_INDEX};

	check_head(&of_aggregate, OPERATION_QUERY, LAST_OF_A, "{\"Items\":[{\"version\":{\"N\":\"7\"}}]}", 7);
	check_head(&of_aggregate, OPERATION_QUERY, LAST_OF_A, "{\"Items\":[]}", -1);
	check_head(&of_aggregate, OPERATION_QUERY, LAST_OF_A, "{}", -1);
	check_head(&of_index, OPERATION_GET_ITEM, COUNTER, "{\"Item\":{\"id\":{\"N\":\"12\"}}}", 12);
	check_head(&of_index, OPERATION_GET_ITEM, COUNTER, "{\"Item\":{\"id\":{\"N\":\"1.5\"}}}", -1);
	check_head(&of_index, OPERATION_GET_ITEM, COUNTER, "{}", -1);
	assert_null(read_sort_key(&(ReadSpec) {.path = READ_SCAN}));
}

static void
without_memory_a_body_has_failed(void **state)
{
	static const char *const attributes[] = {"version"};
	const ReadSpec spec = {.path = READ_AGGREGATE, .aggregates = &aggregate, .naggregates = 1, .attributes = attributes, .nattributes = 1};
	const KeyRange range = {.has_lower = true, .lower = 3};
	const PageRequest page = {.aggregate = &aggregate, .range = &range};

	CHECK_MEMORY_FAILURES_OF(body, read_request_write(&body, &names, &spec, &page));
	CHECK_MEMORY_FAILURES_OF(body, read_head_request_write(&body, &names, &spec));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_bounds_are_one_condition),
		cmocka_unit_test(each_path_is_asked_in_its_own_way),
		cmocka_unit_test(too_many_attributes_are_no_projection),
		cmocka_unit_test(the_last_key_is_asked_for),
		cmocka_unit_test(without_memory_a_body_has_failed),
	};

	return cmocka_run_group_tests_name("read_request", tests, NULL, NULL);
}
