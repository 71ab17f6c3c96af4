/*
 * sigv4: signatures that AWS accepts: those of the AWS SDK for JavaScript, in sigv4/vectors.json, which sigv4/generate.js
 * wrote. VECTORS names that folder.
 */
#include "signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

/* AWS's documentation has this key. */
static const Credentials documented = {
	.access_key_id = "AKIAIOSFODNN7EXAMPLE",
	.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

static const SigningHeader query_headers[] = {
	{"Host", "dynamodb.us-east-1.amazonaws.com"},
	{"X-Amz-Date", "20260228T235959Z"},
	{"X-Amz-Target", "DynamoDB_20120810.Query"},
	{"Content-Type", "application/x-amz-json-1.0"},
};

/* The first of the vectors. */
static const SigningRequest query = {
	"POST", "/", NULL, query_headers, 4, "{\"TableName\":\"commits\"}", 23, "20260228T235959Z",
};
static const char query_authorization[] = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260228/us-east-1/dynamodb/aws4_request, "
	"SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
	"Signature=1dc13dd24248c480a7dfe0dc14fe2319311c186dbcd3179355ae8b0046301181";

static void
check_vector(const cJSON *vector)
{
	SigningHeader headers[MAX_HEADERS];
	Credentials credentials = {
		.access_key_id = (char *) json_member_text(vector, "access_key_id"),
		.secret_access_key = (char *) json_member_text(vector, "secret_access_key"),
	};
	SigningRequest request = {
		.method = json_member_text(vector, "method"),
		.path = json_member_text(vector, "path"),
		.query = json_member_text(vector, "query"),
		.headers = headers,
		.nheaders = read_headers(vector, headers),
		.timestamp = json_member_text(vector, "timestamp"),
	};
	unsigned char *body = bytes_of_hex(json_member_text(vector, "body_hex"), &request.body_length);
	ByteBuffer	canonical = {0};
	ByteBuffer	signed_headers = {0};
	ByteBuffer	authorization = {0};
	SigningKey	key = {0};

	request.body = body;
	print_message("%s\n", json_member_text(vector, "name"));
	sigv4_canonical_request(&request, &canonical, &signed_headers);
	assert_text(&canonical, json_member_text(vector, "canonical_request"));
	assert_true(sigv4_sign(&request, &credentials, json_member_text(vector, "region"), json_member_text(vector, "service"), &key,
						   &authorization));
	assert_text(&authorization, json_member_text(vector, "authorization"));
	sigv4_forget(&key);
	buffer_free(&signed_headers);
	free(body);
}

static void
all_vectors_come_out(void **state)
{
	char	   *text = read_file(getenv("VECTORS"), "/vectors.json");
	cJSON	   *vectors = json_parse(text, strlen(text));

	assert_int_equal(cJSON_GetArraySize(vectors), 123);
	for (const cJSON *vector = vectors->child; vector != NULL; vector = vector->next)
		check_vector(vector);
	cJSON_Delete(vectors);
	free(text);
}

static void
canonical_request_is(const SigningRequest *request, const char *expected)
{
	ByteBuffer	canonical = {0};
	ByteBuffer	signed_headers = {0};

	sigv4_canonical_request(request, &canonical, &signed_headers);
	/* Without the hash of the empty body. */
	assert_true(canonical.length > 65);
	canonical.length -= 65;
	canonical.data[canonical.length] = '\0';
	assert_text(&canonical, expected);
	buffer_free(&signed_headers);
}

static void
headers_are_sorted_joined_and_trimmed(void **state)
{
	const SigningHeader headers[] = {
		{"X-b", "  two   words\t "}, {"HOST", "h"}, {"x-A", ""}, {"x-B", "second"}, {"x-b", " \t "}, {"X-ab", "\r\n folded\r\n  twice"},
	};
	SigningRequest request = {"POST", "/", NULL, headers, 6, NULL, 0, ""};

	canonical_request_is(&request, "POST\n/\n\nhost:h\nx-a:\nx-ab:folded twice\nx-b:two words,second,\n\nhost;x-a;x-ab;x-b");
	request.nheaders = 0;
	canonical_request_is(&request, "POST\n/\n\n\n");
}

static void
parameters_are_sorted_by_name_and_value(void **state)
{
	SigningRequest request = {"GET", "/a%20b", "b=2&a-b=1&a&b=1&&a=0&b=2&B=&a=&", NULL, 0, NULL, 0, ""};

	canonical_request_is(&request, "GET\n/a%20b\nB=&a=&a=&a=0&a-b=1&b=1&b=2&b=2\n\n");
}

static void
a_timestamp_is_utc(void **state)
{
	char		timestamp[17];

	sigv4_timestamp(1440938160, timestamp);
	assert_string_equal(timestamp, "20150830T123600Z");
	sigv4_timestamp(0, timestamp);
	assert_string_equal(timestamp, "19700101T000000Z");
}

/* A time that has no such form must not be signed as another. */
static void
a_moment_beyond_the_calendar_is_not_signed(void **state)
{
	SigningRequest request = query;
	ByteBuffer	authorization = {0};
	SigningKey	key = {0};
	char		timestamp[17];

	sigv4_timestamp((time_t) 1 << 60, timestamp);
	request.timestamp = timestamp;
	assert_false(sigv4_sign(&request, &documented, "us-east-1", "dynamodb", &key, &authorization));
	assert_int_equal(authorization.length, 0);
	buffer_free(&authorization);
}

static void
the_key_lasts_a_day(void **state)
{
	SigningRequest request = query;
	ByteBuffer	authorization = {0};
	SigningKey	key = {0};
	SigningKey	of_others = {0};
	const Credentials others = {.access_key_id = documented.access_key_id, .secret_access_key = "another"};

	request.timestamp = "20260227T235959Z";
	assert_true(sigv4_sign(&request, &documented, "us-east-1", "dynamodb", &key, &authorization));
	assert_string_equal(key.date, "20260227");
	buffer_reset(&authorization);
	request.timestamp = "20260228T235959Z";
	assert_true(sigv4_sign(&request, &documented, "us-east-1", "dynamodb", &key, &authorization));
	assert_string_equal(key.date, "20260228");
	assert_text(&authorization, query_authorization);

	/* The same day: the key that is there is used, whosever it is. */
	assert_true(sigv4_sign(&request, &others, "us-east-1", "dynamodb", &of_others, &authorization));
	buffer_reset(&authorization);
	assert_true(sigv4_sign(&request, &documented, "us-east-1", "dynamodb", &of_others, &authorization));
	assert_null(strstr(authorization.data, "1dc13dd24248c480"));
	buffer_reset(&authorization);

	sigv4_forget(&of_others);
	assert_string_equal(of_others.date, "");
	assert_true(sigv4_sign(&request, &documented, "us-east-1", "dynamodb", &of_others, &authorization));
	assert_text(&authorization, query_authorization);
	sigv4_forget(&of_others);
	sigv4_forget(&key);
}

/* By OpenSSL's HMAC: the signature of `query` with that secret, as hexadecimal digits. */
static void
sign_with_openssl(const char *secret, char digits[65])
{
	const char *const chain[] = {"20260228", "us-east-1", "dynamodb", "aws4_request", NULL};
	unsigned char key[256] = "AWS4";
	int			key_length = 4 + (int) strlen(secret);
	ByteBuffer	canonical = {0};
	ByteBuffer	signed_headers = {0};
	ByteBuffer	to_sign = {0};

	sigv4_canonical_request(&query, &canonical, &signed_headers);
	sigv4_string_to_sign(&query, "us-east-1", "dynamodb", &canonical, &to_sign);
	memcpy(key + 4, secret, strlen(secret));
	for (int i = 0; i < 5; i++)
	{
		const char *text = chain[i] != NULL ? chain[i] : to_sign.data;
		unsigned char mac[32];

		assert_non_null(HMAC(EVP_sha256(), key, key_length, (const unsigned char *) text, strlen(text), mac, NULL));
		memcpy(key, mac, sizeof(mac));
		key_length = sizeof(mac);
	}
	for (size_t i = 0; i < 32; i++)
		snprintf(digits + 2 * i, 3, "%02x", key[i]);
	buffer_free(&canonical);
	buffer_free(&signed_headers);
	buffer_free(&to_sign);
}

/* The first key is "AWS4" and the secret: 64 bytes are a block of the hash, and a longer key is hashed first. */
static void
a_secret_of_any_length_signs(void **state)
{
	const size_t lengths[] = {0, 1, 40, 59, 60, 61, 200};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
	{
		char		secret[256] = "";
		Credentials credentials = {.access_key_id = "AKID", .secret_access_key = secret};
		ByteBuffer	authorization = {0};
		SigningKey	key = {0};
		char		expected[65];

		memset(secret, 's', lengths[i]);
		sign_with_openssl(secret, expected);
		assert_true(sigv4_sign(&query, &credentials, "us-east-1", "dynamodb", &key, &authorization));
		assert_string_equal(authorization.data + authorization.length - 64, expected);
		buffer_free(&authorization);
		sigv4_forget(&key);
	}
}

static void
without_memory_nothing_is_signed(void **state)
{
	FOR_EACH_ALLOCATION_FAILING({
		ByteBuffer	authorization = {0};
		SigningKey	key = {0};
		bool		made = sigv4_sign(&query, &documented, "us-east-1", "dynamodb", &key, &authorization);

		assert_int_equal(made, !memory_has_failed());
		sigv4_forget(&key);
		buffer_free(&authorization);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_vectors_come_out),
		cmocka_unit_test(headers_are_sorted_joined_and_trimmed),
		cmocka_unit_test(parameters_are_sorted_by_name_and_value),
		cmocka_unit_test(a_timestamp_is_utc),
		cmocka_unit_test(a_moment_beyond_the_calendar_is_not_signed),
		cmocka_unit_test(a_secret_of_any_length_signs),
		cmocka_unit_test(the_key_lasts_a_day),
		cmocka_unit_test(without_memory_nothing_is_signed),
	};

	return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
