/*
 * sigv4_published: signatures by AWS's own vectors, which are no part of the project. SIGV4_VECTORS names their folder;
 * where it is absent these tests are skipped. test_sigv4 has vectors of the project's own.
 */
#include "signature.h"

#include <openssl/evp.h>

#include <glob.h>

#define VECTOR_TIMESTAMP "20150830T123600Z"	/* the one of all published vectors */
#define SCOPE_REGION "us-east-1"
#define SCOPE_SERVICE "service"

static const Credentials example = {
	.access_key_id = "AKIDEXAMPLE",
	.secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

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
	sigv4_forget(&key);
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

/* What it makes of a text is what HMAC makes of that with the expected key. */
static void
assert_has_key(const SigningKey *key, const unsigned char *expected_key, size_t length)
{
	const unsigned char text[] = "text";
	unsigned char mac[32];
	unsigned char expected[32];

	assert_int_equal(length, sizeof(expected));
	assert_int_equal(EVP_MAC_init(key->hmac, NULL, 0, NULL), 1);
	assert_int_equal(EVP_MAC_update(key->hmac, text, sizeof(text)), 1);
	assert_int_equal(EVP_MAC_final(key->hmac, mac, NULL, sizeof(mac)), 1);
	assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, expected_key, length, text, sizeof(text), expected, sizeof(expected), NULL));
	assert_memory_equal(mac, expected, sizeof(mac));
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
	request.nheaders = read_headers(vector, headers);
	check_vector(&request, &credentials, region, "dynamodb", json_member_text(vector, "canonical_request"),
				 json_member_text(vector, "string_to_sign"), json_member_text(vector, "authorization"));
	assert_true(sigv4_sign(&request, &credentials, region, "dynamodb", &key, &authorization));
	assert_has_key(&key, expected_key, key_length);
	sigv4_forget(&key);
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
		cmocka_unit_test(all_aws_c_auth_vectors_come_out),
		cmocka_unit_test(all_classic_vectors_come_out),
		cmocka_unit_test(all_dynamodb_vectors_come_out),
	};

	return cmocka_run_group_tests_name("sigv4_published", tests, NULL, NULL);
}
