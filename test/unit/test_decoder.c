/* Compressed answers: whole, cut, corrupt, and larger than they look. */
#include "unit.h"

#include <string.h>
#include <zlib.h>

#include "dynamodb/decoder.h"

/* `length` bytes of text, as gzip would send them. */
static ByteBuffer
compressed(size_t length)
{
	char	   *text = calloc(1, length + 1);
	unsigned char out[8192];
	z_stream	stream = {0};
	ByteBuffer	buffer = {0};
	int			result;

	for (size_t i = 0; i < length; i++)
		text[i] = (char) ('a' + i % 7);
	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = (Bytef *) text;
	stream.avail_in = (uInt) length;
	do
	{
		stream.next_out = out;
		stream.avail_out = sizeof(out);
		result = deflate(&stream, Z_FINISH);
		buffer_append(&buffer, out, sizeof(out) - stream.avail_out);
	} while (result == Z_OK);
	deflateEnd(&stream);
	free(text);
	return buffer;
}

/* Decodes to the end; no step does more than its share. */
static bool
decode(ByteBuffer *body, size_t max_bytes, Failure *failure)
{
	Decoder    *decoder = decoder_new(max_bytes);
	StepResult	result = STEP_PENDING;
	size_t		steps = 0;

	if (decoder == NULL)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	while (decoder != NULL && result == STEP_PENDING)
	{
		result = decoder_step(decoder, body, failure);
		steps++;
	}
	decoder_free(decoder);
	if (result == STEP_DONE)
		assert_int_equal(steps, body->length < DECODER_SLICE ? 1 : (body->length + DECODER_SLICE - 1) / DECODER_SLICE);
	return result == STEP_DONE;
}

static void
check_failed(ByteBuffer body, FailureKind kind)
{
	Failure		failure = {0};

	assert_false(decode(&body, 1 << 20, &failure));
	assert_int_equal(failure.kind, kind);
	buffer_free(&body);
}

/* A long answer is undone in slices. */
static void
a_long_answer_takes_several_steps(void **state)
{
	ByteBuffer	body = compressed(5 * DECODER_SLICE - 1000);
	Failure		failure = {0};

	assert_true(decode(&body, 100 << 20, &failure));
	assert_int_equal(body.length, 5 * DECODER_SLICE - 1000);
	buffer_free(&body);
}

static void
what_was_compressed_comes_back(void **state)
{
	for (size_t length = 0; length <= 1 << 20; length = length * 32 + 1)
	{
		ByteBuffer	body = compressed(length);
		Failure		failure = {0};

		assert_true(decode(&body, 1 << 20, &failure));
		assert_int_equal(body.length, length);
		for (size_t i = 0; i < length; i++)
			assert_int_equal(body.data[i], 'a' + i % 7);
		buffer_free(&body);
	}
}

static void
a_cut_answer_is_damaged_wherever_it_is_cut(void **state)
{
	ByteBuffer	whole = compressed(100);

	for (size_t length = 0; length < whole.length; length++)
	{
		ByteBuffer	part = {0};

		buffer_append(&part, whole.data, length);
		check_failed(part, FAILURE_DAMAGED);
	}
	buffer_free(&whole);
}

static void
a_flipped_bit_is_found(void **state)
{
	ByteBuffer	whole = compressed(100);

	/* Behind the header, whose time and system say nothing about the text. */
	for (size_t at = 10; at < whole.length; at++)
	{
		ByteBuffer	part = {0};

		buffer_append(&part, whole.data, whole.length);
		part.data[at] ^= 4;
		check_failed(part, FAILURE_DAMAGED);
	}
	buffer_free(&whole);
}

static void
what_follows_the_end_is_damage(void **state)
{
	ByteBuffer	body = compressed(100);

	buffer_puts(&body, "x");
	check_failed(body, FAILURE_DAMAGED);
}

static void
a_small_answer_that_grows_beyond_the_limit_is_refused(void **state)
{
	check_failed(compressed((1 << 20) + 1), FAILURE_TOO_LONG);
	check_failed(compressed(200 << 20), FAILURE_TOO_LONG);
}

static void
without_memory_there_is_a_failure(void **state)
{
	ByteBuffer	whole = compressed(100000);

	FOR_EACH_ALLOCATION_FAILING({
		Failure		failure = {0};
		ByteBuffer	body = {0};

		buffer_append(&body, whole.data, whole.length);
		if (!body.failed && !decode(&body, 1 << 20, &failure))
			assert_int_equal(failure.kind, FAILURE_MEMORY);
		buffer_free(&body);
	});
	buffer_free(&whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_compressed_comes_back),
		cmocka_unit_test(a_cut_answer_is_damaged_wherever_it_is_cut),
		cmocka_unit_test(a_flipped_bit_is_found),
		cmocka_unit_test(what_follows_the_end_is_damage),
		cmocka_unit_test(a_small_answer_that_grows_beyond_the_limit_is_refused),
		cmocka_unit_test(a_long_answer_takes_several_steps),
		cmocka_unit_test(without_memory_there_is_a_failure),
	};

	return cmocka_run_group_tests_name("encoding", tests, NULL, NULL);
}
