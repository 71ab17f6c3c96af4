/*
 * page: the items of a page are those of the text, each once, and all else that it says is known before them. What is no
 * page is refused, and however long it is, no step takes longer than its share.
 */
#include "unit.h"

#include "dynamodb/json.h"
#include "dynamodb/node_copy.h"
#include "dynamodb/nodes.h"
#include "dynamodb/page.h"
#include "damage.h"
#include "same.h"

#define AN_ITEM "{\"aggregateId\":{\"S\":\"a\\u00e9\\ud83d\\ude00\"},\"version\":{\"N\":\"10\"},\"events\":{\"S\":\"[\\\"}]{\\\\\\\\\"}," \
	"\"l\":{\"L\":[{\"BOOL\":true},{\"M\":{\"]\":{\"S\":\"\\\\\"}}}]},\"active\":{\"BOOL\":true}}"

static const char whole[] = "{\"Count\":3,\"Items\":[" AN_ITEM ", { } ,\n" AN_ITEM "],\"LastEvaluatedKey\":{\"k\\u0000\":{\"S\":\"\\ud800\"}},"
	"\"ScannedCount\":2,\"ConsumedCapacity\":{\"CapacityUnits\":1.5e0,\"TableName\":\"t\"}}";

/* A page of exactly these bytes and the NUL after them, looked through; NULL: it is refused. */
static ItemPage *
page_of(const char *text, size_t length)
{
	char	   *copy = malloc(length + 1);
	ItemPage   *page;
	StepResult	result;
	size_t		steps = 0;

	assert_non_null(copy);
	memcpy(copy, text, length);
	copy[length] = '\0';
	page = page_new(copy, length);
	assert_non_null(page);
	do
	{
		result = page_step(page);
		steps++;
	} while (result == STEP_PENDING);
	assert_true(steps <= length / PAGE_SLICE + 1);
	if (result == STEP_DONE)
		return page;
	page_free(page);
	return NULL;
}

/* Like cJSON's tree, with the items in `items` being those that the page gives out. false: one is malformed. */
static bool
items_are_those_of(ItemPage *page, const cJSON *items, bool *same)
{
	const cJSON *expected = items != NULL ? items->child : NULL;

	*same = true;
	for (int64_t i = 0; i < page_count(page); i++)
	{
		const cJSON *item = page_next_item(page);

		if (item == NULL || !documents_are_json(item))
			return false;
		*same = *same && expected != NULL && is_same(item, expected);
		expected = expected != NULL ? expected->next : NULL;
	}
	*same = *same && expected == NULL;
	return true;
}

static void
check_same(const char *text, size_t length)
{
	char	   *copy = malloc(length + 1);
	ItemPage   *page = page_of(text, length);
	bool		same = false;
	cJSON	   *value;
	cJSON	   *items;
	bool		is_good;

	memcpy(copy, text, length);
	value = json_parse(copy, length);
	items = cJSON_IsObject(value) ? cJSON_DetachItemFromObjectCaseSensitive(value, "Items") : NULL;
	is_good = page != NULL && items_are_those_of(page, items, &same);
	if (is_good && (value == NULL || !same || !is_same(page_root(page), value)))
		fail_msg("read as something else: %.*s", (int) length, text);
	if (!is_good && cJSON_IsObject(value) && items == NULL)
		fail_msg("refused: %.*s", (int) length, text);
	page_free(page);
	cJSON_Delete(items);
	cJSON_Delete(value);
	free(copy);
}

static void
a_page_is_all_that_it_says(void **state)
{
	ItemPage   *page = page_of(whole, sizeof(whole) - 1);
	const cJSON *item;

	assert_non_null(page);
	assert_int_equal(page_count(page), 3);
	assert_string_equal(json_member_text(json_member(page_root(page), "ConsumedCapacity"), "TableName"), "t");
	assert_non_null(json_member(page_root(page), "LastEvaluatedKey"));
	assert_null(json_member(page_root(page), "Items"));
	item = page_next_item(page);
	assert_string_equal(json_member_text(json_member(item, "version"), "N"), "10");
	item = page_next_item(page);
	assert_true(cJSON_IsObject(item) && item->child == NULL);
	item = page_next_item(page);
	assert_string_equal(json_member_text(json_member(item, "events"), "S"), "[\"}]{\\\\");
	page_free(page);
	check_same(whole, sizeof(whole) - 1);
}

static void
a_page_without_a_list_has_no_items(void **state)
{
	static const char *const pages[] = {"{}", " { \"Count\" : 5 } ", "{\"Items\":{}}", "{\"Items\":null,\"Count\":0}", "{\"items\":[]}",
	"{\"Responses\":null,\"UnprocessedKeys\":{}}"};

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
	{
		ItemPage   *page = page_of(pages[i], strlen(pages[i]));

		assert_non_null(page);
		assert_int_equal(page_count(page), -1);
		page_free(page);
	}
}

