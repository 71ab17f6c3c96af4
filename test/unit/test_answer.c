/*
 * answer: an answer reads exactly as the same text does by way of cJSON: what is refused, what is kept, and every
 * character; the documents in its items once they are parsed. And it takes no more memory than it may.
 */
#include "unit.h"

#include "dynamodb/answer.h"
#include "dynamodb/json.h"
#include "damage.h"
#include "same.h"

static const char item[] = "{\"Items\":[{\"aggregateId\":{\"S\":\"a\\u00e9\\ud83d\\ude00\"},\"version\":{\"N\":\"10\"},"
	"\"events\":{\"S\":\"[{\\\"type\\\":\\\"opened\\\",\\\"text\\\":\\\"\u00e9\u20ac\U0001F600 \\\\u0000\\\"}]\"},"
	"\"l\":{\"L\":[{\"BOOL\":true},{\"NULL\":true},{\"M\":{}},{\"SS\":[\"x\",\"y\"]}]}}, { } ] ,\n"
	"\"Count\":2,\"ScannedCount\":2,\"ConsumedCapacity\":{\"CapacityUnits\":1.5e0,\"TableName\":\"t\"},"
	"\"LastEvaluatedKey\":{\"k\\u0000\":{\"S\":\"\\ud800\"}}}";

static const char *const documents[] = {
	item,
	"{}", " [ ] ", "\"\"", " \"a\" \n", "\"12345678\"", "\"1234567\\n\"", "\"12345678\\\"12345678\"", "[1,-2.5,true,false,null,\"x\",{}]",
	"\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\"", "\"\\u0000\"", "\"\\ud800\\u0041\"", "\"\\ude00\\ud83d\"",
	"\"\\ud83d\\ude00\\ude00\"", "\"\\\\u0000\"", "{\"a\":1,\"a\":2}", "{\"\":{\"S\":\"\"}}", "1e999", "-0", "0.10",
	"", " ", "\"", "\"\\\"", "\"\\", "\"\\u", "\"\\u00\"", "\"\\u00g0\"", "\"\\ud83d\\u\"", "\"\\x\"", "{", "{}}", "{} {}", "[1,]", "[,1]", "[1 2]",
	"{\"a\"}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}", "{,}", "{1:1}", "nul", "nulll", "true false", "\"a\"b", "]", ",", "01", "+1", "1.",
	".5", "-", "1e", "--1", "NaN", "\"\n\"", "\"1234567\x1f\"", "\x01{}", "{}\x0b", "\xef\xbb\xbf{}", "\"\x80\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
	"\"\xe2\x82\"", "\"\xf4\x90\x80\x80\"", "\"\xff\"", "\"\xff" "0000\"", "\"\x7f\"", "\"\u00e9\u20ac\U0001F600\"",
};

#define NDOCUMENTS (sizeof(documents) / sizeof(documents[0]))

/* A page of exactly these bytes and the NUL after them, so that reading past the end is noticed. */
static Answer *
parse_bytes(const char *text, size_t length)
{
	char	   *copy = malloc(length + 1);

	assert_non_null(copy);
	memcpy(copy, text, length);
	copy[length] = '\0';
	return answer_parse(copy, length);
}

static void
check_same(const char *text, size_t length)
{
	char	   *copy = malloc(length + 1);
	Answer	   *answer = parse_bytes(text, length);
	bool		is_good = answer != NULL && documents_are_json(answer_root(answer));
	cJSON	   *value;

	assert_non_null(copy);
	memcpy(copy, text, length);
	value = json_parse(copy, length);
	if (is_good != (value != NULL))
		fail_msg("%s: %.*s", is_good ? "accepted" : "refused", (int) length, text);
	if (is_good && !is_same(answer_root(answer), value))
		fail_msg("read as something else: %.*s", (int) length, text);
	answer_free(answer);
	cJSON_Delete(value);
	free(copy);
}

static void
an_answer_reads_as_any_json_does(void **state)
{
	for (size_t i = 0; i < NDOCUMENTS; i++)
		check_same(documents[i], strlen(documents[i]));
	assert_null(answer_parse(NULL, 0));
}

static void
a_damaged_answer_is_refused_or_reads_as_any_json_does(void **state)
{
	const int	rounds = (int) cases_of(20000);
	uint32_t	random = 1;
	char		text[sizeof(item)];

	for (int round = 0; round < rounds; round++)
	{
		memcpy(text, item, sizeof(item));
		check_same(text, damage(text, sizeof(item) - 1, round, &random));
	}
}

/* A special character at each place beside the eight bytes that are looked at in one step. */
static void
no_character_is_overlooked_in_a_long_text(void **state)
{
	static const char *const specials[] = {"\"", "\\", "\x1f", "\x80", "\xff", "\\n", "\u00e9", "\\u0000", "!", "#", "[", "]", "\x7f", " "};
	char		text[64];

	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		for (int before = 0; before < 20; before++)
			for (int after = 0; after < 20; after += 3)
			{
				int			length = snprintf(text, sizeof(text), "\"%.*s%s%.*s\"", before, "aaaaaaaaaaaaaaaaaaaa", specials[i],
											  after, "zzzzzzzzzzzzzzzzzzzz");

				check_same(text, (size_t) length);
			}
}

