/*
 * discover: a commits table is known by its keys and its index, and nothing else is taken for one.
 */
#include "unit.h"

#include "dynamodb/json.h"
#include "store/discover.h"

#define KEYS(hash, range) \
	"\"KeySchema\":[{\"AttributeName\":\"" hash "\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"" range "\",\"KeyType\":\"RANGE\"}]"
#define INDEX(name, hash, range, projection) \
	"{\"IndexName\":\"" name "\"," KEYS(hash, range) ",\"Projection\":{\"ProjectionType\":\"" projection "\"}}"
#define TYPES(version) TYPES_OF(version, "N")
#define TYPES_OF(version, id) \
	"\"AttributeDefinitions\":[{\"AttributeName\":\"active\",\"AttributeType\":\"S\"}," \
	"{\"AttributeName\":\"aggregateId\",\"AttributeType\":\"S\"},{\"AttributeName\":\"commitId\",\"AttributeType\":\"" id "\"}," \
	"{\"AttributeName\":\"version\",\"AttributeType\":\"" version "\"}]"
#define TABLE(rest) "{\"Table\":{\"TableName\":\"commits\",\"TableStatus\":\"ACTIVE\"," rest "}}"
#define INDEXES(indexes) "\"GlobalSecondaryIndexes\":[" indexes "]"
#define BY_ID INDEX("byId", "active", "commitId", "ALL")
#define STORE_KEYS KEYS("aggregateId", "version") "," TYPES("N")

static bool
is_store(const char *answer, DiscoveredTable *table)
{
	char	   *text = strdup(answer);
	cJSON	   *response = json_parse(text, strlen(text));
	bool		is;

	assert_non_null(response);
	is = discover_read(response, table);
	cJSON_Delete(response);
	free(text);
	return is;
}

static void
check_index(const char *answer, const char *index)
{
	DiscoveredTable table;

	assert_true(is_store(answer, &table));
	assert_string_equal(table.table, "commits");
	assert_string_equal(table.index, index);
}

static void
check_none(const char *answer)
{
	DiscoveredTable table;

	assert_false(is_store(answer, &table));
}

static void
a_commits_table_is_found(void **state)
{
	DiscoveredTable table;

	check_index(TABLE(STORE_KEYS "," INDEXES(BY_ID)), "byId");
	assert_true(is_store(TABLE(STORE_KEYS "," INDEXES(BY_ID) ",\"ItemCount\":12,\"TableSizeBytes\":3400"), &table));
	assert_int_equal(table.item_count, 12);
	assert_int_equal(table.table_bytes, 3400);
	assert_true(is_store(TABLE(STORE_KEYS "," INDEXES(BY_ID) ",\"ItemCount\":\"12\""), &table));
	assert_int_equal(table.item_count, -1);
	assert_int_equal(table.table_bytes, -1);
}

static void
of_several_indexes_the_usual_one_is_taken(void **state)
{
	check_index(TABLE(STORE_KEYS "," INDEXES(INDEX("aaa", "active", "commitId", "ALL") "," BY_ID)), "byId");
	check_index(TABLE(STORE_KEYS "," INDEXES(INDEX("bbb", "active", "commitId", "ALL") ","
											 INDEX("aaa", "active", "commitId", "ALL"))), "aaa");
	check_index(TABLE(STORE_KEYS "," INDEXES(INDEX("byId", "active", "commitId", "KEYS_ONLY") ","
											 INDEX("other", "active", "commitId", "ALL"))), "other");
}

static void
other_tables_are_none(void **state)
{
	check_none("{}");
	check_none("{\"Table\":[]}");
	check_none(TABLE(STORE_KEYS));
	check_none(TABLE(KEYS("version", "aggregateId") "," TYPES("N") "," INDEXES(BY_ID)));
	check_none(TABLE(KEYS("aggregateId", "version") "," TYPES("S") "," INDEXES(BY_ID)));
	check_none(TABLE(KEYS("aggregateId", "version") "," INDEXES(BY_ID)));
	check_none(TABLE("\"KeySchema\":[{\"AttributeName\":\"aggregateId\",\"KeyType\":\"HASH\"}]," TYPES("N") "," INDEXES(BY_ID)));
	check_none(TABLE(STORE_KEYS "," INDEXES(INDEX("byId", "active", "version", "ALL"))));
	check_none(TABLE(KEYS("aggregateId", "version") "," TYPES_OF("N", "S") "," INDEXES(BY_ID)));
	check_none("{\"Table\":{\"TableName\":\"commits\",\"TableStatus\":\"DELETING\"," STORE_KEYS "," INDEXES(BY_ID) "}}");
}

/* Events would be missing from what is read along it. */
static void
an_index_without_all_attributes_is_none(void **state)
{
	check_none(TABLE(STORE_KEYS "," INDEXES(INDEX("byId", "active", "commitId", "KEYS_ONLY"))));
	check_none(TABLE(STORE_KEYS "," INDEXES(INDEX("byId", "active", "commitId", "INCLUDE"))));
}

/* Some engines do not say what an index holds. */
static void
an_index_of_unknown_projection_is_one(void **state)
{
	check_index(TABLE(STORE_KEYS "," INDEXES("{\"IndexName\":\"byId\"," KEYS("active", "commitId") "}")), "byId");
}

/* A name that DynamoDB would not give could say anything in a command. */
static void
an_impossible_name_is_none(void **state)
{
	check_none("{\"Table\":{\"TableName\":\"a\\\"b\"," STORE_KEYS "," INDEXES(BY_ID) "}}");
	check_none(TABLE(STORE_KEYS "," INDEXES(INDEX("by id", "active", "commitId", "ALL"))));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_commits_table_is_found),
		cmocka_unit_test(of_several_indexes_the_usual_one_is_taken),
		cmocka_unit_test(other_tables_are_none),
		cmocka_unit_test(an_index_without_all_attributes_is_none),
		cmocka_unit_test(an_index_of_unknown_projection_is_one),
		cmocka_unit_test(an_impossible_name_is_none),
	};

	return cmocka_run_group_tests_name("discover", tests, NULL, NULL);
}
