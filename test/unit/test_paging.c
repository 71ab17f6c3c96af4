/*
 * paging: a place that DynamoDB would not send is refused, whatever it is made of; and so is one that comes again.
 */
#include "unit.h"

#include "dynamodb/json.h"
#include "dynamodb/paging.h"

/* What follows from an answer with this LastEvaluatedKey (NULL: none), after those that the trail has seen. */
static PagingResult
next_key(PagingTrail *trail, const char *last, cJSON **key)
{
	ByteBuffer	text = {0};
	PagingResult result;
	cJSON	   *answer;

	if (last != NULL)
		buffer_printf(&text, "{\"LastEvaluatedKey\":%s}", last);
	else
		buffer_puts(&text, "{}");
	answer = json_parse(text.data, text.length);
	assert_non_null(answer);
	result = paging_next_key(trail, answer, key);
	assert_int_equal(*key != NULL, result == PAGING_MORE);
	cJSON_Delete(answer);
	buffer_free(&text);
	return result;
}

static PagingResult
first_key(const char *last)
{
	PagingTrail trail = {0};
	cJSON	   *key = NULL;
	PagingResult result = next_key(&trail, last, &key);

	cJSON_Delete(key);
	paging_free(&trail);
	return result;
}

static PagingResult
next_table(PagingTrail *trail, const char *last, const char **name)
{
	char		text[400];
	PagingResult result;
	cJSON	   *answer;

	snprintf(text, sizeof(text), last != NULL ? "{\"LastEvaluatedTableName\":%s}" : "{}", last);
	answer = json_parse(text, strlen(text));
	assert_non_null(answer);
	result = paging_next_table(trail, answer, name);
	assert_int_equal(*name != NULL, result == PAGING_MORE);
	cJSON_Delete(answer);
	return result;
}

static void
the_end_is_told_in_three_ways(void **state)
{
	assert_int_equal(first_key(NULL), PAGING_END);
	assert_int_equal(first_key("{}"), PAGING_END);
	assert_int_equal(first_key("null"), PAGING_END);
}

static void
a_key_of_dynamodbs_goes_back_as_it_came(void **state)
{
	static const char *const keys[] = {
		"{\"aggregateId\":{\"S\":\"a \\u0000 \\ud800 \\\"\"},\"version\":{\"N\":\"-1.5E+10\"}}",
		"{\"k\":{\"B\":\"AAEC\"}}",
		"{\"a\":{\"S\":\"\"},\"b\":{\"N\":\"1\"},\"c\":{\"S\":\"t\"},\"d\":{\"N\":\"2\"}}",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		PagingTrail trail = {0};
		cJSON	   *key = NULL;
		ByteBuffer	text = {0};

		assert_int_equal(next_key(&trail, keys[i], &key), PAGING_MORE);
		json_write_value(&text, key);
		assert_text(&text, keys[i]);
		cJSON_Delete(key);
		paging_free(&trail);
	}
}

