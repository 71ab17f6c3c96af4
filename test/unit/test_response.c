/*
 * response: an answer is DynamoDB's or it is not, and an error is of the kind that decides what happens next.
 */
#include "unit.h"

#include <zlib.h>

#include "dynamodb/response.h"

/* What the answer says; the caller's to cJSON_Delete. */
static cJSON *
parse(int status, const char *body, Failure *failure)
{
	ByteBuffer	text = {0};
	Answer	   *error;
	Answer	   *answer;
	cJSON	   *response;

	buffer_puts(&text, body);
	memset(failure, 0, sizeof(*failure));
	answer = response_parse(status, NULL, &text, NULL, failure, &error);
	response = answer != NULL ? cJSON_Duplicate(answer_root(answer), true) : NULL;
	assert_null(text.data);
	answer_free(answer);
	answer_free(error);
	return response;
}

static void
check_failure(int status, const char *body, FailureKind kind, const char *code, const char *message)
{
	Failure		failure;

	assert_null(parse(status, body, &failure));
	assert_int_equal(failure.kind, kind);
	assert_int_equal(failure.http_status, status);
	assert_string_equal(failure.code, code);
	if (message != NULL)
		assert_string_equal(failure.message, message);
}

static void
a_good_answer_is_parsed(void **state)
{
	Failure		failure;
	cJSON	   *response = parse(200, "{\"Count\":1}", &failure);

	assert_int_equal(response_count(response), 1);
	assert_int_equal(failure.kind, FAILURE_NONE);
	cJSON_Delete(response);
	response = parse(200, "{}", &failure);
	assert_non_null(response);
	cJSON_Delete(response);
}

static void
the_checksum_is_checked(void **state)
{
	static const char *const wrong[] = {"0", "x", "-1", " 1", "0x10", "99999999999999999999999", "", "2745614147,", "2745614147 "};
	Failure		failure;

	/* A published one: "2745614147" came with DynamoDB's answer "{}". */
	assert_true(response_checksum_is("2745614147", (uint32_t) crc32(0, (const Bytef *) "{}", 2), &failure));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		assert_false(response_checksum_is(wrong[i], 2745614147, &failure));
		assert_int_equal(failure.kind, FAILURE_DAMAGED);
	}
}

static void
both_engines_errors_are_read(void **state)
{
	/* DynamoDB and dynalite */
	check_failure(400, "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException\","
				  "\"message\":\"Requested resource not found\"}",
				  FAILURE_NOT_FOUND, "ResourceNotFoundException", "Requested resource not found");
	/* DynamoDB Local */
	check_failure(400, "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceInUseException\","
				  "\"Message\":\"Cannot create preexisting table\"}",
				  FAILURE_EXISTS, "ResourceInUseException", "Cannot create preexisting table");
	check_failure(400, "{\"__type\":\"com.amazon.coral.validate#ValidationException\","
				  "\"message\":\"The table does not have the specified index: byId\"}",
				  FAILURE_NOT_FOUND, "ValidationException", "The table does not have the specified index: byId");
	check_failure(400, "{\"__type\":\"com.amazon.coral.service#UnrecognizedClientException\"}",
				  FAILURE_CREDENTIALS, "UnrecognizedClientException", "");
	check_failure(400, "{\"__type\":\"SlowDown\",\"message\":null,\"Message\":\"words\"}", FAILURE_THROTTLED, "SlowDown", "words");
	check_failure(500, "{\"__type\":\"com.amazon.coral.service#InternalFailure\",\"message\":\"x\"}",
				  FAILURE_OTHER, "InternalFailure", "x");
	check_failure(400, "{\"__type\":\"a#b#ThrottlingException\",\"message\":5}", FAILURE_THROTTLED, "ThrottlingException", "");
	check_failure(400, "{\"__type\":\"\"}", FAILURE_OTHER, "", "");
	check_failure(400, "{\"__type\":\"x#\"}", FAILURE_OTHER, "", "");
}

