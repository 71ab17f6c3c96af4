/*
 * filter: the expression says what the tree says, with no parentheses but those that it needs, which DynamoDB would
 * refuse.
 */
#include "unit.h"

#include "dynamodb/filter.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const AttributeValue one = {.type = ATTRIBUTE_N, .text = "1", .length = 1};
static const AttributeValue letters[] = {
	{.type = ATTRIBUTE_S, .text = "x", .length = 1},
	{.type = ATTRIBUTE_S, .text = "\"", .length = 1},
	{.type = ATTRIBUTE_S, .text = "", .length = 0},
};

static const Filter a_is_one = {.kind = FILTER_COMPARE, .attribute = "a", .comparator = "=", .values = &one, .nvalues = 1};
static const Filter b_is_less = {.kind = FILTER_COMPARE, .attribute = "b", .comparator = "<", .values = letters, .nvalues = 1};
static const Filter a_exists = {.kind = FILTER_EXISTS, .attribute = "a"};
static const Filter a_is_null = {.kind = FILTER_TYPE, .attribute = "a", .type = ATTRIBUTE_NULL};
static const Filter b_is_listed = {.kind = FILTER_IN, .attribute = "b", .values = letters, .nvalues = LENGTH(letters)};

/* The tree's expression is this one; its names and values too, where they are given. */
static void
assert_expression(const Filter *filter, const char *text, const char *names, const char *values)
{
	Expression	expression = {0};
	ByteBuffer	out = {0};

	filter_write(filter, &expression, &out);
	assert_text(&out, text);
	assert_false(expression.names.failed || expression.values.failed);
	if (names != NULL)
		assert_string_equal(expression.names.data, names);
	if (values != NULL)
		assert_string_equal(expression.values.data, values);
	expression_free(&expression);
}

/* KIND of these trees: a literal for the tests below. */
#define INNER(inner_kind, ...) \
	(&(Filter) { \
		.kind = (inner_kind), \
		.children = (const Filter *const[]) {__VA_ARGS__}, \
		.nchildren = LENGTH(((const Filter *const[]) {__VA_ARGS__})) \
	})
#define AND(...) INNER(FILTER_AND, __VA_ARGS__)
#define OR(...) INNER(FILTER_OR, __VA_ARGS__)
#define NOT(child) INNER(FILTER_NOT, child)

static void
leaves_go_through_placeholders(void **state)
{
	assert_expression(&a_is_one, "#0 = :0", "\"#0\":\"a\"", "\":0\":{\"N\":\"1\"}");
	assert_expression(&b_is_less, "#0 < :0", "\"#0\":\"b\"", "\":0\":{\"S\":\"x\"}");
	assert_expression(&a_is_null, "attribute_type(#0, :0)", "\"#0\":\"a\"", "\":0\":{\"S\":\"NULL\"}");
	assert_expression(&b_is_listed, "#0 IN (:0, :1, :2)", "\"#0\":\"b\"",
					  "\":0\":{\"S\":\"x\"},\":1\":{\"S\":\"\\\"\"},\":2\":{\"S\":\"\"}");
}

static void
existence_needs_no_value(void **state)
{
	Expression	expression = {0};
	ByteBuffer	out = {0};

	filter_write(&a_exists, &expression, &out);
	assert_text(&out, "attribute_exists(#0)");
	assert_int_equal(expression.nvalues, 0);
	expression_free(&expression);
}

static void
placeholders_go_on_from_the_key_condition(void **state)
{
	Expression	expression = {0};
	ByteBuffer	condition = {0};
	ByteBuffer	out = {0};

	expression_name(&expression, &condition, "b");
	expression_value(&expression, &condition, &one);
	filter_write(AND(&a_is_one, &b_is_less), &expression, &out);
	assert_text(&out, "#1 = :1 AND #0 < :2");
	buffer_free(&condition);
	expression_free(&expression);
}

static void
every_type_has_its_name(void **state)
{
	static const AttributeType types[] = {ATTRIBUTE_S, ATTRIBUTE_N, ATTRIBUTE_B, ATTRIBUTE_BOOL};
	static const char *const values[] = {
		"\":0\":{\"S\":\"S\"}", "\":0\":{\"S\":\"N\"}", "\":0\":{\"S\":\"B\"}", "\":0\":{\"S\":\"BOOL\"}"
	};

	for (size_t i = 0; i < LENGTH(types); i++)
		assert_expression(&(Filter) {.kind = FILTER_TYPE, .attribute = "a", .type = types[i]},
						  "attribute_type(#0, :0)", "\"#0\":\"a\"", values[i]);
}

