/*
 * metadata, sts: where a token may go, and which answers are credentials.
 */
#include "unit.h"

#include "aws/endpoint.h"
#include "aws/metadata.h"
#include "aws/sts.h"

static void
a_container_token_goes_to_https_or_near_by(void **state)
{
	static const char *const allowed[] = {
		"https://example.com/a?b=c", "http://localhost/a", "http://LOCALHOST:80/", "http://127.0.0.1:51679/a", "http://127.8.9.10/",
		"http://[::1]/", "http://169.254.170.2/v2", "http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1",
		"HTTP://127.0.0.1/", NULL
	};
	static const char *const refused[] = {
		"http://example.com/", "http://localhost.example.com/", "http://127.0.0.1.example.com/", "http://169.254.170.3/",
		"http://169.254.169.254/", "http://[fd00:ec2::24]/", "http://[::2]/", "http://[::ffff:192.0.2.1]/", "ftp://127.0.0.1/", "file:///etc/passwd", "//127.0.0.1/",
		"http://127.0.0.1@example.com/", "http://example.com\\@127.0.0.1/", "http://127.0.0.1/\r\nX: y", "http://127.0.0.1/ x", "", "http://", NULL
	};

	for (size_t i = 0; allowed[i] != NULL; i++)
		if (!metadata_container_uri_is_allowed(allowed[i]))
			fail_msg("%s is refused", allowed[i]);
	for (size_t i = 0; refused[i] != NULL; i++)
		if (metadata_container_uri_is_allowed(refused[i]))
			fail_msg("%s is allowed", refused[i]);
}

static void
no_proxy_comes_between_what_is_near(void **state)
{
	assert_true(endpoint_is_near("http://169.254.169.254/latest"));
	assert_true(endpoint_is_near("http://[fe80::1]:80/"));
	assert_true(endpoint_is_near("http://[fe80::1%25eth0]:80/"));
	assert_true(endpoint_is_near("http://[fd00:ec2::254]/"));
	assert_true(endpoint_is_near("http://localhost:8000"));
	assert_true(endpoint_is_near("http://2852039166/"));	/* 169.254.169.254 as one number */
	assert_false(endpoint_is_near("https://dynamodb.us-east-1.amazonaws.com/"));
	assert_false(endpoint_is_near("http://169.255.0.1/"));
	assert_false(endpoint_is_near("http://[fd00:ec3::1]/"));
}

static void
an_endpoint_is_a_url_as_all_read_it(void **state)
{
	static const char *const fine[] = {"http://localhost:8000", "https://[::1]:443/", "HTTPS://example.com", NULL};
	static const char *const refused[] = {
		"http:/example.com", "http:///example.com", "http:////example.com", "localhost:8000", "https:example.com", "", "http://", NULL
	};

	for (size_t i = 0; fine[i] != NULL; i++)
		if (endpoint_complaint(fine[i]) != NULL)
			fail_msg("%s: %s", fine[i], endpoint_complaint(fine[i]));
	for (size_t i = 0; refused[i] != NULL; i++)
		if (endpoint_complaint(refused[i]) == NULL)
			fail_msg("%s is taken", refused[i]);
}

static void
the_host_is_signed_as_it_is_sent(void **state)
{
	static const char *const hosts[][2] = {
		{"https://example.com:443/", "example.com"}, {"HTTPS://example.com:443", "example.com"}, {"http://example.com:80", "example.com"},
		{"https://example.com:80/", "example.com:80"}, {"http://[::1]:8000/", "[::1]:8000"}, {"http://[::1]", "[::1]"},
	};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
	{
		char	   *host = endpoint_host_header(hosts[i][0]);

		assert_string_equal(host, hosts[i][1]);
		free(host);
	}
}

static bool
read_json(const char *body, Credentials *credentials)
{
	Failure		failure = {.kind = FAILURE_NONE};
	bool		read = metadata_read_answer("endpoint", 200, body, strlen(body), credentials, &failure);

	assert_int_equal(failure.kind, read ? FAILURE_NONE : FAILURE_NO_CREDENTIALS);
	assert_null(strstr(failure.message, "hush"));
	return read;
}