static void
a_throttled_request_says_which_limit_it_met(void **state)
{
	check_failure(400, "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException\","
				  "\"message\":\"Exceeded.\",\"ThrottlingReasons\":["
				  "{\"reason\":\"IndexWriteProvisionedThroughputExceeded\",\"resource\":\"arn:aws:dynamodb:us-east-1:"
				  "111122223333:table/commits/index/byId\"},{\"reason\":\"TableReadAccountLimitExceeded\"},{},5]}",
				  FAILURE_THROTTLED, "ProvisionedThroughputExceededException",
				  "Exceeded. Reasons: IndexWriteProvisionedThroughputExceeded (arn:aws:dynamodb:us-east-1:111122223333:"
				  "table/commits/index/byId), TableReadAccountLimitExceeded");
	check_failure(400, "{\"__type\":\"x#ThrottlingException\",\"message\":\"Slow.\","
				  "\"throttlingReasons\":[{\"reason\":\"a\\u0000b\"}]}",
				  FAILURE_THROTTLED, "ThrottlingException", "Slow. Reasons: a?b");
	check_failure(400, "{\"__type\":\"x#ThrottlingException\",\"message\":\"Slow.\",\"throttlingReasons\":{\"reason\":5}}",
				  FAILURE_THROTTLED, "ThrottlingException", "Slow.");
}

#define LONG_NAME "CommitsOfTheOrderService2026InEurope"
#define LONGER_NAME LONG_NAME LONG_NAME
#define A_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define A_SIGNATURE "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"

/* The words for an answer to this request. */
static void
check_words(const char *request, const char *error, const char *expected)
{
	ByteBuffer	sent = {0};
	ByteBuffer	body = {0};
	Failure		failure;
	Answer	   *parsed;

	buffer_puts(&sent, request);
	buffer_puts(&body, error);
	assert_null(response_parse(400, NULL, &body, &sent, &failure, &parsed));
	assert_string_equal(failure.message, expected);
	answer_free(parsed);
	buffer_free(&sent);
	buffer_free(&body);
}

static void
what_the_request_says_is_no_secret(void **state)
{
#define RESOURCE(text) "{\"__type\":\"x#SlowDown\",\"message\":\"m\",\"ThrottlingReasons\":[{\"reason\":\"r\",\"resource\":\"arn:aws:dynamodb:us-east-1:1:" text "\"}]}"
#define WORDS(text) "m Reasons: r (arn:aws:dynamodb:us-east-1:1:" text ")"
	const char *request = "{\"TableName\":\"" LONGER_NAME "\",\"IndexName\":\"byId\",\"k\":{\"S\":\"a " A_SIGNATURE "\"}}";

	check_words(request, RESOURCE("table/" LONGER_NAME), WORDS("table/" LONGER_NAME));
	check_words(request, RESOURCE("table/" LONGER_NAME "/index/byId"), WORDS("table/" LONGER_NAME "/index/byId"));
	check_words(request, "{\"__type\":\"x#y\",\"message\":\"no " A_SIGNATURE " here\"}", "no " A_SIGNATURE " here");

	check_words(request, RESOURCE("table/" LONG_NAME), WORDS("..."));
	check_words(request, RESOURCE("table/" LONGER_NAME "/index/" A_SECRET), WORDS("..."));
	check_words(request, RESOURCE("table/" A_SIGNATURE), WORDS("..."));
	check_words(request, RESOURCE("table/" LONGER_NAME "x"), WORDS("..."));
	check_words("", RESOURCE("table/" LONGER_NAME), WORDS("..."));
	check_words("{}", "{\"__type\":\"x#y\",\"message\":\"Credential=" A_SECRET ", Signature=" A_SIGNATURE ".\"}", "..., ....");
}

static void
what_is_no_code_is_not_repeated(void **state)
{
	check_failure(400, "{\"__type\":\"x#" A_SIGNATURE "\"}", FAILURE_OTHER, "", "");
	check_failure(400, "{\"__type\":\"x#" A_SECRET "\"}", FAILURE_OTHER, "", "");
	check_failure(400, "{\"__type\":\"x#a\\u001b[31m\"}", FAILURE_OTHER, "", "");
	check_failure(400, "{\"__type\":\"x#ItemCollectionSizeLimitExceededException\"}", FAILURE_TOO_LARGE,
				  "ItemCollectionSizeLimitExceededException", "");
}

