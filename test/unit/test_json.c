/*
 * json: every text that DynamoDB can store comes in, is told apart from what cannot be shown, and goes back unchanged.
 */
#include "unit.h"

#include "dynamodb/json.h"

/* Parses a copy of exactly these bytes, so that reading past the end is noticed. */
static cJSON *
parse_bytes(const char *text, size_t length)
{
	char	   *copy = malloc(length > 0 ? length : 1);
	cJSON	   *value;

	assert_non_null(copy);
	memcpy(copy, text, length);
	value = json_parse(copy, length);
	free(copy);
	return value;
}

static cJSON *
parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void
check_text(const char *json, const char *expected, bool plain)
{
	cJSON	   *value = parse(json);
	const char *text = cJSON_GetStringValue(value);

	assert_non_null(text);
	assert_string_equal(text, expected);
	assert_int_equal(json_text_is_plain(text), plain);
	cJSON_Delete(value);
}

static void
check_refused(const char *json)
{
	cJSON	   *value = parse(json);

	if (value != NULL)
		fail_msg("accepted: %s", json);
}

static void
check_round_trip(const char *json, const char *expected)
{
	cJSON	   *value = parse(json);
	ByteBuffer	out = {0};

	assert_non_null(value);
	json_write_value(&out, value);
	cJSON_Delete(value);
	assert_text(&out, expected);
}

static void
plain_texts_come_as_they_are(void **state)
{
	check_text("\"\"", "", true);
	check_text(" \"a\" \n", "a", true);
	check_text("\"\\u0041\\u00e9\\u20AC\"", "A\u00e9\u20ac", true);
	check_text("\"\u00e9\u20ac\U0001F600\"", "\u00e9\u20ac\U0001F600", true);
	check_text("\"\\ud83d\\ude00\\uD83D\\uDE00\"", "\U0001F600\U0001F600", true);
	check_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\"", "\"\\/\b\f\n\r\t\001", true);
	check_text("\"\x7f\"", "\x7f", true);
}

static void
a_zero_character_is_kept(void **state)
{
	check_text("\"\\u0000\"", "\xff" "0000", false);
	check_text("\"a\\u0000b\\u0000\"", "a\xff" "0000b\xff" "0000", false);
}

static void
lone_surrogates_are_kept(void **state)
{
	check_text("\"\\ud800\"", "\xff" "d800", false);
	check_text("\"\\uDFFF!\"", "\xff" "dfff!", false);
	check_text("\"\\ud800\\u0041\"", "\xff" "d800A", false);
	check_text("\"\\ud800\\n\"", "\xff" "d800\n", false);
	check_text("\"\\ude00\\ud83d\"", "\xff" "de00\xff" "d83d", false);
	check_text("\"\\ud800\\ud83d\\ude00\"", "\xff" "d800\U0001F600", false);
	check_text("\"\\ud83d\\ude00\\ude00\"", "\U0001F600\xff" "de00", false);
}

static void
an_escaped_backslash_is_no_escape(void **state)
{
	check_text("\"\\\\u0000\"", "\\u0000", true);
	check_text("\"\\\\\\u0000\"", "\\\xff" "0000", false);
	check_text("\"\\\\\\\\u0000\"", "\\\\u0000", true);
	check_text("\"\\\\ud800\"", "\\ud800", true);
	check_text("\"\\\\\"", "\\", true);
}

static void
broken_documents_are_refused(void **state)
{
	static const char *const documents[] = {
		"", " ", "\"", "\"\\\"", "\"\\", "\"\\u", "\"\\u00", "\"\\u00\"", "\"\\u00g0\"", "\"\\ud83d\\u\"", "\"\\x\"", "\"\\U0041\"",
		"{", "{}}", "{} {}", "[1,]", "{\"a\"}", "{\"a\":1,}", "{a:1}", "nul", "nulll", "true false", "\"a\"b", "]", ",",
		"01", "+1", "1.", ".5", "-", "1e", "0x10", "1 2", "--1", "[1.]", "NaN", "Infinity",
		"\"\n\"", "\"\t\"", "\"\x01\"", "\x01{}", "{}\x0b", "\xef\xbb\xbf{}",
		"/**/{}", "{}//",
	};

	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
		check_refused(documents[i]);
	assert_null(json_parse(NULL, 0));
}

static void
a_zero_byte_does_not_end_a_text(void **state)
{
	assert_null(parse_bytes("\"a\0b\"", 5));
	assert_null(parse_bytes("{}\0", 3));
	assert_null(parse_bytes("{}\0{}", 5));
	assert_null(parse_bytes("{\"a\0\":1}", 8));
}

static void
bytes_that_are_not_utf8_are_refused(void **state)
{
	static const char *const texts[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2 ", "\xe0\x9f\xbf", "\xe0\xa0", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xe2\x82", "\xe2\x82 ", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80",
		"\xfe", "\xff", "\xffz000", "\\\xff", "\\\xc3\xa9",
	};
	static const char *const extremes[] = {
		"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
	};
	char		json[32];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		snprintf(json, sizeof(json), "\"%s\"", texts[i]);
		check_refused(json);
		snprintf(json, sizeof(json), "{\"%s\":1}", texts[i]);
		check_refused(json);
		check_refused(texts[i]);
		/* At the very end of the memory. */
		snprintf(json, sizeof(json), "\"%s", texts[i]);
		check_refused(json);
	}
	for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++)
	{
		snprintf(json, sizeof(json), "\"%s\"", extremes[i]);
		check_text(json, extremes[i], true);
	}
}