static void
an_empty_list_is_one(void **state)
{
	ItemPage   *page = page_of("{\"Items\": [ ] }", strlen("{\"Items\": [ ] }"));

	assert_non_null(page);
	assert_int_equal(page_count(page), 0);
	page_free(page);
}

/* The answer to a BatchGetItem: its items are one level further down. */
static void
a_batch_is_a_page(void **state)
{
	static const char batch[] = "{\"ConsumedCapacity\":[],\"Responses\": {\"commits\" : [" AN_ITEM ",{}] } ,\"UnprocessedKeys\":{\"commits\":{\"Keys\":[{}]}}}";
	static const char empty[] = "{\"Responses\":{},\"UnprocessedKeys\":{}}";
	ItemPage   *page = page_of(batch, sizeof(batch) - 1);

	assert_non_null(page);
	assert_true(page_is_batch(page));
	assert_int_equal(page_count(page), 2);
	assert_non_null(json_member(json_member(page_root(page), "UnprocessedKeys"), "commits"));
	assert_null(json_member(page_root(page), "Responses"));
	assert_string_equal(json_member_text(json_member(page_next_item(page), "version"), "N"), "10");
	assert_non_null(page_next_item(page));
	page_free(page);
	page = page_of(empty, sizeof(empty) - 1);
	assert_int_equal(page_count(page), 0);
	assert_true(page_is_batch(page));
	page_free(page);
	page = page_of(whole, sizeof(whole) - 1);
	assert_false(page_is_batch(page));
	page_free(page);
}

static void
what_is_no_page_is_refused(void **state)
{
	static const char *const pages[] = {
		"", " ", "[]", "1", "\"x\"", "{", "{}}", "{} {}", "{\"Items\":[}", "{\"Items\":[]", "{\"Items\":[],}", "{\"Items\":[] \"Count\":0}",
		"{\"Items\":[0]}", "{\"Items\":[\"x\"]}", "{\"Items\":[[]]}", "{\"Items\":[null]}", "{\"Items\":[,]}", "{\"Items\":[{}", "{\"Items\":[{\"",
		"{\"Items\":[{\"\\", "{\"Items\":[{\"\\\"", "{,\"Items\":[]}", "{\"Count\":01}", "{\"Count\":0,\"Items\":[{}]]}",
		"{\"Responses\":{\"t\":[{}]", "{\"Responses\":{\"t\":[{}]}", "{\"Responses\":{\"t\":[],\"u\":[]}}", "{\"Responses\":{\"t\":{}}}",
		"{\"Responses\":{[]}}", "{\"Responses\":{,}}", "{\"Responses\":{\"t\":[]},}",
	};

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (page_of(pages[i], strlen(pages[i])) != NULL)
			fail_msg("accepted: %s", pages[i]);
}

static void
what_is_no_item_is_refused_when_it_is_asked_for(void **state)
{
	static const char *const items[] = {
		"{} {}", "{},", ",{}", "{},,{}", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":{\"S\":\"\\x\"}}", "{\"a\":{\"S\":\"\x80\"}}", "{\"a\":{\"S\":x}}",
		"{\"a\":{\"S\":\"x\"}", "{a:{}}", "{\"a\":{\"S\":\"\n\"}}", "{\"a\":{\"S\":\"x\"\"N\":\"1\"}}",
	};

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
	{
		ByteBuffer	text = {0};
		ItemPage   *page;
		bool		same;

		buffer_printf(&text, "{\"Items\":[%s]}", items[i]);
		page = page_of(text.data, text.length);
		if (page != NULL && items_are_those_of(page, NULL, &same) && page_count(page) > 0)
			fail_msg("accepted: %s", items[i]);
		page_free(page);
		buffer_free(&text);
	}
}

static void
a_damaged_page_is_refused_or_reads_as_any_json_does(void **state)
{
	const int	rounds = (int) cases_of(20000);
	uint32_t	random = 1;
	char		text[sizeof(whole)];

	for (int round = 0; round < rounds; round++)
	{
		memcpy(text, whole, sizeof(whole));
		check_same(text, damage(text, sizeof(whole) - 1, round, &random));
	}
}

/* `count` times `piece`, separated by commas, between two texts; NULL: the page is refused. */
static ItemPage *
long_page(const char *before, const char *piece, size_t count, const char *after)
{
	ByteBuffer	text = {0};
	ItemPage   *page;

	buffer_puts(&text, before);
	for (size_t i = 0; i < count; i++)
	{
		if (i > 0)
			buffer_putc(&text, ',');
		buffer_puts(&text, piece);
	}
	buffer_puts(&text, after);
	page = page_of(text.data, text.length);
	buffer_free(&text);
	return page;
}

static void
a_long_page_is_whole(void **state)
{
	static const char item[] = "{\"aggregateId\":{\"S\":\"a\"},\"events\":{\"S\":\"\\\"\\\\xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\u00e9\"}}";
	const int64_t count = 3 * PAGE_SLICE / (int64_t) sizeof(item);
	ItemPage   *page = long_page("{\"Items\":[", item, (size_t) count, "],\"Count\":1}");

	assert_non_null(page);
	assert_int_equal(page_count(page), count);
	for (int64_t i = 0; i < count; i++)
	{
		const cJSON *found = page_next_item(page);

		assert_non_null(found);
		assert_string_equal(json_member_text(json_member(found, "aggregateId"), "S"), "a");
	}
	page_free(page);
}