static void
other_peoples_errors_are_not_repeated(void **state)
{
	static const char *const bodies[] = {
		"", " ", "<html><body>502 Bad Gateway secret</body></html>", "secret", "\"secret\"", "[]", "null", "{}", "{\"message\":\"secret\"}",
		"{\"__type\":5,\"message\":\"secret\"}", "{\"__type\":null}", "{\"__TYPE\":\"x#ConditionalCheckFailedException\"}",
		"[{\"__type\":\"x#ConditionalCheckFailedException\"}]", "{\"__type\":\"x#ConditionalCheckFailedException\"",
		"{\"__type\":\"x#ConditionalCheckFailedException\"} trailing",
	};
	static const int statuses[] = {301, 400, 403, 404, 500, 502, 503, 504};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		for (size_t j = 0; j < sizeof(statuses) / sizeof(statuses[0]); j++)
		{
			char		expected[32];

			snprintf(expected, sizeof(expected), "HTTP status %d", statuses[j]);
			check_failure(statuses[j], bodies[i], FAILURE_BAD_ANSWER, "", expected);
		}
	check_failure(204, "", FAILURE_BAD_ANSWER, "", "HTTP status 204");
}

static void
a_success_must_be_an_object(void **state)
{
	static const char *const bodies[] = {"", "[]", "null", "5", "\"x\"", "<html>secret</html>", "{", "{}x", "\xff{}"};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
	{
		Failure		failure;

		check_failure(200, bodies[i], FAILURE_BAD_ANSWER, "", NULL);
		parse(200, bodies[i], &failure);
		assert_null(strstr(failure.message, "secret"));
	}
}

static void
an_errors_text_is_utf8(void **state)
{
	Failure		failure;
	ByteBuffer	body = {0};

	check_failure(400, "{\"__type\":\"x#A\\u0000B\",\"message\":\"\\ud800 and \\u0000 and \\u00e9\"}", FAILURE_OTHER, "",
				  "? and ? and \u00e9");
	buffer_puts(&body, "{\"__type\":\"x#");
	for (int i = 0; i < 1000; i++)
		buffer_putc(&body, 'X');
	buffer_puts(&body, "\",\"message\":\"");
	for (int i = 0; i < 1000; i++)
		buffer_puts(&body, "\u20ac");
	buffer_puts(&body, "\"}");
	assert_null(parse(400, body.data, &failure));
	assert_int_equal(strlen(failure.code), 63);
	assert_int_equal(strlen(failure.message), 510);
	buffer_free(&body);
}

static void
check_kind(FailureKind kind, const char *const *codes)
{
	for (; *codes != NULL; codes++)
		if (response_error_kind(*codes, NULL) != kind || response_error_kind(*codes, "words") != kind)
			fail_msg("%s is %d", *codes, response_error_kind(*codes, NULL));
}

static void
codes_have_their_kinds(void **state)
{
	check_kind(FAILURE_NOT_FOUND, (const char *[]) {"ResourceNotFoundException", NULL});
	check_kind(FAILURE_EXISTS, (const char *[]) {"ResourceInUseException", NULL});
	check_kind(FAILURE_CONDITION, (const char *[]) {"ConditionalCheckFailedException", NULL});
	check_kind(FAILURE_CONFLICT, (const char *[]) {"TransactionConflictException", NULL});
	check_kind(FAILURE_THROTTLED, (const char *[]) {
		"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
		"TooManyRequestsException", "ProvisionedThroughputExceededException", "TransactionInProgressException",
		"RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "SlowDown", "PriorRequestNotComplete",
		"EC2ThrottledException", NULL
	});
	check_kind(FAILURE_CREDENTIALS, (const char *[]) {
		"UnrecognizedClientException", "InvalidSignatureException", "MissingAuthenticationTokenException",
		"MissingAuthenticationToken", "IncompleteSignatureException", "InvalidClientTokenId",
		"SignatureDoesNotMatch", "AuthFailure", "RequestTimeTooSkewed", "RequestExpired", NULL
	});
	check_kind(FAILURE_EXPIRED, (const char *[]) {"ExpiredTokenException", "ExpiredToken", NULL});
	check_kind(FAILURE_ACCESS_DENIED, (const char *[]) {"AccessDeniedException", NULL});
	check_kind(FAILURE_TOO_LARGE, (const char *[]) {"ItemCollectionSizeLimitExceededException", NULL});
	check_kind(FAILURE_OTHER, (const char *[]) {
		"ValidationException", "InternalServerError", "SerializationException", "UnknownOperationException", "", "resourceNotFoundException",
		NULL
	});
}