static void
parentheses_stand_where_the_order_needs_them(void **state)
{
	assert_expression(AND(&a_is_one, &b_is_less, &a_exists), "#0 = :0 AND #1 < :1 AND attribute_exists(#0)", NULL, NULL);
	assert_expression(OR(&a_is_one, &b_is_less), "#0 = :0 OR #1 < :1", NULL, NULL);
	assert_expression(AND(&a_is_one, OR(&b_is_less, &a_exists)), "#0 = :0 AND (#1 < :1 OR attribute_exists(#0))",
					  NULL, NULL);
	assert_expression(OR(AND(&a_is_one, &b_is_less), &a_exists), "#0 = :0 AND #1 < :1 OR attribute_exists(#0)",
					  NULL, NULL);
	assert_expression(AND(&a_is_one, AND(&b_is_less, &a_exists)), "#0 = :0 AND #1 < :1 AND attribute_exists(#0)",
					  NULL, NULL);
	assert_expression(OR(&a_is_one, OR(&b_is_less, &a_exists)), "#0 = :0 OR #1 < :1 OR attribute_exists(#0)",
					  NULL, NULL);
	assert_expression(OR(&a_exists, AND(&a_is_one, OR(&a_is_one, &b_is_less))),
					  "attribute_exists(#0) OR #0 = :0 AND (#0 = :1 OR #1 < :2)", NULL, NULL);
}

static void
not_holds_for_the_whole_of_its_child(void **state)
{
	assert_expression(NOT(&a_exists), "NOT attribute_exists(#0)", NULL, NULL);
	assert_expression(NOT(&a_is_one), "NOT #0 = :0", NULL, NULL);
	assert_expression(NOT(&b_is_listed), "NOT #0 IN (:0, :1, :2)", NULL, NULL);
	assert_expression(NOT(AND(&a_is_one, &b_is_less)), "NOT (#0 = :0 AND #1 < :1)", NULL, NULL);
	assert_expression(NOT(OR(&a_is_one, &b_is_less)), "NOT (#0 = :0 OR #1 < :1)", NULL, NULL);
	assert_expression(NOT(NOT(&a_exists)), "NOT NOT attribute_exists(#0)", NULL, NULL);
	assert_expression(AND(&a_exists, NOT(&a_is_null)), "attribute_exists(#0) AND NOT attribute_type(#0, :0)", NULL, NULL);
	assert_expression(OR(NOT(&a_exists), &a_is_null), "NOT attribute_exists(#0) OR attribute_type(#0, :0)", NULL, NULL);
}

static void
a_single_child_stands_for_its_parent(void **state)
{
	assert_expression(AND(&a_is_one), "#0 = :0", NULL, NULL);
	assert_expression(OR(AND(OR(&a_is_one))), "#0 = :0", NULL, NULL);
	assert_expression(NOT(OR(&a_exists)), "NOT attribute_exists(#0)", NULL, NULL);
	assert_expression(AND(&a_exists, OR(AND(&a_is_one, &b_is_less))), "attribute_exists(#0) AND #0 = :0 AND #1 < :1",
					  NULL, NULL);
	assert_expression(AND(OR(OR(&a_is_one, &b_is_less)), &a_exists), "(#0 = :0 OR #1 < :1) AND attribute_exists(#0)",
					  NULL, NULL);
}

static void
without_memory_an_expression_has_failed(void **state)
{
	CHECK_MEMORY_FAILURES_OF(out, {
		Expression	expression = {0};

		filter_write(AND(&a_is_one, OR(&b_is_listed, NOT(&a_is_null)), &a_exists), &expression, &out);
		if (expression.names.failed || expression.values.failed)
			out.failed = true;
		expression_free(&expression);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_go_through_placeholders),
		cmocka_unit_test(existence_needs_no_value),
		cmocka_unit_test(placeholders_go_on_from_the_key_condition),
		cmocka_unit_test(every_type_has_its_name),
		cmocka_unit_test(parentheses_stand_where_the_order_needs_them),
		cmocka_unit_test(not_holds_for_the_whole_of_its_child),
		cmocka_unit_test(a_single_child_stands_for_its_parent),
		cmocka_unit_test(without_memory_an_expression_has_failed),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