static void
json_is_credentials_when_all_is_there(void **state)
{
	static const char *const refused[] = {
		"", "[]", "null", "\"hush\"", "{\"AccessKeyId\": \"hush\"}", "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": 1}",
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\", \"Token\": 5}",
		"{\"AccessKeyId\": null, \"SecretAccessKey\": \"hush\"}", "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": nul}",
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\\r\\n\"}",
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\", \"Expiration\": \"soon\"}",
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\", \"Expiration\": 5}",
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\", \"Expiration\": \"1970-01-01T00:00:00Z\"}",
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\\u0000\"}", "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\\u00e4\"}",
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\"", "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\"} x",
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\",}", "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush",
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\\", "{\"x\": {\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\"}}",
		"{\"AccessKeyId\" \"a\", \"SecretAccessKey\": \"hush\"}", "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush\\u12\"}", NULL
	};
	Credentials credentials;

	assert_true(read_json("{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\", \"Token\": \"c\", \"Expiration\": \"1970-01-02T00:00:00Z\"}",
						  &credentials));
	assert_string_equal(credentials.access_key_id, "a");
	assert_string_equal(credentials.secret_access_key, "b");
	assert_string_equal(credentials.session_token, "c");
	assert_int_equal(credentials.expires_at, 86400);
	credentials_wipe(&credentials);
	assert_true(read_json("{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\", \"Token\": null, \"Expiration\":null }", &credentials));
	assert_null(credentials.session_token);
	assert_int_equal(credentials.expires_at, 0);
	credentials_wipe(&credentials);
	assert_true(read_json("{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\"}", &credentials));
	assert_null(credentials.session_token);
	assert_int_equal(credentials.expires_at, 0);
	credentials_wipe(&credentials);
	assert_true(read_json(" { \"x\": [ [] , {\"y\": -1.5e3, \"z\": [null, \"\\u00e4\"]}, true ],\r\n\t\"SecretAccessKey\" : \"b\\/c\\u0041\","
						  "\"AccessKeyId\":\"a\", \"AccessKeyId\": \"other\", \"Code\": {} } ", &credentials));
	assert_string_equal(credentials.access_key_id, "a");
	assert_string_equal(credentials.secret_access_key, "b/cA");
	credentials_wipe(&credentials);
	for (size_t i = 0; refused[i] != NULL; i++)
	{
		if (read_json(refused[i], &credentials))
			fail_msg("%s is taken", refused[i]);
		assert_null(credentials.secret_access_key);
	}
}

#define KEYS "<AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey><SessionToken>c</SessionToken>"
#define DATE "<Expiration>1970-01-02T00:00:00Z</Expiration>"

static bool
read_xml(int status, const char *body, Credentials *credentials, Failure *failure)
{
	return sts_read_answer(status, body, strlen(body), credentials, failure);
}

static void
xml_is_credentials_when_all_is_there(void **state)
{
	static const char *const refused[] = {
		"", "<Credentials>", KEYS DATE, "<Credentials>" KEYS "</Credentials>", "<Credentials>" DATE "</Credentials>",
		"<Credentials>" KEYS "<Expiration>never</Expiration></Credentials>",
		"<Credentials><AccessKeyId><b>a</b></AccessKeyId>" KEYS DATE "</Credentials>",
		"<Credentials><AccessKeyId>&#13;</AccessKeyId>" KEYS DATE "</Credentials>", "<Credentials>" KEYS DATE, NULL
	};
	Credentials credentials;
	Failure		failure;

	assert_true(read_xml(200, "<?xml version=\"1.0\"?><A xmlns=\"x\"><Credentials>" KEYS DATE "</Credentials></A>", &credentials, &failure));
	assert_string_equal(credentials.access_key_id, "a");
	assert_string_equal(credentials.secret_access_key, "b");
	assert_string_equal(credentials.session_token, "c");
	assert_int_equal(credentials.expires_at, 86400);
	credentials_wipe(&credentials);
	for (size_t i = 0; refused[i] != NULL; i++)
	{
		if (read_xml(200, refused[i], &credentials, &failure))
			fail_msg("%s is taken", refused[i]);
		assert_null(credentials.secret_access_key);
	}
}