static void
a_validation_error_is_told_by_its_words(void **state)
{
	static const char *const too_large[] = {
		"Item size has exceeded the maximum allowed size",
		"Item size to update has exceeded the maximum allowed size",
		"One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
		"One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
	};

	for (size_t i = 0; i < sizeof(too_large) / sizeof(too_large[0]); i++)
		assert_int_equal(response_error_kind("ValidationException", too_large[i]), FAILURE_TOO_LARGE);
	assert_int_equal(response_error_kind("ValidationException", "The table does not have the specified index: byId"), FAILURE_NOT_FOUND);
	assert_int_equal(response_error_kind("ValidationException", "The provided key element does not match the schema"), FAILURE_OTHER);
	assert_int_equal(response_error_kind("ResourceInUseException", "Item size has exceeded the maximum allowed size"), FAILURE_EXISTS);
}

/* The kind of a cancelled transaction with these reasons. */
static FailureKind
cancellation_with(const char *reasons)
{
	ByteBuffer	body = {0};
	Failure		failure;
	Answer	   *error;

	buffer_printf(&body, "{\"__type\":\"com.amazonaws.dynamodb.v20120810#TransactionCanceledException\","
								  "\"Message\":\"cancelled\"%s}", reasons);

	assert_null(response_parse(400, NULL, &body, NULL, &failure, &error));
	assert_non_null(error);
	answer_free(error);
	return failure.kind;
}

static void
a_cancelled_transaction_is_told_by_its_reasons(void **state)
{
#define REASON(code) "{\"Code\":\"" code "\"}"
#define REASONS(...) ",\"CancellationReasons\":[" __VA_ARGS__ "]"
	assert_int_equal(cancellation_with(REASONS(REASON("None") "," REASON("TransactionConflict"))), FAILURE_CONFLICT);
	assert_int_equal(cancellation_with(REASONS(REASON("ThrottlingError") "," REASON("None"))), FAILURE_THROTTLED);
	assert_int_equal(cancellation_with(REASONS(REASON("ProvisionedThroughputExceeded") "," REASON("TransactionConflict"))), FAILURE_THROTTLED);
	assert_int_equal(cancellation_with(REASONS(REASON("TransactionConflict") "," REASON("ThrottlingError"))), FAILURE_THROTTLED);
	assert_int_equal(cancellation_with(REASONS(REASON("TransactionConflict") "," REASON("ConditionalCheckFailed"))), FAILURE_CONDITION);
	assert_int_equal(cancellation_with(REASONS(REASON("ValidationError") "," REASON("ConditionalCheckFailed"))), FAILURE_CONDITION);
	assert_int_equal(cancellation_with(REASONS(REASON("ValidationError") "," REASON("TransactionConflict"))), FAILURE_OTHER);
	assert_int_equal(cancellation_with(REASONS(REASON("ThrottlingError") "," REASON("ItemCollectionSizeLimitExceeded"))), FAILURE_OTHER);
	assert_int_equal(cancellation_with(REASONS(REASON("ItemCollectionSizeLimitExceeded") "," REASON("ThrottlingError"))), FAILURE_OTHER);
	assert_int_equal(cancellation_with(REASONS(REASON("None") ",{},1")), FAILURE_OTHER);
	assert_int_equal(cancellation_with(REASONS("")), FAILURE_OTHER);
	assert_int_equal(cancellation_with(",\"CancellationReasons\":\"none\""), FAILURE_OTHER);
	assert_int_equal(cancellation_with(""), FAILURE_OTHER);
}

/* The error of an answer of that status, whose header names a type. */
static void
check_dialect(int status, const char *error_type, const char *text, FailureKind kind, const char *code, const char *message)
{
	ByteBuffer	body = {0};
	Failure		failure;
	Answer	   *error;

	buffer_puts(&body, text);
	assert_null(response_parse(status, error_type, &body, NULL, &failure, &error));
	assert_int_equal(failure.kind, kind);
	assert_string_equal(failure.code, code);
	assert_string_equal(failure.message, message);
	assert_int_equal(error != NULL, failure.code[0] != '\0');
	answer_free(error);
}

