/*
 * failure: long texts are cut between characters, never inside one.
 */
#include "unit.h"

#include "base/failure.h"

static void
the_fields_are_filled_in(void **state)
{
	Failure		failure = {.http_status = 500, .message = "old"};

	failure_set(&failure, FAILURE_THROTTLED, "SlowDown", "%s %d", "wait", 5);
	assert_int_equal(failure.kind, FAILURE_THROTTLED);
	assert_int_equal(failure.http_status, 0);
	assert_string_equal(failure.code, "SlowDown");
	assert_string_equal(failure.message, "wait 5");

	failure_set(&failure, FAILURE_MEMORY, NULL, "out of memory");
	assert_string_equal(failure.code, "");
}

static void
a_failure_can_be_made_of_itself(void **state)
{
	Failure		failure;

	failure_set(&failure, FAILURE_OTHER, "Code", "words");
	failure_set(&failure, FAILURE_CONFLICT, failure.code, "more %s", failure.message);
	assert_string_equal(failure.code, "Code");
	assert_string_equal(failure.message, "more words");
}

/* 511 bytes fit. With `before` bytes in front, this is what stays of a text of many such characters. */
static void
check_cut(const char *character, size_t before)
{
	Failure		failure;
	ByteBuffer	text = {0};
	size_t		width = strlen(character);

	for (size_t i = 0; i < before; i++)
		buffer_putc(&text, '.');
	for (int i = 0; i < 600; i++)
		buffer_puts(&text, character);
	failure_set(&failure, FAILURE_OTHER, text.data, "%s", text.data);
	assert_int_equal(strlen(failure.message), before + (511 - before) / width * width);
	assert_int_equal(strlen(failure.code), before + (63 - before) / width * width);
	assert_memory_equal(failure.message, text.data, strlen(failure.message));
	buffer_free(&text);
}

static void
long_text_is_cut_between_characters(void **state)
{
	for (size_t before = 0; before < 5; before++)
	{
		check_cut("x", before);
		check_cut("\u00e9", before);
		check_cut("\u20ac", before);
		check_cut("\U0001F600", before);
	}
}

static void
text_that_just_fits_is_not_cut(void **state)
{
	Failure		failure;
	char		text[512];

	memset(text, 'x', 509);
	memcpy(text + 509, "\u00e9", 3);
	failure_set(&failure, FAILURE_OTHER, NULL, "%s", text);
	assert_string_equal(failure.message, text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fields_are_filled_in),
		cmocka_unit_test(a_failure_can_be_made_of_itself),
		cmocka_unit_test(long_text_is_cut_between_characters),
		cmocka_unit_test(text_that_just_fits_is_not_cut),
	};

	return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