static void
an_error_of_sts_is_named_by_its_code_only(void **state)
{
	Credentials credentials;
	Failure		failure;

	assert_false(read_xml(403, "<Error><Code>AccessDenied</Code><Message>hush</Message></Error>", &credentials, &failure));
	assert_string_equal(failure.code, "AccessDenied");
	assert_null(strstr(failure.message, "hush"));
	assert_int_equal(failure.http_status, 403);
	assert_false(read_xml(403, "<Error><Code>hush hush</Code></Error>", &credentials, &failure));
	assert_string_equal(failure.code, "");
	assert_false(read_xml(500, "<Credentials>" KEYS DATE "</Credentials>", &credentials, &failure));
}

static void
what_is_asked_is_encoded(void **state)
{
	Role		role = {.arn = "arn:aws:iam::1:role/r", .session_name = "a&b=c", .external_id = "\xC3\xA4 +", .duration_seconds = "900"};
	ByteBuffer		body = {0};

	sts_write_assume_role(&body, &role);
	assert_text(&body, "Version=2011-06-15&Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=a%26b%3Dc"
				"&DurationSeconds=900&ExternalId=%C3%A4%20%2B");
}

static void
an_answer_without_memory_is_none(void **state)
{
	FOR_EACH_ALLOCATION_FAILING({
		Credentials credentials;
		Failure		failure;
		bool		read = read_xml(200, "<Credentials>" KEYS DATE "</Credentials>", &credentials, &failure);

		assert_int_equal(read, !memory_has_failed());
		credentials_wipe(&credentials);
	});
	FOR_EACH_ALLOCATION_FAILING({
		Credentials credentials;
		Failure		failure;
		const char *body = "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\", \"Token\": \"c\"}";
		bool		read = metadata_read_answer("endpoint", 200, body, strlen(body), &credentials, &failure);

		assert_int_equal(read, !memory_has_failed());
		if (!read)
			assert_int_equal(failure.kind, FAILURE_MEMORY);
		credentials_wipe(&credentials);
	});
}

/* What the project and cJSON have freed must not show what was in it: see memory.c. */
static void
a_broken_answer_leaves_nothing_in_freed_memory(void **state)
{
	static const char *const broken[] = {
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush-hush-hush-hush\", \"Token\": \"hush-hush-hush-hush\"",
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush-hush-hush-hush\", \"Token\": 1}",
		"{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"hush-hush-hush-hush\", \"Expiration\": \"hush-hush-hush-hush\"}",
	};
	Credentials credentials;
	Failure		failure;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
	{
		memory_watch("hush");
		assert_false(metadata_read_answer("endpoint", 200, broken[i], strlen(broken[i]), &credentials, &failure));
		assert_false(memory_was_left());
	}
}

static void
a_deep_answer_is_none(void **state)
{
	char		deep[4096];
	Credentials credentials;

	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	deep[sizeof(deep) - 1] = '\0';
	assert_false(read_json(deep, &credentials));
}

static void
a_role_has_a_name(void **state)
{
	assert_true(metadata_is_role_name("my_role+=,.@-1", 14));
	assert_false(metadata_is_role_name("", 0));
	assert_false(metadata_is_role_name("../x", 4));
	assert_false(metadata_is_role_name("a b", 3));
	assert_false(metadata_is_role_name("a\0b", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_container_token_goes_to_https_or_near_by),
		cmocka_unit_test(no_proxy_comes_between_what_is_near),
		cmocka_unit_test(an_endpoint_is_a_url_as_all_read_it),
		cmocka_unit_test(the_host_is_signed_as_it_is_sent),
		cmocka_unit_test(json_is_credentials_when_all_is_there),
		cmocka_unit_test(xml_is_credentials_when_all_is_there),
		cmocka_unit_test(an_error_of_sts_is_named_by_its_code_only),
		cmocka_unit_test(what_is_asked_is_encoded),
		cmocka_unit_test(an_answer_without_memory_is_none),
		cmocka_unit_test(a_broken_answer_leaves_nothing_in_freed_memory),
		cmocka_unit_test(a_deep_answer_is_none),
		cmocka_unit_test(a_role_has_a_name),
	};

	return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
