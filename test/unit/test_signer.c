/*
 * signer: what a request says beside its body, and to whom: host, time, operation, and a signature of the keys that the
 * client has.
 */
#include "script.h"

#include "dynamodb/call.h"

static Client *
client_at(const char *endpoint, const char *region, const char *token, bool accept_gzip)
{
	const Credentials keys = {.access_key_id = "AKIDEXAMPLE", .secret_access_key = "secret", .session_token = (char *) token};
	const Identity identity = {.keys = &keys};
	const ClientSettings settings = {
		.endpoint = endpoint, .region = region, .max_attempts = 1, .accept_gzip = accept_gzip,
		.http = {.max_connections = 4, .max_response_bytes = 1024 * 1024},
	};
	Failure		failure;

	return client_new(&settings, &identity, &failure);
}

/* Sends one request; its header lines. */
static const char *
headers_at(const char *endpoint, const char *region, const char *token, bool accept_gzip)
{
	ByteBuffer	body = {0};
	Client	   *client;
	Call	   *call;

	SCRIPT(ANSWERED("DescribeTable", NULL, "{}"));
	client = client_at(endpoint, region, token, accept_gzip);
	buffer_puts(&body, "{\"TableName\":\"t\"}");
	call = call_start(client, OPERATION_DESCRIBE_TABLE, &body, NULL);
	buffer_free(&body);
	assert_int_equal(RUN(client, call_step(call)), STEP_DONE);
	script_end();
	call_free(call);
	client_free(client);
	return script_headers(0);
}

static void
assert_says(const char *headers, const char *line)
{
	if (strstr(headers, line) == NULL)
		fail_msg("%s is not in\n%s", line, headers);
}

static void
a_request_says_whose_it_is_and_what_it_asks(void **state)
{
	const char *headers = headers_at("http://db.invalid:8000", "eu-west-1", NULL, false);

	assert_says(headers, "Content-Type: application/x-amz-json-1.0\n");
	assert_says(headers, "Host: db.invalid:8000\n");
	assert_says(headers, "X-Amz-Date: 20260228T235959Z\n");
	assert_says(headers, "X-Amz-Target: DynamoDB_20120810.DescribeTable\n");
	assert_says(headers, "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260228/eu-west-1/dynamodb/aws4_request, ");
	assert_says(headers, "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=");
	assert_says(headers, "Accept-Encoding: identity\n");
	assert_null(strstr(headers, "X-Amz-Security-Token"));
	assert_null(strstr(headers, "secret"));
}

static void
a_session_token_is_sent_and_signed(void **state)
{
	const char *headers = headers_at("http://db.invalid", "eu-west-1", "a-token", true);

	assert_says(headers, "Host: db.invalid\n");
	assert_says(headers, "X-Amz-Security-Token: a-token\n");
	assert_says(headers, "x-amz-date;x-amz-security-token;x-amz-target, Signature=");
	assert_says(headers, "Accept-Encoding: gzip\n");
}

static void
a_region_has_an_endpoint_of_its_own(void **state)
{
	Client	   *client = client_at(NULL, "eu-west-1", NULL, false);

	assert_string_equal(client_endpoint(client), "https://dynamodb.eu-west-1.amazonaws.com");
	assert_string_equal(client_region(client), "eu-west-1");
	client_free(client);
	client = client_at(NULL, "cn-north-1", NULL, false);
	assert_string_equal(client_endpoint(client), "https://dynamodb.cn-north-1.amazonaws.com.cn");
	client_free(client);
	assert_says(headers_at(NULL, "eu-west-1", NULL, false), "Host: dynamodb.eu-west-1.amazonaws.com\n");
}

/* How much DynamoDB bears is learnt for reads and writes apart. */
static void
a_throttle_narrows_its_own_kind_of_traffic(void **state)
{
	ByteBuffer	body = {0};
	Client	   *client;
	Call	   *call;

	SCRIPT(REFUSED("PutItem", NULL, "ThrottlingException", ""));
	client = client_at("http://db.invalid", "eu-west-1", NULL, false);
	assert_int_equal(client_window(client, TRAFFIC_WRITE), 4);
	assert_false(client_was_answered(client));
	call = call_start(client, OPERATION_PUT_ITEM, &body, NULL);
	assert_int_equal(RUN(client, call_step(call)), STEP_FAILED);
	assert_int_equal(client_window(client, TRAFFIC_WRITE), 2);
	assert_int_equal(client_window(client, TRAFFIC_READ), 4);
	assert_true(client_was_answered(client));
	client_limit_connections(client, 3);
	assert_int_equal(client_window(client, TRAFFIC_READ), 3);
	assert_int_equal(client_window(client, TRAFFIC_WRITE), 2);
	call_free(call);
	client_free(client);
}

static void
without_memory_there_is_no_client_and_no_request(void **state)
{
	FOR_EACH_ALLOCATION_FAILING({
		ByteBuffer	body = {0};
		Client	   *client;
		Call	   *call;

		SCRIPT(ANSWERED("DescribeTable", NULL, "{}"));
		client = client_at("http://db.invalid", "eu-west-1", "a-token", false);
		call = client != NULL ? call_start(client, OPERATION_DESCRIBE_TABLE, &body, NULL) : NULL;
		if (call != NULL && RUN(client, call_step(call)) == STEP_FAILED)
			assert_int_equal(call_failure(call)->kind, FAILURE_MEMORY);
		assert_true(call != NULL || memory_has_failed());
		call_free(call);
		client_free(client);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_says_whose_it_is_and_what_it_asks),
		cmocka_unit_test(a_session_token_is_sent_and_signed),
		cmocka_unit_test(a_region_has_an_endpoint_of_its_own),
		cmocka_unit_test(a_throttle_narrows_its_own_kind_of_traffic),
		cmocka_unit_test(without_memory_there_is_no_client_and_no_request),
	};

	return cmocka_run_group_tests_name("signer", tests, NULL, NULL);
}
