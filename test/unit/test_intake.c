/*
 * intake: what arrives is checked, unpacked and parsed, each in steps of bounded work; what is not what was asked for, or
 * longer than DynamoDB's own, is refused unread.
 */
#include "unit.h"

#include <zlib.h>

#include "dynamodb/intake.h"
#include "dynamodb/json.h"

#define MB ((size_t) 1024 * 1024)

static const IntakeRules of_page = {.expects_page = true, .max_bytes = 64 * MB};
static const IntakeRules of_put = {.errors_have_items = true, .max_bytes = 64 * MB};
static const IntakeRules of_counter = {.max_bytes = 64 * MB};
static const IntakeRules of_packed_page = {.expects_page = true, .accepts_gzip = true, .max_bytes = 64 * MB};
static const IntakeRules of_packed_counter = {.accepts_gzip = true, .max_bytes = 64 * MB};

static HttpAnswer
answer_of(int status, const char *body)
{
	HttpAnswer	answer = {.status = status};

	buffer_puts(&answer.body, body);
	return answer;
}

/* A body of so many pieces, separated by commas, between two others. */
static HttpAnswer
long_answer(int status, const char *before, const char *piece, size_t count, const char *after)
{
	HttpAnswer	answer = answer_of(status, before);

	for (size_t i = 0; i < count; i++)
	{
		if (i > 0)
			buffer_putc(&answer.body, ',');
		buffer_puts(&answer.body, piece);
	}
	buffer_puts(&answer.body, after);
	return answer;
}

static void
set_checksum(HttpAnswer *answer)
{
	snprintf(answer->crc32, sizeof(answer->crc32), "%lu",
			 (unsigned long) crc32_z(0, (const Bytef *) answer->body.data, answer->body.length));
}

static void
pack(HttpAnswer *answer)
{
	z_stream	stream = {0};
	ByteBuffer	out = {0};
	unsigned char chunk[65536];
	int			result;

	assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = (Bytef *) answer->body.data;
	stream.avail_in = (uInt) answer->body.length;
	do
	{
		stream.next_out = chunk;
		stream.avail_out = sizeof(chunk);
		result = deflate(&stream, Z_FINISH);
		buffer_append(&out, chunk, sizeof(chunk) - stream.avail_out);
	} while (result == Z_OK);
	deflateEnd(&stream);
	buffer_free(&answer->body);
	answer->body = out;
	strcpy(answer->encoding, "gzip");
}

/* Works on the answer to the end, and frees it; *steps may be NULL. */
static StepResult
take(Intake *intake, const IntakeRules *rules, HttpAnswer *answer, Failure *failure, size_t *steps)
{
	StepResult	result;
	size_t		count = 0;

	memset(failure, 0, sizeof(*failure));
	do
	{
		result = intake_step(intake, rules, answer, failure);
		count++;
	} while (result == STEP_PENDING);
	buffer_free(&answer->body);
	if (steps != NULL)
		*steps = count;
	return result;
}

static void
check_refused(const IntakeRules *rules, HttpAnswer answer, FailureKind kind)
{
	Intake		intake = {0};
	Failure		failure;
	int			status = answer.status;

	assert_int_equal(take(&intake, rules, &answer, &failure, NULL), STEP_FAILED);
	assert_int_equal(failure.kind, kind);
	assert_int_equal(failure.http_status, status);
	intake_reset(&intake);
}

static void
check_taken(const IntakeRules *rules, HttpAnswer answer)
{
	Intake		intake = {0};
	Failure		failure;

	assert_int_equal(take(&intake, rules, &answer, &failure, NULL), STEP_DONE);
	assert_int_equal(intake.page != NULL, rules->expects_page);
	assert_int_equal(intake.response != NULL, !rules->expects_page);
	intake_reset(&intake);
}

static void
a_short_answer_takes_one_step(void **state)
{
	HttpAnswer	answer = answer_of(200, "{\"Items\":[{\"a\":{\"S\":\"x\"}}]}");
	Intake		intake = {0};
	Failure		failure;
	size_t		steps;

	set_checksum(&answer);
	assert_int_equal(take(&intake, &of_page, &answer, &failure, &steps), STEP_DONE);
	assert_int_equal(steps, 1);
	intake_reset(&intake);
	answer = answer_of(200, "{\"Attributes\":{}}");
	pack(&answer);
	set_checksum(&answer);
	assert_int_equal(take(&intake, &of_packed_counter, &answer, &failure, &steps), STEP_DONE);
	assert_int_equal(steps, 1);
	intake_reset(&intake);
}

static void
the_checksum_is_checked(void **state)
{
	HttpAnswer	answer = answer_of(200, "{}");

	set_checksum(&answer);
	check_taken(&of_counter, answer);
	answer = answer_of(200, "{}");
	strcpy(answer.crc32, "1");
	check_refused(&of_counter, answer, FAILURE_DAMAGED);
	/* An error with a wrong checksum is not believed either. */
	answer = answer_of(400, "{\"__type\":\"x#ConditionalCheckFailedException\"}");
	strcpy(answer.crc32, "1");
	check_refused(&of_put, answer, FAILURE_DAMAGED);
}