static void
pages_of_something_else_are_refused(void **state)
{
	const size_t many = 10 * 1000 * 1000;

	assert_null(long_page("{\"Items\":[", "0", many, "]}"));
	assert_null(long_page("{\"Count\":[", "0", many, "]}"));
	assert_null(long_page("{\"Items\":[],\"x\":[", "0", many, "]}"));
	assert_null(long_page("{\"LastEvaluatedKey\":{", "\"k\":{\"S\":\"x\"}", 80000, "}}"));
	assert_null(long_page("{\"x\":\"", "xxxxxxx", many / 10, "\",\"Items\":[]}"));
	assert_null(long_page("{\"Items\":[],\"x\":\"", "xxxxxxx", many / 10, "\"}"));
	/* An item that is too long, whatever it is made of. */
	assert_null(long_page("{\"Items\":[{\"a\":{\"L\":[", "0", many, "]}}]}"));
	assert_null(long_page("{\"Items\":[{\"a\":{\"S\":\"", "xxxxxxx", many / 10, "\"}}]}"));
}

/* As the largest of DynamoDB's: many small values in a document, which stay text. */
static void
an_item_of_many_small_values_is_taken(void **state)
{
	ItemPage   *page = long_page("{\"Items\":[{\"a\":{\"L\":[", "{\"S\":\"\"}", 400000, "]}}]}");
	const cJSON *item;

	assert_non_null(page);
	item = page_next_item(page);
	assert_non_null(item);
	assert_true(cJSON_IsRaw(item->child->child));
	page_free(page);
}

static void
an_item_has_no_more_attributes_than_a_table_has_columns(void **state)
{
	ItemPage   *page = long_page("{\"Items\":[{", "\"a\":{\"S\":\"x\"}", 1600, "}]}");

	assert_non_null(page_next_item(page));
	page_free(page);
	page = long_page("{\"Items\":[{", "\"a\":{\"S\":\"x\"}", 5000, "}]}");
	assert_null(page_next_item(page));
	page_free(page);
}

static void
running_out_of_memory_is_told(void **state)
{
	ByteBuffer	text = {0};

	buffer_puts(&text, "{\"Items\":[{");
	for (int i = 0; i < 1000; i++)
		buffer_printf(&text, "%s\"a%d\":{\"S\":\"x\"}", i > 0 ? "," : "", i);
	buffer_puts(&text, "}]}");
	FOR_EACH_ALLOCATION_FAILING({
		char	   *copy = strdup(text.data);
		ItemPage   *page = copy != NULL ? page_new(copy, text.length) : NULL;
		bool		is_whole = page != NULL && page_step(page) == STEP_DONE;

		if (is_whole)
			is_whole = page_next_item(page) != NULL;
		assert_int_equal(is_whole, !memory_has_failed());
		page_free(page);
	});
	buffer_free(&text);
}

/* A copy of an item is the same, documents included, and outlives the page; without memory there is none. */
static void
a_copy_of_an_item_lives_by_itself(void **state)
{
	ByteBuffer	text = {0};
	cJSON	   *expected;

	buffer_puts(&text, AN_ITEM);
	expected = json_parse(text.data, text.length);
	for (int nth = 1, failed = 1; failed; nth++)
	{
		ItemPage   *page = page_of(whole, strlen(whole));
		const cJSON *item = page_next_item(page);
		cJSON	   *copy;

		memory_fail_at(nth);
		copy = node_copy(item);
		failed = memory_has_failed();
		memory_fail_at(0);
		page_free(page);
		assert_int_equal(copy == NULL, failed);
		if (copy != NULL)
		{
			assert_true(documents_are_json(copy));
			assert_true(is_same(copy, expected));
		}
		cJSON_Delete(copy);
	}
	cJSON_Delete(expected);
	buffer_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_all_that_it_says),
		cmocka_unit_test(a_page_without_a_list_has_no_items),
		cmocka_unit_test(an_empty_list_is_one),
		cmocka_unit_test(a_batch_is_a_page),
		cmocka_unit_test(what_is_no_page_is_refused),
		cmocka_unit_test(what_is_no_item_is_refused_when_it_is_asked_for),
		cmocka_unit_test(a_damaged_page_is_refused_or_reads_as_any_json_does),
		cmocka_unit_test(a_long_page_is_whole),
		cmocka_unit_test(pages_of_something_else_are_refused),
		cmocka_unit_test(an_item_of_many_small_values_is_taken),
		cmocka_unit_test(an_item_has_no_more_attributes_than_a_table_has_columns),
		cmocka_unit_test(running_out_of_memory_is_told),
		cmocka_unit_test(a_copy_of_an_item_lives_by_itself),
	};

	return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