static void
what_dynamodb_does_not_send_is_refused(void **state)
{
	static const char *const keys[] = {
		"1", "true", "\"k\"", "[]", "[{\"S\":\"x\"}]",
		"{\"k\":1}", "{\"k\":\"x\"}", "{\"k\":null}", "{\"k\":{}}", "{\"k\":[\"S\"]}",
		"{\"k\":{\"S\":1}}", "{\"k\":{\"S\":{\"S\":\"x\"}}}", "{\"k\":{\"k\":{\"S\":\"x\"}}}", "{\"k\":{\"S\":\"x\",\"N\":\"1\"}}",
		"{\"k\":{\"N\":\"\"}}", "{\"k\":{\"N\":\"x\"}}", "{\"k\":{\"N\":\"NaN\"}}", "{\"k\":{\"B\":\"x\"}}",
		"{\"k\":{\"BOOL\":true}}", "{\"k\":{\"NULL\":true}}", "{\"k\":{\"M\":{}}}", "{\"k\":{\"L\":[]}}", "{\"k\":{\"SS\":[\"a\"]}}",
		"{\"k\":{\"S\":\"x\"},\"k\":{\"S\":\"x\"}}", "{\"k\":{\"S\":\"x\"},\"l\":{\"S\":\"x\"},\"k\":{\"N\":\"1\"}}",
		"{\"a\":{\"S\":\"\"},\"b\":{\"N\":\"1\"},\"c\":{\"S\":\"t\"},\"d\":{\"N\":\"2\"},\"e\":{\"N\":\"3\"}}",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (first_key(keys[i]) != PAGING_WRONG)
			fail_msg("accepted: %s", keys[i]);
}

/* `count` times `text` between two others. */
static void
check_long_key(const char *before, const char *text, size_t count, const char *after, PagingResult expected)
{
	ByteBuffer	key = {0};

	buffer_puts(&key, before);
	for (size_t i = 0; i < count; i++)
		buffer_puts(&key, text);
	buffer_puts(&key, after);
	assert_int_equal(first_key(key.data), expected);
	buffer_free(&key);
}

static void
a_key_that_is_too_large_is_refused(void **state)
{
	ByteBuffer	flat = {0};

	check_long_key("{\"k\":{\"S\":\"", "x", 2048, "\"}}", PAGING_MORE);
	check_long_key("{\"k\":{\"S\":\"", "\\u0000", 2048, "\"}}", PAGING_MORE);
	check_long_key("{\"k\":{\"S\":\"", "x", 10 * 1024 * 1024, "\"}}", PAGING_WRONG);
	check_long_key("{\"k\":{\"N\":\"", "1", 38, "\"}}", PAGING_MORE);
	check_long_key("{\"k\":{\"N\":\"", "1", 10000, "\"}}", PAGING_WRONG);
	check_long_key("{\"k\":{\"N\":\"", "0", 10000, "\"}}", PAGING_WRONG);
	check_long_key("{\"", "k", 255, "\":{\"S\":\"\"}}", PAGING_MORE);
	check_long_key("{\"", "k", 256, "\":{\"S\":\"\"}}", PAGING_WRONG);
	for (int i = 0; i < 80000; i++)
		buffer_printf(&flat, "%c\"k%d\":{\"S\":\"x\"}", i > 0 ? ',' : '{', i);
	buffer_putc(&flat, '}');
	assert_int_equal(first_key(flat.data), PAGING_WRONG);
	buffer_free(&flat);
}

/* A cycle of `length` places after `before` others: it ends, after no more than a few rounds. */
static void
check_cycle(int before, int length)
{
	PagingTrail trail = {0};
	PagingTrail tables = {0};
	cJSON	   *key = NULL;
	const char *name;
	int			pages = 0;

	for (;; pages++)
	{
		int			place = pages < before ? pages : before + (pages - before) % length;
		char		text[64];
		PagingResult result;

		snprintf(text, sizeof(text), "{\"k\":{\"N\":\"%d\"}}", place);
		result = next_key(&trail, text, &key);
		snprintf(text, sizeof(text), "\"t%d\"", place);
		assert_int_equal(next_table(&tables, text, &name), result);
		if (result == PAGING_WRONG)
			break;
		assert_int_equal(result, PAGING_MORE);
	}
	assert_true(pages >= before + length);
	assert_true(pages <= 3 * (before + length) + 1);
	paging_free(&trail);
	paging_free(&tables);
}

static void
a_place_that_comes_again_is_refused(void **state)
{
	for (int before = 0; before < 40; before += 3)
		for (int length = 1; length < 40; length++)
			check_cycle(before, length);
}

static void
places_that_are_all_new_go_on(void **state)
{
	PagingTrail trail = {0};
	cJSON	   *key = NULL;
	char		text[64];

	for (int i = 0; i < 5000; i++)
	{
		snprintf(text, sizeof(text), "{\"k\":{\"N\":\"%d\"}}", i);
		assert_int_equal(next_key(&trail, text, &key), PAGING_MORE);
	}
	assert_int_equal(next_key(&trail, NULL, &key), PAGING_END);
	paging_free(&trail);
}

static void
a_name_of_a_table_is_a_text(void **state)
{
	static const char *const wrong[] = {"1", "{}", "[]", "true", "\"\""};
	PagingTrail trail = {0};
	const char *name;

	assert_int_equal(next_table(&trail, NULL, &name), PAGING_END);
	assert_int_equal(next_table(&trail, "null", &name), PAGING_END);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(next_table(&trail, wrong[i], &name), PAGING_WRONG);
	assert_int_equal(next_table(&trail, "\"first\"", &name), PAGING_MORE);
	assert_string_equal(name, "first");
	assert_int_equal(next_table(&trail, "\"first\"", &name), PAGING_WRONG);
	paging_free(&trail);
}

static void
running_out_of_memory_is_no_end(void **state)
{
	static const char text[] = "{\"LastEvaluatedKey\":{\"k\":{\"S\":\"x\"}},\"LastEvaluatedTableName\":\"t\"}";
	char	   *copy = strdup(text);
	cJSON	   *answer = json_parse(copy, strlen(copy));

	FOR_EACH_ALLOCATION_FAILING({
		PagingTrail trail = {0};
		cJSON	   *key = NULL;
		PagingResult result = paging_next_key(&trail, answer, &key);

		assert_int_equal(result, memory_has_failed() ? PAGING_MEMORY : PAGING_MORE);
		assert_int_equal(key == NULL, memory_has_failed());
		cJSON_Delete(key);
		paging_free(&trail);
	});
	FOR_EACH_ALLOCATION_FAILING({
		PagingTrail trail = {0};
		const char *name;
		PagingResult result = paging_next_table(&trail, answer, &name);

		assert_int_equal(result, memory_has_failed() ? PAGING_MEMORY : PAGING_MORE);
		paging_free(&trail);
	});
	cJSON_Delete(answer);
	free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_is_told_in_three_ways),
		cmocka_unit_test(a_key_of_dynamodbs_goes_back_as_it_came),
		cmocka_unit_test(what_dynamodb_does_not_send_is_refused),
		cmocka_unit_test(a_key_that_is_too_large_is_refused),
		cmocka_unit_test(a_place_that_comes_again_is_refused),
		cmocka_unit_test(places_that_are_all_new_go_on),
		cmocka_unit_test(a_name_of_a_table_is_a_text),
		cmocka_unit_test(running_out_of_memory_is_no_end),
	};

	return cmocka_run_group_tests_name("paging", tests, NULL, NULL);
}