static void
documents_come_back_as_they_were(void **state)
{
	check_round_trip("{}", "{}");
	check_round_trip(" [ ] ", "[]");
	check_round_trip("{ \"a\" : [ 1 , -2.5 , true , false , null , \"x\" , { } ] }", "{\"a\":[1,-2.5,true,false,null,\"x\",{}]}");
	check_round_trip("{\"k\\u0000\":{\"S\":\"\\ud800\\\\u0000\\u0000\"}}", "{\"k\\u0000\":{\"S\":\"\\ud800\\\\u0000\\u0000\"}}");
	check_round_trip("\"\\uDC00\\ud83d\\ude00\"", "\"\\udc00\U0001F600\"");
	check_round_trip("\"\\b\\f\\n\\r\\t\\u001F\\/\"", "\"\\u0008\\u000c\\n\\u000d\\u0009\\u001f/\"");
	check_round_trip("{\"a\":{\"N\":\"1.0\"},\"A\":{\"N\":\"1E3\"}}", "{\"a\":{\"N\":\"1.0\"},\"A\":{\"N\":\"1E3\"}}");
}

static void
any_bytes_are_written_as_a_string(void **state)
{
	ByteBuffer	out = {0};

	json_write_string(&out, "a\0b", 3);
	json_write_string(&out, "\xff", 1);
	json_write_string(&out, "\xff" "0041", 5);
	json_write_string(&out, "\xff" "zzzz", 5);
	json_write_string(&out, "\xff" "000", 4);
	json_write_string(&out, "\xff" "0000", 5);
	json_write_string(&out, "x\xff" "dfff\xff" "d800", 11);
	json_write_string(&out, "", 0);
	assert_text(&out, "\"a\\u0000b\"" "\"\\ufffd\"" "\"\\ufffd0041\"" "\"\\ufffdzzzz\"" "\"\\ufffd000\"" "\"\\u0000\""
				"\"x\\udfff\\ud800\"" "\"\"");
}

/* An answer nests 32 levels of values at most; a hostile one is refused, before any stack is at risk. */
static void
depth_is_bounded(void **state)
{
	ByteBuffer	text = {0};
	ByteBuffer	out = {0};
	cJSON	   *value;

	for (int i = 0; i < 100000; i++)
		buffer_putc(&text, '[');
	assert_null(parse_bytes(text.data, text.length));
	buffer_reset(&text);
	for (int i = 0; i < 500; i++)
		buffer_putc(&text, '[');
	for (int i = 0; i < 500; i++)
		buffer_putc(&text, ']');
	value = parse_bytes(text.data, text.length);
	assert_non_null(value);
	json_write_value(&out, value);
	cJSON_Delete(value);
	assert_text(&out, text.data);
	buffer_free(&text);
}

static void
members_are_found_by_their_exact_name(void **state)
{
	cJSON	   *object = parse("{\"A\":1,\"a\":\"x\",\"n\":null}");

	assert_string_equal(json_member_text(object, "a"), "x");
	assert_null(json_member_text(object, "A"));
	assert_non_null(json_member(object, "A"));
	assert_non_null(json_member(object, "n"));
	assert_null(json_member(object, "N"));
	assert_null(json_member(json_member(object, "a"), "x"));
	assert_null(json_member(NULL, "a"));
	assert_null(json_member_text(NULL, "a"));
	cJSON_Delete(object);
}

static void
numbers_are_told_by_the_grammar(void **state)
{
	static const char *const numbers[] = {"0", "-0", "10", "-1.50", "1e5", "1E+05", "0.0e-0", "123456789012345678901234567890"};
	static const char *const others[] = {"", "-", "+1", "01", "-01", ".5", "5.", "1e", "1e+", "1.e5", "1 ", " 1", "0x1", "1e5.0", "NaN"};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_true(json_is_number(numbers[i], strlen(numbers[i])));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(json_is_number(others[i], strlen(others[i])));
}

static void
running_out_of_memory_leaves_nothing(void **state)
{
	static const char document[] = "{\"a\":[1,{\"S\":\"\\u0000\"},null]}";
	cJSON	   *value;

	FOR_EACH_ALLOCATION_FAILING({
		char		text[sizeof(document)];

		memcpy(text, document, sizeof(document));
		value = json_parse(text, strlen(text));
		assert_int_equal(value == NULL, memory_has_failed());
		cJSON_Delete(value);
	});
	value = parse(document);
	CHECK_MEMORY_FAILURES_OF(out, json_write_value(&out, value));
	cJSON_Delete(value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_texts_come_as_they_are),
		cmocka_unit_test(a_zero_character_is_kept),
		cmocka_unit_test(lone_surrogates_are_kept),
		cmocka_unit_test(an_escaped_backslash_is_no_escape),
		cmocka_unit_test(broken_documents_are_refused),
		cmocka_unit_test(a_zero_byte_does_not_end_a_text),
		cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
		cmocka_unit_test(documents_come_back_as_they_were),
		cmocka_unit_test(any_bytes_are_written_as_a_string),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(members_are_found_by_their_exact_name),
		cmocka_unit_test(numbers_are_told_by_the_grammar),
		cmocka_unit_test(running_out_of_memory_leaves_nothing),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
