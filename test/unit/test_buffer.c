/*
 * buffer: texts come out as they went in, and running out of memory is noticed at the end.
 */
#include "unit.h"

#include <inttypes.h>

static void
a_zeroed_buffer_is_an_empty_text(void **state)
{
	ByteBuffer	buffer = {0};
	char	   *text = buffer_detach(&buffer);

	assert_string_equal(text, "");
	free(text);
	buffer_free(&buffer);
	buffer_free_wipe(&buffer);
}

static void
pieces_are_joined(void **state)
{
	ByteBuffer	buffer = {0};

	buffer_puts(&buffer, "ab");
	buffer_putc(&buffer, 'c');
	buffer_append(&buffer, "defg", 3);
	buffer_append(&buffer, NULL, 0);
	buffer_printf(&buffer, "%d%s", 42, "");
	assert_text(&buffer, "abcdef42");
}

static void
integers_are_decimal(void **state)
{
	const int64_t numbers[] = {0, 9, 10, -1, -10, 1234567890123, INT64_MAX, INT64_MIN};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		ByteBuffer	buffer = {0};
		char		expected[INT64_TEXT];
		char		text[INT64_TEXT];
		size_t		length = (size_t) snprintf(expected, sizeof(expected), "%" PRId64, numbers[i]);

		assert_int_equal(int64_print(numbers[i], text), length);
		assert_string_equal(text, expected);
		buffer_put_int64(&buffer, numbers[i]);
		assert_text(&buffer, expected);
	}
}

static void
it_grows_past_every_size(void **state)
{
	ByteBuffer	buffer = {0};
	char		piece[97];

	memset(piece, 'x', sizeof(piece));
	for (int i = 0; i < 1000; i++)
	{
		buffer_append(&buffer, piece, sizeof(piece));
		assert_int_equal(strlen(buffer.data), buffer.length);
	}
	assert_int_equal(buffer.length, 97000);
	buffer_reset(&buffer);
	buffer_printf(&buffer, "%5000d", 7);
	assert_int_equal(buffer.length, 5000);
	assert_int_equal(buffer.data[4999], '7');
	buffer_free_wipe(&buffer);
	assert_null(buffer.data);
}

static void
bytes_may_be_zeroes(void **state)
{
	ByteBuffer	buffer = {0};

	buffer_append(&buffer, "a\0b", 3);
	assert_int_equal(buffer.length, 3);
	assert_memory_equal(buffer.data, "a\0b", 4);
	buffer_free(&buffer);
}

static void
a_reset_buffer_is_empty_and_keeps_its_memory(void **state)
{
	ByteBuffer	buffer = {0};
	size_t		capacity;

	buffer_reset(&buffer);
	buffer_puts(&buffer, "abc");
	capacity = buffer.capacity;
	buffer_reset(&buffer);
	assert_int_equal(buffer.capacity, capacity);
	assert_string_equal(buffer.data, "");
	buffer_puts(&buffer, "d");
	assert_text(&buffer, "d");
}

static void
a_failure_stays_until_the_buffer_is_emptied(void **state)
{
	ByteBuffer	buffer = {0};

	buffer_puts(&buffer, "abc");
	buffer_append(&buffer, "", SIZE_MAX);
	assert_true(buffer.failed);
	buffer_puts(&buffer, "def");
	buffer_printf(&buffer, "%d", 1);
	assert_int_equal(buffer.length, 3);
	assert_null(buffer_detach(&buffer));
	assert_false(buffer.failed);

	buffer_putc(&buffer, 'x');
	buffer_append(&buffer, "", SIZE_MAX - 1);
	assert_true(buffer.failed);
	buffer_reset(&buffer);
	buffer_puts(&buffer, "again");
	assert_text(&buffer, "again");
}

static void
running_out_of_memory_is_a_failure(void **state)
{
	FOR_EACH_ALLOCATION_FAILING({
		ByteBuffer	buffer = {0};
		char	   *text;

		buffer_printf(&buffer, "%100d", 1);
		buffer_printf(&buffer, "%100d", 1);
		buffer_printf(&buffer, "%100d", 1);
		assert_int_equal(buffer.failed, memory_has_failed());
		text = buffer_detach(&buffer);
		assert_int_equal(text == NULL, memory_has_failed());
		free(text);
	});
	FOR_EACH_ALLOCATION_FAILING({
		ByteBuffer	buffer = {0};
		char	   *text = buffer_detach(&buffer);

		assert_int_equal(text == NULL, memory_has_failed());
		free(text);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zeroed_buffer_is_an_empty_text),
		cmocka_unit_test(pieces_are_joined),
		cmocka_unit_test(integers_are_decimal),
		cmocka_unit_test(it_grows_past_every_size),
		cmocka_unit_test(bytes_may_be_zeroes),
		cmocka_unit_test(a_reset_buffer_is_empty_and_keeps_its_memory),
		cmocka_unit_test(a_failure_stays_until_the_buffer_is_emptied),
		cmocka_unit_test(running_out_of_memory_is_a_failure),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