static void
errors_of_other_dialects_are_read(void **state)
{
	const char *condition = "ConditionalCheckFailedException";

	/* The type in a header; the body's own goes first. */
	check_dialect(400, condition, "{\"message\":\"no\"}", FAILURE_CONDITION, condition, "no");
	check_dialect(400, "ConditionalCheckFailedException:http://internal.amazon.com/coral/com.amazonaws/", "{\"Message\":\"no\"}", FAILURE_CONDITION, condition, "no");
	check_dialect(400, "com.amazonaws#ConditionalCheckFailedException:http://x/#y", "{}", FAILURE_CONDITION, condition, "");
	check_dialect(400, "ThrottlingException", "{\"__type\":\"x#ConditionalCheckFailedException\"}", FAILURE_CONDITION, condition, "");
	check_dialect(400, "hush hush", "{\"message\":\"hush\"}", FAILURE_BAD_ANSWER, "", "HTTP status 400");
	check_dialect(400, condition, "<html>", FAILURE_BAD_ANSWER, "", "HTTP status 400");
	/* In the body, with an address behind it. */
	check_dialect(400, NULL, "{\"__type\":\"x#ConditionalCheckFailedException:http://x/\"}", FAILURE_CONDITION, condition, "");
	/* As "code", which may be anybody's. */
	check_dialect(400, "", "{\"code\":\"ConditionalCheckFailedException\",\"message\":\"no\"}", FAILURE_CONDITION, condition, "no");
	check_dialect(400, "", "{\"code\":\"com.amazonaws#SlowDown\"}", FAILURE_THROTTLED, "SlowDown", "");
	check_dialect(400, "", "{\"code\":\"Forbidden\",\"message\":\"hush\"}", FAILURE_BAD_ANSWER, "", "HTTP status 400");
	check_dialect(400, "", "{\"code\":\"Exception\",\"message\":\"hush\"}", FAILURE_BAD_ANSWER, "", "HTTP status 400");
	check_dialect(403, "", "{\"code\":403,\"message\":\"hush\"}", FAILURE_BAD_ANSWER, "", "HTTP status 403");
	/* What says nothing but that it was too much. */
	check_dialect(429, "", "{\"message\":\"hush\"}", FAILURE_THROTTLED, "", "HTTP status 429");
	check_dialect(429, "", "Too many", FAILURE_THROTTLED, "", "HTTP status 429");
	check_dialect(429, "", "", FAILURE_THROTTLED, "", "HTTP status 429");
	check_dialect(429, "", "{\"__type\":\"x#ValidationException\"}", FAILURE_OTHER, "ValidationException", "");
}

static double
units_of(const char *json)
{
	cJSON	   *response = cJSON_Parse(json);
	double		units = response_capacity_units(response);

	cJSON_Delete(response);
	return units;
}

static void
capacity_is_summed(void **state)
{
	assert_true(units_of("{\"ConsumedCapacity\":{\"TableName\":\"t\",\"CapacityUnits\":1.5}}") == 1.5);
	assert_true(units_of("{\"ConsumedCapacity\":[{\"CapacityUnits\":1.5},{\"CapacityUnits\":2},{},5]}") == 3.5);
	assert_true(units_of("{\"ConsumedCapacity\":{\"CapacityUnits\":\"1\"}}") == 0);
	assert_true(units_of("{\"ConsumedCapacity\":{\"CapacityUnits\":1e999}}") == 0);
	assert_true(units_of("{\"ConsumedCapacity\":{\"CapacityUnits\":-3}}") == 0);
	assert_true(units_of("{\"ConsumedCapacity\":[]}") == 0);
	assert_true(units_of("{\"ConsumedCapacity\":5}") == 0);
	assert_true(units_of("{}") == 0);
	assert_true(response_capacity_units(NULL) == 0);
}

static int64_t
scanned_of(const char *json)
{
	cJSON	   *response = cJSON_Parse(json);
	int64_t		count = response_scanned_count(response);

	assert_int_equal(response_count(response), -1);
	cJSON_Delete(response);
	return count;
}