static void
an_encoding_that_was_not_asked_for_is_refused(void **state)
{
	HttpAnswer	answer = answer_of(200, "{}");

	pack(&answer);
	check_refused(&of_counter, answer, FAILURE_BAD_ANSWER);
	answer = answer_of(200, "{\"Items\":[]}");
	pack(&answer);
	check_refused(&of_page, answer, FAILURE_BAD_ANSWER);
	answer = answer_of(200, "{}");
	strcpy(answer.encoding, "br");
	check_refused(&of_packed_counter, answer, FAILURE_BAD_ANSWER);
	answer = answer_of(200, "{}");
	strcpy(answer.encoding, "identity");
	check_taken(&of_counter, answer);
	answer = answer_of(200, "{\"Items\":[]}");
	pack(&answer);
	check_taken(&of_packed_page, answer);
}

static void
an_error_that_is_too_long_is_refused(void **state)
{
	static const char before[] = "{\"__type\":\"x#SlowDown\",\"message\":\"";
	HttpAnswer	answer;

	check_refused(&of_page, long_answer(400, before, "xxxxxxxxx", 6000, "\"}"), FAILURE_THROTTLED);
	check_refused(&of_page, long_answer(400, before, "xxxxxxxxx", 7000, "\"}"), FAILURE_BAD_ANSWER);
	check_refused(&of_counter, long_answer(500, before, "xxxxxxxxx", 7000, "\"}"), FAILURE_BAD_ANSWER);
	check_refused(&of_put, long_answer(400, before, "xxxxxxxxx", 100000, "\"}"), FAILURE_THROTTLED);
	check_refused(&of_put, long_answer(400, before, "xxxxxxxxx", 2000000, "\"}"), FAILURE_BAD_ANSWER);
	answer = long_answer(400, before, "xxxxxxxxx", 100000, "\"}");
	pack(&answer);
	check_refused(&of_packed_counter, answer, FAILURE_BAD_ANSWER);
}

static void
an_answer_that_is_too_long_is_refused(void **state)
{
	const IntakeRules small = {.expects_page = true, .accepts_gzip = true, .max_bytes = MB};
	HttpAnswer	answer = long_answer(200, "{\"Items\":[", "{\"a\":{\"S\":\"x\"}}", 100000, "]}");

	pack(&answer);
	check_refused(&small, answer, FAILURE_TOO_LONG);
	check_refused(&of_counter, long_answer(200, "{\"x\":\"", "xxxxxxxxx", 2000000, "\"}"), FAILURE_BAD_ANSWER);
}

static void
the_item_in_an_error_is_kept(void **state)
{
	HttpAnswer	answer = long_answer(400, "{\"__type\":\"x#ConditionalCheckFailedException\",\"Item\":{\"version\":{\"N\":\"7\"},\"events\":{\"L\":[",
									 "{\"S\":\"\"}", 400000, "]}}}");
	Intake		intake = {0};
	Failure		failure;

	assert_int_equal(take(&intake, &of_put, &answer, &failure, NULL), STEP_FAILED);
	assert_int_equal(failure.kind, FAILURE_CONDITION);
	assert_string_equal(json_member_text(json_member(json_member(answer_root(intake.error), "Item"), "version"), "N"), "7");
	intake_reset(&intake);
}

/* The steps that an answer of twice the length takes are no more than twice as many, whatever there is to do. */
static void
long_answers_take_steps_by_their_length(void **state)
{
	static const char item[] = "{\"events\":{\"S\":\"\u00e9\\\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}}";
	size_t		before = 0;

	for (size_t length = 8 * MB; length <= 32 * MB; length *= 2)
	{
		HttpAnswer	answer = long_answer(200, "{\"Items\":[", item, length / sizeof(item), "],\"Count\":1}");
		Intake		intake = {0};
		Failure		failure;
		size_t		steps;
		size_t		slices;

		pack(&answer);
		set_checksum(&answer);
		slices = length / DECODER_SLICE + length / PAGE_SLICE;
		assert_int_equal(take(&intake, &of_packed_page, &answer, &failure, &steps), STEP_DONE);
		assert_true(steps >= slices - 2 && steps <= slices + 4);
		assert_true(before == 0 || steps <= 2 * before + 1);
		before = steps;
		intake_reset(&intake);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_answer_takes_one_step),
		cmocka_unit_test(the_checksum_is_checked),
		cmocka_unit_test(an_encoding_that_was_not_asked_for_is_refused),
		cmocka_unit_test(an_error_that_is_too_long_is_refused),
		cmocka_unit_test(an_answer_that_is_too_long_is_refused),
		cmocka_unit_test(the_item_in_an_error_is_kept),
		cmocka_unit_test(long_answers_take_steps_by_their_length),
	};

	return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
