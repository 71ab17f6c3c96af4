/*
 * sigv4: signatures that AWS accepts, by AWS's own vectors where they are at hand (SIGV4_VECTORS names their folder),
 * and by a few of this project's own always.
 */
#include "unit.h"

#include <glob.h>

#include "aws/sigv4.h"
#include "dynamodb/json.h"

#define MAX_HEADERS 16
#define VECTOR_TIME 1440938160	/* the one of all published vectors */
#define VECTOR_TIMESTAMP "20150830T123600Z"
#define SCOPE_REGION "us-east-1"
#define SCOPE_SERVICE "service"

static const Credentials example = {
	.access_key_id = "AKIDEXAMPLE",
	.secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

/* ---- the project's own vectors ---- */

typedef struct OwnVector
{
	const char *region;
	const char *service;
	SigningRequest request;
	const char *canonical_request;
	const char *authorization;
} OwnVector;

/*
 * Made with botocore 1.43 (botocore.auth.SigV4Auth, its clock fixed at 2026-02-28T23:59:59Z, the example key of the AWS
 * documentation): what add_auth left in the Authorization header.
 */
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

static const SigningHeader put_headers[] = {
	{"X-Amz-Target", "DynamoDB_20120810.PutItem"},
	{"X-Amz-Security-Token", "FwoGZXIvYXdzEXAMPLE//token+with/signs=="},
	{"X-Amz-Date", "20260228T235959Z"},
	{"Host", "localhost:8000"},
	{"Content-Type", "application/x-amz-json-1.0"},
};

static const SigningHeader sts_headers[] = {
	{"host", "sts.us-west-2.amazonaws.com"},
	{"x-amz-date", "20260228T235959Z"},
};

static const OwnVector own_vectors[] = {
	{
		"us-east-1", "dynamodb",
		{"POST", "/", NULL, query_headers, 4, "{\"TableName\":\"commits\"}", 23, "20260228T235959Z"},
		"POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:dynamodb.us-east-1.amazonaws.com\n"
		"x-amz-date:20260228T235959Z\nx-amz-target:DynamoDB_20120810.Query\n\ncontent-type;host;x-amz-date;x-amz-target\n"
		"22501b341736cf42995d8a79b781733a5175e79aa9ab360cc0fba27eb10499f4",
		"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260228/us-east-1/dynamodb/aws4_request, "
		"SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
		"Signature=1dc13dd24248c480a7dfe0dc14fe2319311c186dbcd3179355ae8b0046301181"
	},
	{
		"eu-central-1", "dynamodb",
		{"POST", "/", "", put_headers, 5, "{\"name\":\"Zo\u00eb \u2615\"}", 19, "20260228T235959Z"},
		"POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:localhost:8000\nx-amz-date:20260228T235959Z\n"
		"x-amz-security-token:FwoGZXIvYXdzEXAMPLE//token+with/signs==\nx-amz-target:DynamoDB_20120810.PutItem\n\n"
		"content-type;host;x-amz-date;x-amz-security-token;x-amz-target\n"
		"e0b8e0bed745932a8e3c4deb87bf9e5a1b913d1f0f061f9abfc21dfc8e1b86c8",
		"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260228/eu-central-1/dynamodb/aws4_request, "
		"SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
		"Signature=b11e61c1816a0e24f490e7b81bf8b95908df15130c22ba821ea0f8c00948e32b"
	},
	{
		"us-west-2", "sts",
		{"GET", "/", "Version=2011-06-15&Action=GetCallerIdentity", sts_headers, 2, NULL, 0, "20260228T235959Z"},
		"GET\n/\nAction=GetCallerIdentity&Version=2011-06-15\nhost:sts.us-west-2.amazonaws.com\n"
		"x-amz-date:20260228T235959Z\n\nhost;x-amz-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260228/us-west-2/sts/aws4_request, SignedHeaders=host;x-amz-date, "
		"Signature=38049778dbb2cbb4992b5a7598ec20ea39d0164711223f8360b79329374bd405"
	},
};

static void
our_own_vectors_come_out(void **state)
{
	for (size_t i = 0; i < sizeof(own_vectors) / sizeof(own_vectors[0]); i++)
	{
		const OwnVector *vector = &own_vectors[i];
		ByteBuffer	canonical = {0};
		ByteBuffer	signed_headers = {0};
		ByteBuffer	authorization = {0};
		SigningKey	key = {0};

		sigv4_canonical_request(&vector->request, &canonical, &signed_headers);
		assert_text(&canonical, vector->canonical_request);
		buffer_free(&signed_headers);
		assert_true(sigv4_sign(&vector->request, &documented, vector->region, vector->service, &key, &authorization));
		assert_text(&authorization, vector->authorization);
	}
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

	sigv4_timestamp(VECTOR_TIME, timestamp);
	assert_string_equal(timestamp, VECTOR_TIMESTAMP);
	sigv4_timestamp(0, timestamp);
	assert_string_equal(timestamp, "19700101T000000Z");
}

/* A time that has no such form must not be signed as another. */
static void
a_moment_beyond_the_calendar_is_not_signed(void **state)
{
	SigningRequest request = own_vectors[0].request;
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
	SigningRequest request = own_vectors[0].request;
	ByteBuffer	authorization = {0};
	SigningKey	key = {0};
	SigningKey	first;

	request.timestamp = "20260227T235959Z";
	assert_true(sigv4_sign(&request, &documented, "us-east-1", "dynamodb", &key, &authorization));
	first = key;
	buffer_reset(&authorization);
	request.timestamp = "20260228T235959Z";
	assert_true(sigv4_sign(&request, &documented, "us-east-1", "dynamodb", &key, &authorization));
	assert_string_equal(key.date, "20260228");
	assert_memory_not_equal(key.key, first.key, sizeof(key.key));
	assert_text(&authorization, own_vectors[0].authorization);

	/* The same day: the key that is there is used, whatever it is. */
	memset(key.key, 0, sizeof(key.key));
	assert_true(sigv4_sign(&request, &documented, "us-east-1", "dynamodb", &key, &authorization));
	assert_null(strstr(authorization.data, "1dc13dd24248c480"));
	buffer_reset(&authorization);

	sigv4_forget(&key);
	assert_string_equal(key.date, "");
	assert_true(sigv4_sign(&request, &documented, "us-east-1", "dynamodb", &key, &authorization));
	assert_text(&authorization, own_vectors[0].authorization);
}

static void
without_memory_nothing_is_signed(void **state)
{
	FOR_EACH_ALLOCATION_FAILING({
		ByteBuffer	authorization = {0};
		SigningKey	key = {0};
		bool		made = sigv4_sign(&own_vectors[1].request, &documented, "eu-central-1", "dynamodb", &key, &authorization);

		assert_int_equal(made, !memory_has_failed());
		buffer_free(&authorization);
	});
}

/* ---- the published vectors ---- */

static char *
read_file(const char *folder, const char *name)
{
	ByteBuffer	path = {0};
	ByteBuffer	text = {0};
	char		piece[4096];
	size_t		length;
	FILE	   *file;

	buffer_printf(&path, "%s%s", folder, name);
	file = fopen(path.data, "rb");
	if (file == NULL)
		fail_msg("cannot read %s", path.data);
	while ((length = fread(piece, 1, sizeof(piece), file)) > 0)
		buffer_append(&text, piece, length);
	fclose(file);
	buffer_free(&path);
	return buffer_detach(&text);
}

/* An HTTP request as the vectors write it; `text` holds what the pointers point to. */
typedef struct VectorRequest
{
	char	   *text;
	char	   *path;
	ByteBuffer	query;
	SigningHeader headers[MAX_HEADERS];
	SigningRequest request;
} VectorRequest;

static void
add_header(VectorRequest *vector, const char *name, const char *value)
{
	assert_true(vector->request.nheaders < MAX_HEADERS);
	vector->headers[vector->request.nheaders++] = (SigningHeader) {name, value};
}

/* What is no part of a query string is encoded: the vectors have raw UTF-8 there. */
static void
encode_query(ByteBuffer *out, const char *query)
{
	for (; *query != '\0'; query++)
	{
		if ((unsigned char) *query >= 0x80 || *query == ' ')
			buffer_printf(out, "%%%02X", (unsigned char) *query);
		else
			buffer_putc(out, *query);
	}
}

/*
 * "POST /?a=b HTTP/1.1", header lines (one that starts with a blank continues the last), and after an empty line the
 * body. The path is taken from the canonical request, since normalising and encoding it is the caller's part.
 */
static void
parse_request(VectorRequest *vector, char *text, const char *canonical_request)
{
	SigningRequest *request = &vector->request;
	char	   *rest = strchr(text, '\n');
	char	   *target = strchr(text, ' ') + 1;
	char	   *query;
	const char *path = strchr(canonical_request, '\n') + 1;

	memset(vector, 0, sizeof(*vector));
	vector->text = text;
	if (rest != NULL)
		*rest++ = '\0';
	target[-1] = '\0';
	*strrchr(target, ' ') = '\0';
	query = strchr(target, '?');
	encode_query(&vector->query, query ? query + 1 : "");
	vector->path = strndup(path, strcspn(path, "\n"));

	while (rest != NULL && *rest != '\0' && *rest != '\n')
	{
		char	   *line = rest;
		char	   *end = strchr(line, '\n');
		char	   *colon = strchr(line, ':');

		while (end != NULL && (end[1] == ' ' || end[1] == '\t'))
			end = strchr(end + 1, '\n');
		rest = end != NULL ? end + 1 : NULL;
		if (end != NULL)
			*end = '\0';
		assert_non_null(colon);
		*colon = '\0';
		add_header(vector, line, colon + 1);
	}

	request->method = text;
	request->path = vector->path;
	request->query = vector->query.data;
	request->headers = vector->headers;
	request->body = rest != NULL && *rest == '\n' ? rest + 1 : "";
	request->body_length = strlen(request->body);
	request->timestamp = VECTOR_TIMESTAMP;
}

static void
free_request(VectorRequest *vector)
{
	free(vector->text);
	free(vector->path);
	buffer_free(&vector->query);
}

/* Canonical request, string to sign and signature; `authorization` may hold the end of the header alone. */
static void
check_vector(const SigningRequest *request, const Credentials *credentials, const char *region, const char *service,
			 const char *canonical_request, const char *string_to_sign, const char *authorization)
{
	ByteBuffer	canonical = {0};
	ByteBuffer	signed_headers = {0};
	ByteBuffer	to_sign = {0};
	ByteBuffer	made = {0};
	SigningKey	key = {0};

	sigv4_canonical_request(request, &canonical, &signed_headers);
	assert_string_equal(canonical.data, canonical_request);
	sigv4_string_to_sign(request, region, service, &canonical, &to_sign);
	assert_string_equal(to_sign.data, string_to_sign);
	assert_true(sigv4_sign(request, credentials, region, service, &key, &made));
	assert_true(made.length >= strlen(authorization));
	assert_string_equal(made.data + made.length - strlen(authorization), authorization);
	assert_non_null(strstr(made.data, signed_headers.data));
	buffer_free(&canonical);
	buffer_free(&signed_headers);
	buffer_free(&to_sign);
	buffer_free(&made);
}

static const char *
vectors_folder(void)
{
	const char *folder = getenv("SIGV4_VECTORS");
	FILE	   *file = NULL;
	ByteBuffer	path = {0};

	if (folder != NULL)
	{
		buffer_printf(&path, "%s/dynamodb-vectors.json", folder);
		file = fopen(path.data, "r");
		buffer_free(&path);
	}
	if (file == NULL)
	{
		print_message("SIGV4_VECTORS names no folder with the published vectors: skipped\n");
		skip();
	}
	else
		fclose(file);
	return folder;
}

/* The files that match, the caller's to globfree. */
static glob_t
find_files(const char *folder, const char *pattern)
{
	ByteBuffer	path = {0};
	glob_t		found;

	buffer_printf(&path, "%s/%s", folder, pattern);
	assert_int_equal(glob(path.data, 0, NULL, &found), 0);
	buffer_free(&path);
	return found;
}

/* Cuts the last `length` characters off a copy of the path. */
static char *
without_end(const char *path, size_t length)
{
	return strndup(path, strlen(path) - length);
}

static void
check_c_auth_vector(const char *folder)
{
	char	   *context_text = read_file(folder, "context.json");
	char	   *canonical = read_file(folder, "header-canonical-request.txt");
	char	   *to_sign = read_file(folder, "header-string-to-sign.txt");
	char	   *signature = read_file(folder, "header-signature.txt");
	cJSON	   *context = json_parse(context_text, strlen(context_text));
	const char *token = json_member_text(json_member(context, "credentials"), "token");
	VectorRequest vector;

	assert_string_equal(json_member_text(context, "timestamp"), "2015-08-30T12:36:00Z");
	assert_string_equal(json_member_text(json_member(context, "credentials"), "access_key_id"), example.access_key_id);
	parse_request(&vector, read_file(folder, "request.txt"), canonical);
	add_header(&vector, "X-Amz-Date", "20150830T123600Z");
	if (token != NULL && !cJSON_IsTrue(json_member(context, "omit_session_token")))
		add_header(&vector, "X-Amz-Security-Token", token);
	if (cJSON_IsTrue(json_member(context, "sign_body")))
		add_header(&vector, "x-amz-content-sha256", strrchr(canonical, '\n') + 1);
	check_vector(&vector.request, &example, json_member_text(context, "region"), json_member_text(context, "service"),
				 canonical, to_sign, signature);
	free_request(&vector);
	cJSON_Delete(context);
	free(context_text);
	free(canonical);
	free(to_sign);
	free(signature);
}

static void
all_aws_c_auth_vectors_come_out(void **state)
{
	const char *folder = vectors_folder();
	glob_t		contexts = find_files(folder, "aws-c-auth-v4/*/context.json");

	for (size_t i = 0; i < contexts.gl_pathc; i++)
	{
		char	   *vector = without_end(contexts.gl_pathv[i], strlen("context.json"));

		check_c_auth_vector(vector);
		free(vector);
	}
	assert_int_equal(contexts.gl_pathc, 38);
	globfree(&contexts);
}

/* In one vector the token is left for the signer to add. */
static void
check_classic_vector(const char *stem)
{
	char	   *canonical = read_file(stem, ".creq");
	char	   *to_sign = read_file(stem, ".sts");
	char	   *authorization = read_file(stem, ".authz");
	char	   *token = NULL;
	VectorRequest vector;

	parse_request(&vector, read_file(stem, ".req"), canonical);
	if (strstr(stem, "get-vanilla-with-session-token") != NULL)
	{
		const char *value = strstr(canonical, "x-amz-security-token:") + strlen("x-amz-security-token:");

		token = strndup(value, strcspn(value, "\n"));
		add_header(&vector, "X-Amz-Security-Token", token);
	}
	check_vector(&vector.request, &example, SCOPE_REGION, SCOPE_SERVICE, canonical, to_sign, authorization);
	free_request(&vector);
	free(token);
	free(canonical);
	free(to_sign);
	free(authorization);
}

static size_t
check_classic_vectors(const char *pattern)
{
	glob_t		requests = find_files(vectors_folder(), pattern);
	size_t		count = requests.gl_pathc;

	for (size_t i = 0; i < count; i++)
	{
		char	   *stem = without_end(requests.gl_pathv[i], strlen(".req"));

		check_classic_vector(stem);
		free(stem);
	}
	globfree(&requests);
	return count;
}

static void
all_classic_vectors_come_out(void **state)
{
	size_t		count = check_classic_vectors("classic-aws4_testsuite/*/*.req");

	count += check_classic_vectors("classic-aws4_testsuite/*/*/*.req");
	assert_int_equal(count, 34);
}

static unsigned char *
bytes_of_hex(const char *hex, size_t *length)
{
	unsigned char *bytes = malloc(strlen(hex) / 2 + 1);

	*length = strlen(hex) / 2;
	for (size_t i = 0; i < *length; i++)
	{
		unsigned int byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		bytes[i] = (unsigned char) byte;
	}
	return bytes;
}

static void
check_dynamodb_vector(const cJSON *vector)
{
	SigningHeader headers[MAX_HEADERS];
	SigningRequest request = {"POST", "/", NULL, headers, 0, NULL, 0, VECTOR_TIMESTAMP};
	Credentials credentials = {
		.access_key_id = (char *) json_member_text(vector, "access_key"),
		.secret_access_key = (char *) json_member_text(vector, "secret_key"),
	};
	unsigned char *body = bytes_of_hex(json_member_text(vector, "body_hex"), &request.body_length);
	size_t		key_length;
	unsigned char *expected_key = bytes_of_hex(json_member_text(vector, "signing_key_hex"), &key_length);
	const char *region = json_member_text(vector, "region");
	ByteBuffer	authorization = {0};
	SigningKey	key = {0};

	assert_string_equal(json_member_text(vector, "timestamp"), "2015-08-30T12:36:00Z");
	request.body = body;
	for (const cJSON *header = json_member(vector, "headers")->child; header != NULL; header = header->next)
		headers[request.nheaders++] = (SigningHeader) {header->string, header->valuestring};
	check_vector(&request, &credentials, region, "dynamodb", json_member_text(vector, "canonical_request"),
				 json_member_text(vector, "string_to_sign"), json_member_text(vector, "authorization"));
	assert_true(sigv4_sign(&request, &credentials, region, "dynamodb", &key, &authorization));
	assert_int_equal(key_length, sizeof(key.key));
	assert_memory_equal(key.key, expected_key, key_length);
	buffer_free(&authorization);
	free(expected_key);
	free(body);
}

static void
all_dynamodb_vectors_come_out(void **state)
{
	char	   *text = read_file(vectors_folder(), "/dynamodb-vectors.json");
	cJSON	   *vectors = json_parse(text, strlen(text));

	assert_int_equal(cJSON_GetArraySize(vectors), 5);
	for (const cJSON *vector = vectors->child; vector != NULL; vector = vector->next)
		check_dynamodb_vector(vector);
	cJSON_Delete(vectors);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_vectors_come_out),
		cmocka_unit_test(headers_are_sorted_joined_and_trimmed),
		cmocka_unit_test(parameters_are_sorted_by_name_and_value),
		cmocka_unit_test(a_timestamp_is_utc),
		cmocka_unit_test(a_moment_beyond_the_calendar_is_not_signed),
		cmocka_unit_test(the_key_lasts_a_day),
		cmocka_unit_test(without_memory_nothing_is_signed),
		cmocka_unit_test(all_aws_c_auth_vectors_come_out),
		cmocka_unit_test(all_classic_vectors_come_out),
		cmocka_unit_test(all_dynamodb_vectors_come_out),
	};

	return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
