/*
 * attribute: a value is read only where it is one, numbers are compared as numbers, and sizes follow DynamoDB's rules.
 */
#include "unit.h"

#include "dynamodb/answer.h"
#include "dynamodb/attribute.h"
#include "dynamodb/document.h"
#include "dynamodb/json.h"

/* An answer with this item, whose memory is exactly as long as its text. */
static Answer *
parse(const char *item)
{
	ByteBuffer	text = {0};
	Answer	   *answer;
	char	   *copy;

	buffer_printf(&text, "{\"Item\":%s}", item);
	copy = strdup(text.data);
	answer = answer_parse(copy, text.length);
	buffer_free(&text);
	assert_non_null(answer);
	return answer;
}

static const cJSON *
item_of(const Answer *answer)
{
	return json_member(answer_root(answer), "Item");
}

/* The type of the one value in an item. */
static AttributeType
type_of(const char *value)
{
	ByteBuffer	text = {0};
	Answer	   *answer;
	AttributeType type;

	buffer_printf(&text, "{\"a\":%s}", value);
	answer = parse(text.data);
	type = attribute_get(item_of(answer), "a").type;
	answer_free(answer);
	buffer_free(&text);
	return type;
}

static void
every_type_is_read(void **state)
{
	Answer	   *answer = parse("{\"s\":{\"S\":\"x\\u00e9\"},\"n\":{\"N\":\"1.0\"},\"b\":{\"B\":\"AAE=\"},\"t\":{\"BOOL\":true},"
							 "\"f\":{\"BOOL\":false},\"m\":{\"M\":{\"x\":{\"S\":\"y\"}}}}");
	const cJSON *item = item_of(answer);
	AttributeValue value = attribute_get(item, "s");

	assert_int_equal(value.type, ATTRIBUTE_S);
	assert_string_equal(value.text, "x\u00e9");
	assert_int_equal(value.length, 3);
	value = attribute_get(item, "n");
	assert_int_equal(value.type, ATTRIBUTE_N);
	assert_string_equal(value.text, "1.0");
	value = attribute_get(item, "b");
	assert_int_equal(value.type, ATTRIBUTE_B);
	assert_string_equal(value.text, "AAE=");
	assert_int_equal(value.length, 4);
	assert_true(attribute_get(item, "t").boolean);
	assert_int_equal(attribute_get(item, "f").type, ATTRIBUTE_BOOL);
	assert_false(attribute_get(item, "f").boolean);
	value = attribute_get(item, "m");
	assert_int_equal(value.type, ATTRIBUTE_M);
	assert_int_equal(value.length, strlen("{\"x\":{\"S\":\"y\"}}"));
	assert_memory_equal(value.text, "{\"x\":{\"S\":\"y\"}}", value.length);
	assert_int_equal(attribute_get(item, "S").type, ATTRIBUTE_ABSENT);
	assert_int_equal(attribute_get(NULL, "s").type, ATTRIBUTE_ABSENT);
	answer_free(answer);

	assert_int_equal(type_of("{\"S\":\"\"}"), ATTRIBUTE_S);
	assert_int_equal(type_of("{\"B\":\"\"}"), ATTRIBUTE_B);
	assert_int_equal(type_of("{\"NULL\":true}"), ATTRIBUTE_NULL);
	assert_int_equal(type_of("{\"M\":{}}"), ATTRIBUTE_M);
	assert_int_equal(type_of("{\"L\":[]}"), ATTRIBUTE_L);
	assert_int_equal(type_of("{\"SS\":[\"a\"]}"), ATTRIBUTE_SS);
	assert_int_equal(type_of("{\"NS\":[\"1\"]}"), ATTRIBUTE_NS);
	assert_int_equal(type_of("{\"BS\":[\"AA==\"]}"), ATTRIBUTE_BS);
}