static void
counts_are_read(void **state)
{
	assert_int_equal(scanned_of("{\"ScannedCount\":12}"), 12);
	assert_int_equal(scanned_of("{\"ScannedCount\":10000000000}"), 10000000000);
	assert_int_equal(scanned_of("{\"ScannedCount\":0}"), 0);
	assert_int_equal(scanned_of("{\"ScannedCount\":1.5}"), -1);
	assert_int_equal(scanned_of("{\"ScannedCount\":-1}"), -1);
	assert_int_equal(scanned_of("{\"ScannedCount\":1e300}"), -1);
	assert_int_equal(scanned_of("{\"ScannedCount\":\"12\"}"), -1);
	assert_int_equal(scanned_of("{}"), -1);
	assert_int_equal(response_count(NULL), -1);
}

static void
without_memory_there_is_a_failure(void **state)
{
	FOR_EACH_ALLOCATION_FAILING({
		ByteBuffer	body = {0};
		Failure		failure = {0};
		Answer	   *error;
		Answer	   *response;
		bool		has_body;

		buffer_puts(&body, "{\"Items\":[{\"a\":{\"S\":\"x\"}}]}");
		has_body = !body.failed;
		response = response_parse(200, NULL, &body, NULL, &failure, &error);
		assert_int_equal(response == NULL, memory_has_failed());
		if (has_body)
			assert_int_equal(failure.kind, memory_has_failed() ? FAILURE_MEMORY : FAILURE_NONE);
		answer_free(response);
	});
	FOR_EACH_ALLOCATION_FAILING({
		ByteBuffer	body = {0};
		Failure		failure = {0};
		Answer	   *error;
		bool		has_body;

		buffer_puts(&body, "{\"__type\":\"x#SlowDown\",\"message\":\"\"}");
		has_body = !body.failed;
		assert_null(response_parse(400, NULL, &body, NULL, &failure, &error));
		if (has_body)
			assert_int_equal(failure.kind, memory_has_failed() ? FAILURE_MEMORY : FAILURE_THROTTLED);
		answer_free(error);
	});
}

/* As a hostile endpoint may send it. Work that grew with the square of its length would hold a backend for minutes, beyond any cancel. */
static void
a_long_run_of_awkward_characters_takes_no_longer_than_others(void **state)
{
	enum {CHARACTERS = 400000};
	static const char start[] = "{\"__type\":\"x#ValidationException\",\"message\":\"";
	ByteBuffer	body = {0};
	Failure		failure;
	Answer	   *error;

	buffer_puts(&body, start);
	for (int i = 0; i < CHARACTERS; i++)
		buffer_puts(&body, "\\u0000");
	buffer_puts(&body, "\"}");
	assert_false(body.failed);
	assert_null(response_parse(400, NULL, &body, NULL, &failure, &error));
	answer_free(error);
	assert_string_equal(failure.code, "ValidationException");
	assert_int_equal(strspn(failure.message, "?"), sizeof(failure.message) - 1);
	buffer_free(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_answer_is_parsed),
		cmocka_unit_test(the_checksum_is_checked),
		cmocka_unit_test(both_engines_errors_are_read),
		cmocka_unit_test(a_throttled_request_says_which_limit_it_met),
		cmocka_unit_test(what_the_request_says_is_no_secret),
		cmocka_unit_test(what_is_no_code_is_not_repeated),
		cmocka_unit_test(other_peoples_errors_are_not_repeated),
		cmocka_unit_test(a_success_must_be_an_object),
		cmocka_unit_test(an_errors_text_is_utf8),
		cmocka_unit_test(a_long_run_of_awkward_characters_takes_no_longer_than_others),
		cmocka_unit_test(codes_have_their_kinds),
		cmocka_unit_test(a_validation_error_is_told_by_its_words),
		cmocka_unit_test(a_cancelled_transaction_is_told_by_its_reasons),
		cmocka_unit_test(errors_of_other_dialects_are_read),
		cmocka_unit_test(capacity_is_summed),
		cmocka_unit_test(counts_are_read),
		cmocka_unit_test(without_memory_there_is_a_failure),
	};

	return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