static void
depth_is_bounded(void **state)
{
	ByteBuffer	text = {0};

	for (int i = 0; i < 100000; i++)
		buffer_putc(&text, '[');
	assert_null(parse_bytes(text.data, text.length));
	for (size_t depth = 999; depth <= 1002; depth++)
	{
		buffer_reset(&text);
		for (size_t i = 0; i < 2 * depth; i++)
			buffer_putc(&text, i < depth ? '[' : ']');
		check_same(text.data, text.length);
	}
	buffer_free(&text);
}

static void
numbers_keep_their_value(void **state)
{
	static const char text[] = "[12,0.5,2147483648,-2147483649,1e3]";
	Answer	   *answer = parse_bytes(text, strlen(text));
	const cJSON *number = answer_root(answer)->child;

	assert_true(number->valuedouble == 12 && number->valueint == 12);
	number = number->next;
	assert_true(number->valuedouble == 0.5);
	number = number->next;
	assert_true(number->valuedouble == 2147483648.0 && number->valueint == INT32_MAX);
	number = number->next;
	assert_true(number->valuedouble == -2147483649.0 && number->valueint == INT32_MIN);
	assert_true(number->next->valuedouble == 1000);
	answer_free(answer);
}

/* cJSON reads 63 characters of a number, and stumbles over the next. */
static void
a_number_that_is_too_long_is_refused_by_both(void **state)
{
	char		text[80];

	for (int length = 60; length <= 70; length++)
	{
		memset(text, '1', sizeof(text));
		check_same(text, (size_t) length);
		text[1] = '.';
		check_same(text, (size_t) length);
		text[0] = '[';
		text[1] = '1';
		text[length - 1] = ']';
		check_same(text, (size_t) length);
	}
	memset(text, '1', sizeof(text));
	assert_null(parse_bytes(text, 64));
}

static void
an_answer_of_many_values_is_whole(void **state)
{
	ByteBuffer	text = {0};
	Answer	   *answer;
	const cJSON *number;

	buffer_putc(&text, '[');
	for (int i = 0; i < 5000; i++)
		buffer_printf(&text, "%s{\"S\":\"%d\"}", i > 0 ? "," : "", i);
	buffer_putc(&text, ']');
	answer = parse_bytes(text.data, text.length);
	assert_non_null(answer);
	number = answer_root(answer)->child;
	for (int i = 0; i < 5000; i++, number = number->next)
	{
		assert_non_null(number);
		assert_string_equal(number->child->string, "S");
		assert_int_equal(atoi(number->child->valuestring), i);
	}
	assert_null(number);
	answer_free(answer);
	buffer_free(&text);
}

/* `[x,x,…]`; NULL where it is refused. */
static Answer *
parse_many(const char *element, size_t count)
{
	ByteBuffer	text = {0};
	Answer	   *answer;

	buffer_putc(&text, '[');
	for (size_t i = 0; i < count; i++)
	{
		if (i > 0)
			buffer_putc(&text, ',');
		buffer_puts(&text, element);
	}
	buffer_putc(&text, ']');
	answer = parse_bytes(text.data, text.length);
	buffer_free(&text);
	return answer;
}

/* A value for every two bytes, or three, or four: none of DynamoDB's answers is like that. */
static void
many_tiny_values_are_refused(void **state)
{
	static const char *const elements[] = {"0", "{}", "[]", "\"\"", "\"a\"", "null", "{\"a\":0}"};

	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
	{
		answer_free(parse_many(elements[i], 4000));
		assert_null(parse_many(elements[i], 1000000));
	}
}

static void
many_short_items_are_not(void **state)
{
	Answer	   *answer = parse_many("{\"name\":{\"S\":\"c#burned#1\"}}", 100000);

	assert_non_null(answer);
	assert_int_equal(cJSON_GetArraySize(answer_root(answer)), 100000);
	answer_free(answer);
}

static void
running_out_of_memory_leaves_nothing(void **state)
{
	ByteBuffer	text = {0};
	char	   *copy;

	buffer_putc(&text, '[');
	for (int i = 0; i < 3000; i++)
		buffer_puts(&text, i > 0 ? ",{}" : "{}");
	buffer_putc(&text, ']');
	for (int nth = 1; nth <= 4; nth++)
	{
		copy = malloc(text.length + 1);
		memcpy(copy, text.data, text.length + 1);
		memory_fail_at(nth);
		assert_null(answer_parse(copy, text.length));
		assert_true(memory_has_failed());
		memory_fail_at(0);
	}
	buffer_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_reads_as_any_json_does),
		cmocka_unit_test(a_damaged_answer_is_refused_or_reads_as_any_json_does),
		cmocka_unit_test(no_character_is_overlooked_in_a_long_text),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(numbers_keep_their_value),
		cmocka_unit_test(a_number_that_is_too_long_is_refused_by_both),
		cmocka_unit_test(an_answer_of_many_values_is_whole),
		cmocka_unit_test(many_tiny_values_are_refused),
		cmocka_unit_test(many_short_items_are_not),
		cmocka_unit_test(running_out_of_memory_leaves_nothing),
	};

	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