static void
what_is_no_value_is_invalid(void **state)
{
	static const char *const values[] = {
		"null", "1", "\"x\"", "[]", "{}", "{\"S\":1}", "{\"S\":null}", "{\"N\":1}", "{\"N\":\"\"}", "{\"N\":\"x\"}", "{\"N\":\"NaN\"}",
		"{\"BOOL\":\"true\"}", "{\"BOOL\":1}", "{\"NULL\":false}", "{\"NULL\":\"true\"}", "{\"M\":[]}", "{\"L\":{}}", "{\"SS\":\"a\"}",
		"{\"SS\":{}}", "{\"NS\":\"1\"}", "{\"BS\":{}}", "{\"B\":\"A\"}", "{\"B\":\"A===\"}", "{\"B\":\"A=A=\"}", "{\"B\":\"A?==\"}",
		"{\"X\":\"x\"}", "{\"s\":\"x\"}", "{\"nothing\":\"x\"}", "{\"S\":\"x\",\"N\":\"1\"}",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (type_of(values[i]) != ATTRIBUTE_INVALID)
			fail_msg("accepted: %s", values[i]);
}

static void
types_have_their_names(void **state)
{
	assert_string_equal(attribute_type_name(ATTRIBUTE_S), "S");
	assert_string_equal(attribute_type_name(ATTRIBUTE_BOOL), "BOOL");
	assert_string_equal(attribute_type_name(ATTRIBUTE_NULL), "NULL");
	assert_string_equal(attribute_type_name(ATTRIBUTE_BS), "BS");
	assert_string_equal(attribute_type_name(ATTRIBUTE_ABSENT), "nothing");
	assert_string_equal(attribute_type_name(ATTRIBUTE_INVALID), "an invalid value");
}

static void
values_are_written_with_their_type(void **state)
{
	ByteBuffer	out = {0};
	char		digits[24];
	AttributeValue values[] = {
		attribute_string("a\"b", 3),
		attribute_string("ab", 1),
		attribute_number("1E3", 3),
		attribute_int64(INT64_MIN, digits),
		attribute_boolean(true),
		attribute_boolean(false),
		{.type = ATTRIBUTE_NULL},
		{.type = ATTRIBUTE_B, .text = "AA==", .length = 4},
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		attribute_write(&out, &values[i]);
	assert_text(&out, "{\"S\":\"a\\\"b\"}{\"S\":\"a\"}{\"N\":\"1E3\"}{\"N\":\"-9223372036854775808\"}{\"BOOL\":true}{\"BOOL\":false}"
				"{\"NULL\":true}{\"B\":\"AA==\"}");

	attribute_write(&out, &(AttributeValue) {.type = ATTRIBUTE_INVALID});
	assert_true(out.failed);
	buffer_free(&out);
	CHECK_MEMORY_FAILURES_OF(text, attribute_write(&text, &values[0]));
}

/* `expected` NULL: it cannot be shown. */
static void
check_plain(const char *value_text, const char *expected)
{
	ByteBuffer	text = {0};
	ByteBuffer	out = {0};
	Answer	   *answer;
	AttributeValue value;
	bool		shown;

	buffer_printf(&text, "{\"a\":%s}", value_text);
	answer = parse(text.data);
	value = attribute_get(item_of(answer), "a");
	shown = document_write_plain(&out, &value);
	if (shown != (expected != NULL))
		fail_msg("%s %s", value_text, shown ? "was shown" : "was not shown");
	if (shown)
		assert_text(&out, expected);
	buffer_free(&out);
	buffer_free(&text);
	answer_free(answer);
}

static void
documents_are_shown_as_plain_json(void **state)
{
	check_plain("{\"S\":\"[{\\\"a\\\": 1.00}]\"}", "[{\"a\": 1.00}]");
	check_plain("{\"S\":\"\"}", "");
	check_plain("{\"M\":{}}", "{}");
	check_plain("{\"L\":[]}", "[]");
	check_plain("{\"M\":{\"s\":{\"S\":\"x\\n\\\"\"},\"n\":{\"N\":\"-1.50E+10\"},\"b\":{\"B\":\"AAE=\"},\"t\":{\"BOOL\":true},"
				"\"f\":{\"BOOL\":false},\"z\":{\"NULL\":true},\"l\":{\"L\":[{\"N\":\"1\"},{\"M\":{\"q\\\"\":{\"L\":[]}}}]},"
				"\"ss\":{\"SS\":[\"a\",\"b\"]},\"ns\":{\"NS\":[\"12345678901234567890123456789012345678\"]},\"bs\":{\"BS\":[\"AA==\"]}}}",
				"{\"s\":\"x\\n\\\"\",\"n\":-1.50E+10,\"b\":\"AAE=\",\"t\":true,\"f\":false,\"z\":null,\"l\":[1,{\"q\\\"\":[]}],"
				"\"ss\":[\"a\",\"b\"],\"ns\":[12345678901234567890123456789012345678],\"bs\":[\"AA==\"]}");
}

static void
what_cannot_be_shown_is_refused(void **state)
{
	check_plain("{\"S\":\"a\\u0000\"}", NULL);
	check_plain("{\"L\":[{\"S\":\"\\ud800\"}]}", NULL);
	check_plain("{\"M\":{\"\\u0000\":{\"S\":\"x\"}}}", NULL);
	check_plain("{\"L\":[{\"SS\":[\"a\",\"\\u0000\"]}]}", NULL);
	check_plain("{\"L\":[{\"N\":\"+1\"}]}", NULL);
	check_plain("{\"L\":[{\"NS\":[\"x\"]}]}", NULL);
	check_plain("{\"L\":[1]}", NULL);
	check_plain("{\"M\":{\"a\":{}}}", NULL);
	check_plain("{\"N\":\"1\"}", NULL);
	check_plain("{\"BOOL\":true}", NULL);
	check_plain("{\"NULL\":true}", NULL);
	check_plain("{\"B\":\"AA==\"}", NULL);
	check_plain("{\"SS\":[\"a\"]}", NULL);
	check_plain("{\"X\":1}", NULL);
}

static bool
write_list(ByteBuffer *out, const char *text, size_t length)
{
	return document_write_plain(out, &(AttributeValue) {.type = ATTRIBUTE_L, .text = text, .length = length});
}

static void
a_document_reads_as_any_json_does(void **state)
{
	static const char *const malformed[] = {
		"[}", "[{]", "[{\"S\":\"x\"},]", "[,{\"S\":\"x\"}]", "[{\"S\":\"x\"}{\"S\":\"x\"}]", "[{\"S\" \"x\"}]", "[{\"S\":\"x\",}]",
		"[{\"S\":\"x\",\"N\":\"1\"}]", "[{\"BOOL\":TRUE}]", "[{\"NULL\":false}]", "[{\"S\":\"\\x\"}]", "[{\"S\":\"\\u00g0\"}]",
		"[{\"S\":\"\x80\"}]", "[{\"S\":\"\n\"}]", "[{\"B\":\"A\"}]", "[{\"BS\":[\"A\"]}]", "[{\"N\":\"1\\u0000\"}]", "[{\"X\":\"1\"}]",
		"[{\"N\":\"100000000000000000000000000000000000000000000001\"}]", "[{\"M\":[]}]", "[{\"L\":{}}]", "[{\"SS\":[1]}]", "[]]", "[null]",
	};

	check_plain("{\"L\" : [ { \"M\" : { \"k\" :\n{\t\"S\" : \"v\" } } } , {\"NS\":[ \"1\" , \"2\"]} ] }", "[{\"k\":\"v\"},[1,2]]");
	check_plain("{\"L\":[{\"S\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u0041\\u00e9\\ud83d\\ude00\u00e9\"}]}",
				"[\"\\\"\\\\/\\u0008\\u000c\\n\\u000d\\u0009\\u0001A\u00e9\U0001F600\u00e9\"]");
	check_plain("{\"L\":[{\"B\":\"AA\\/=\"},{\"N\":\"\\u0031\"}]}", "[\"AA/=\",1]");
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
	{
		ByteBuffer	out = {0};

		if (write_list(&out, malformed[i], strlen(malformed[i])))
			fail_msg("accepted: %s", malformed[i]);
		buffer_free(&out);
	}
}

static void
the_depth_of_a_document_is_bounded(void **state)
{
	ByteBuffer	text = {0};
	ByteBuffer	out = {0};

	for (int i = 0; i < 100000; i++)
		buffer_puts(&text, i == 0 ? "[" : "{\"L\":[");
	assert_false(write_list(&out, text.data, text.length));
	buffer_free(&text);
	buffer_free(&out);
}

static void
a_document_without_memory_is_no_document(void **state)
{
	static const char text[] = "[{\"S\":\"x\"},{\"N\":\"1\"},{\"B\":\"AA==\"}]";

	FOR_EACH_ALLOCATION_FAILING({
		ByteBuffer	out = {0};
		bool		is_whole = write_list(&out, text, strlen(text)) && !out.failed;

		assert_int_equal(is_whole, !memory_has_failed());
		buffer_free(&out);
	});
}

static void
check_int64(const char *text, bool fits, int64_t expected)
{
	AttributeValue value = attribute_number(text, strlen(text));
	int64_t		number = 4711;

	if (attribute_to_int64(&value, &number) != fits)
		fail_msg("%s %s", text, fits ? "was refused" : "was taken");
	if (fits)
		assert_true(number == expected);
}

static void
an_integer_is_one_in_any_form(void **state)
{
	check_int64("0", true, 0);
	check_int64("-0", true, 0);
	check_int64("0.000", true, 0);
	check_int64("0E99999999999999999999", true, 0);
	check_int64("7", true, 7);
	check_int64("-7", true, -7);
	check_int64("+7", true, 7);
	check_int64("007", true, 7);
	check_int64("10", true, 10);
	check_int64("1E1", true, 10);
	check_int64("1e+1", true, 10);
	check_int64("10.0", true, 10);
	check_int64("1.0", true, 1);
	check_int64("1E3", true, 1000);
	check_int64("1.5E1", true, 15);
	check_int64("0.00000000000000000000000000000000000000000000000015E50", true, 15);
	check_int64("150E-1", true, 15);
	check_int64("1000000000000000000000000000000000000000000E-42", true, 1);
	check_int64("9223372036854775807", true, INT64_MAX);
	check_int64("-9223372036854775808", true, INT64_MIN);
	check_int64("9223372036854775807.000", true, INT64_MAX);
	check_int64("9.223372036854775807E18", true, INT64_MAX);
}

static void
other_numbers_are_no_int64(void **state)
{
	check_int64("9223372036854775808", false, 0);
	check_int64("-9223372036854775809", false, 0);
	check_int64("9999999999999999999", false, 0);
	check_int64("18446744073709551616", false, 0);
	check_int64("18446744073709551617", false, 0);
	check_int64("1E19", false, 0);
	check_int64("1E125", false, 0);
	check_int64("1E99999999999999999999", false, 0);
	check_int64("1E-99999999999999999999", false, 0);
	check_int64("10.5", false, 0);
	check_int64("0.5", false, 0);
	check_int64("1E-1", false, 0);
	check_int64("9223372036854775807.1", false, 0);
	check_int64("12345678901234567890123456789012345678", false, 0);
	check_int64("1.2345678901234567890123456789012345678901234567890", false, 0);
	check_int64("", false, 0);
	check_int64("-", false, 0);
	check_int64(".", false, 0);
	check_int64("1x", false, 0);
	check_int64("1e", false, 0);
	check_int64("1e+", false, 0);
	check_int64("1..0", false, 0);
	check_int64("e5", false, 0);
	check_int64(" 1", false, 0);
	check_int64("0x10", false, 0);

	AttributeValue text = attribute_string("1", 1);
	int64_t		number;

	assert_false(attribute_to_int64(&text, &number));
}

static bool
numbers_are_equal(const char *one, const char *other)
{
	AttributeValue a = attribute_number(one, strlen(one));
	AttributeValue b = attribute_number(other, strlen(other));

	return attribute_equal(&a, &b);
}

static void
equal_is_what_is_one_value(void **state)
{
	static const char *const same[][2] = {
		{"1.50", "1.5"}, {"100", "1E2"}, {"1e+20", "100000000000000000000"}, {"-0.00", "0"}, {"0.001", "1E-3"},
		{"-7", "-7.0"},
	};
	static const char *const others[][2] = {
		{"1.5", "15"}, {"1", "-1"}, {"0", "1"}, {"100", "1001"}, {"1234567", "1234568"}, {"", ""}, {"x", "x"},
	};
	const AttributeValue values[] = {
		attribute_string("1", 1), attribute_string("x", 1), attribute_number("1", 1),
		{.type = ATTRIBUTE_B, .text = "eA==", .length = 4}, attribute_boolean(true), attribute_boolean(false),
	};
	const AttributeValue absent = {.type = ATTRIBUTE_ABSENT};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_true(numbers_are_equal(same[i][0], same[i][1]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(numbers_are_equal(others[i][0], others[i][1]));
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++)
			assert_int_equal(attribute_equal(&values[i], &values[j]), i == j);
	assert_false(attribute_equal(&absent, &absent));
}

static void
the_length_ends_a_number(void **state)
{
	AttributeValue value = attribute_number("1234", 2);
	int64_t		number;

	assert_true(attribute_to_int64(&value, &number));
	assert_int_equal(number, 12);
	assert_true(number_is_storable("1x", 1));
}

static void
dynamodb_holds_38_digits_and_its_range(void **state)
{
	static const char *const storable[] = {
		"0", "-0", "0.0", "1", "-1.5", "1E3", "12345678901234567890123456789012345678", "-0.12345678901234567890123456789012345678",
		"12345678901234567890123456789012345678000", "0.00012345678901234567890123456789012345678",
		"1E-130", "9.9999999999999999999999999999999999999E125", "-9.9999999999999999999999999999999999999E+125", "0.1E-129", "10E124", "0E500",
	};
	static const char *const others[] = {
		"", "-", ".", "NaN", "Infinity", "-Infinity", "1,5", "1e", "123456789012345678901234567890123456789",
		"1.00000000000000000000000000000000000001", "1E126", "1E-131", "9.9E-131", "10E125", "0.1E-130", "1E9999999999999999999999",
		"1E-9999999999999999999999", "1 ", "--1",
	};

	for (size_t i = 0; i < sizeof(storable) / sizeof(storable[0]); i++)
		if (!number_is_storable(storable[i], strlen(storable[i])))
			fail_msg("refused: %s", storable[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (number_is_storable(others[i], strlen(others[i])))
			fail_msg("accepted: %s", others[i]);
}

/* With one digit more it would be nearer to the integer, and DynamoDB could not hold it. */
static void
nothing_fits_between_an_integer_and_the_number_below_it(void **state)
{
	static const struct
	{
		int64_t		integer;
		const char *below;
	}			cases[] = {
		{21, "20.999999999999999999999999999999999999"},
		{10, "9.9999999999999999999999999999999999999"},
		{1, "0.99999999999999999999999999999999999999"},
		{0, "-1E-130"},
		{-1, "-1.0000000000000000000000000000000000001"},
		{-10, "-10.000000000000000000000000000000000001"},
		{INT64_MAX, "9223372036854775806.9999999999999999999"},
		{INT64_MIN, "-9223372036854775808.0000000000000000001"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char		digits[48];
		char		nearer[64];
		AttributeValue value = attribute_number_below(cases[i].integer, digits);
		int			length = (int) value.length;

		assert_int_equal(value.type, ATTRIBUTE_N);
		assert_string_equal(value.text, cases[i].below);
		assert_int_equal(value.length, strlen(cases[i].below));
		assert_true(number_is_storable(value.text, value.length));
		if (cases[i].integer == 0)
			continue;			/* the smallest magnitude there is */
		snprintf(nearer, sizeof(nearer), "%.*s%s", cases[i].integer > 0 ? length : length - 1, value.text,
				 cases[i].integer > 0 ? "9" : "01");
		assert_false(number_is_storable(nearer, strlen(nearer)));
	}
}

static size_t
size_of(AttributeValue value)
{
	Attribute	attribute = {"n\u00e9", value};	/* three bytes */

	return attribute_size(&attribute) - 3;
}

static size_t
size_of_number(const char *text)
{
	return size_of(attribute_number(text, strlen(text)));
}

static void
sizes_follow_the_documented_rules(void **state)
{
	assert_int_equal(size_of(attribute_string("", 0)), 0);
	assert_int_equal(size_of(attribute_string("a\u20ac", 4)), 4);
	assert_int_equal(size_of(attribute_string("a\xff" "0000b", 7)), 3);
	assert_int_equal(size_of(attribute_boolean(false)), 1);
	assert_int_equal(size_of((AttributeValue) {.type = ATTRIBUTE_NULL}), 1);
	assert_int_equal(size_of((AttributeValue) {.type = ATTRIBUTE_B, .text = "", .length = 0}), 0);
	assert_int_equal(size_of((AttributeValue) {.type = ATTRIBUTE_B, .text = "AA==", .length = 4}), 1);
	assert_int_equal(size_of((AttributeValue) {.type = ATTRIBUTE_B, .text = "AAA=", .length = 4}), 2);
	assert_int_equal(size_of((AttributeValue) {.type = ATTRIBUTE_B, .text = "AAAAAAAA", .length = 8}), 6);
}

/*
 * One byte for two significant digits, one more; a byte more where pairs do not line up, one for a minus; zero takes
 * one.
 */
static void
numbers_are_measured_by_their_digits(void **state)
{
	assert_int_equal(size_of_number("0"), 1);
	assert_int_equal(size_of_number("-0.00"), 1);
	assert_int_equal(size_of_number("1"), 2);
	assert_int_equal(size_of_number("100000000"), 2);
	assert_int_equal(size_of_number("1E125"), 2);
	assert_int_equal(size_of_number("0.0001"), 2);
	assert_int_equal(size_of_number("-1"), 3);
	assert_int_equal(size_of_number("12"), 2);
	assert_int_equal(size_of_number("123"), 3);
	assert_int_equal(size_of_number("1.2"), 3);
	assert_int_equal(size_of_number("0.12"), 2);
	assert_int_equal(size_of_number("1440939360000"), 6);
	assert_int_equal(size_of_number("9223372036854775807"), 11);
	assert_int_equal(size_of_number("12345678901234567890123456789012345678"), 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(what_is_no_value_is_invalid),
		cmocka_unit_test(types_have_their_names),
		cmocka_unit_test(values_are_written_with_their_type),
		cmocka_unit_test(documents_are_shown_as_plain_json),
		cmocka_unit_test(what_cannot_be_shown_is_refused),
		cmocka_unit_test(a_document_reads_as_any_json_does),
		cmocka_unit_test(the_depth_of_a_document_is_bounded),
		cmocka_unit_test(a_document_without_memory_is_no_document),
		cmocka_unit_test(an_integer_is_one_in_any_form),
		cmocka_unit_test(other_numbers_are_no_int64),
		cmocka_unit_test(equal_is_what_is_one_value),
		cmocka_unit_test(the_length_ends_a_number),
		cmocka_unit_test(dynamodb_holds_38_digits_and_its_range),
		cmocka_unit_test(nothing_fits_between_an_integer_and_the_number_below_it),
		cmocka_unit_test(sizes_follow_the_documented_rules),
		cmocka_unit_test(numbers_are_measured_by_their_digits),
	};

	return cmocka_run_group_tests_name("attribute", tests, NULL, NULL);
}
