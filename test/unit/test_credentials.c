/*
 * credentials: copies of their own, all or none.
 */
#include "unit.h"

#include "aws/credentials.h"
#include "aws/provider.h"

static void
the_texts_are_copied(void **state)
{
	char		secret[] = "secret";
	Credentials credentials;

	assert_true(credentials_set(&credentials, "id", secret, "token"));
	secret[0] = 'X';
	assert_string_equal(credentials.access_key_id, "id");
	assert_string_equal(credentials.secret_access_key, "secret");
	assert_string_equal(credentials.session_token, "token");
	credentials_wipe(&credentials);
	assert_null(credentials.access_key_id);
	assert_null(credentials.secret_access_key);
	assert_null(credentials.session_token);
	credentials_wipe(&credentials);
}

static void
an_empty_session_token_is_none(void **state)
{
	Credentials credentials;

	assert_true(credentials_set(&credentials, "id", "secret", ""));
	assert_null(credentials.session_token);
	credentials_wipe(&credentials);
	assert_true(credentials_set(&credentials, "id", "secret", NULL));
	assert_null(credentials.session_token);
	credentials_wipe(&credentials);
}

static void
without_memory_nothing_is_kept(void **state)
{
	FOR_EACH_ALLOCATION_FAILING({
		Credentials credentials;
		bool		set = credentials_set(&credentials, "id", "secret", "token");

		assert_int_equal(set, !memory_has_failed());
		if (!set)
			assert_null(credentials.secret_access_key);
		credentials_wipe(&credentials);
	});
}

static void
an_expiry_is_a_moment(void **state)
{
	static const char *const refused[] = {
		"", "soon", "2026-01-31", "2026-01-31T12:00:00", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z",
		"2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:00Zx", "2026-01-31T12:00:00+1:00", "26-01-31T12:00:00Z",
		"1969-12-31T23:59:59Z", "2026-01-31T12:00:00+01:000", NULL
	};

	assert_int_equal(credentials_parse_expiry("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(credentials_parse_expiry("2026-01-31T12:34:56Z"), 1769862896);
	assert_int_equal(credentials_parse_expiry("2026-01-31T12:34:56.789Z"), 1769862896);
	assert_int_equal(credentials_parse_expiry("2026-01-31T13:34:56+01:00"), 1769862896);
	assert_int_equal(credentials_parse_expiry("2026-01-31T12:04:56-00:30"), 1769862896);
	assert_int_equal(credentials_parse_expiry("2050-02-28T00:00:00Z"), INT64_C(2529619200));
	for (size_t i = 0; refused[i] != NULL; i++)
		if (credentials_parse_expiry(refused[i]) != -1)
			fail_msg("\"%s\" is taken", refused[i]);
}

static void
credentials_are_renewed_before_they_expire(void **state)
{
	const int64_t end = 1000000;

	assert_int_equal(credentials_age(0, 0, end), CREDENTIALS_FRESH);
	assert_int_equal(credentials_age(0, end, end - 901), CREDENTIALS_FRESH);
	assert_int_equal(credentials_age(0, end, end - 900), CREDENTIALS_AGEING);
	assert_int_equal(credentials_age(0, end, end - 601), CREDENTIALS_AGEING);
	assert_int_equal(credentials_age(0, end, end - 600), CREDENTIALS_OLD);
	assert_int_equal(credentials_age(0, end, end - 1), CREDENTIALS_OLD);
	assert_int_equal(credentials_age(0, end, end), CREDENTIALS_EXPIRED);
}

static void
short_lived_credentials_are_fresh_at_first(void **state)
{
	const int64_t end = 1000000;
	const int64_t since = end - 900;

	assert_int_equal(credentials_age(since, end, since), CREDENTIALS_FRESH);
	assert_int_equal(credentials_age(since, end, end - 451), CREDENTIALS_FRESH);
	assert_int_equal(credentials_age(since, end, end - 450), CREDENTIALS_AGEING);
	assert_int_equal(credentials_age(since, end, end - 301), CREDENTIALS_AGEING);
	assert_int_equal(credentials_age(since, end, end - 300), CREDENTIALS_OLD);
	assert_int_equal(credentials_age(since, end, end), CREDENTIALS_EXPIRED);
	assert_int_equal(credentials_age(end - 1800, end, end - 900), CREDENTIALS_AGEING);
	assert_int_equal(credentials_age(end - 1800, end, end - 600), CREDENTIALS_OLD);
	assert_int_equal(credentials_age(end - 1, end, end - 1), CREDENTIALS_FRESH);
}

static void
what_ends_a_header_is_no_key(void **state)
{
	assert_true(credentials_are_plain(&(Credentials) {.access_key_id = "a", .secret_access_key = "b"}));
	assert_true(credentials_are_plain(&(Credentials) {.access_key_id = "a", .secret_access_key = "b", .session_token = "c"}));
	assert_false(credentials_are_plain(&(Credentials) {.access_key_id = "a"}));
	assert_false(credentials_are_plain(&(Credentials) {.access_key_id = "", .secret_access_key = "b"}));
	assert_false(credentials_are_plain(&(Credentials) {.access_key_id = "a\r\n", .secret_access_key = "b"}));
	assert_false(credentials_are_plain(&(Credentials) {.access_key_id = "a", .secret_access_key = "b c"}));
	assert_false(credentials_are_plain(&(Credentials) {.access_key_id = "a", .secret_access_key = "b", .session_token = "\xC3\xA4"}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_texts_are_copied),
		cmocka_unit_test(an_empty_session_token_is_none),
		cmocka_unit_test(without_memory_nothing_is_kept),
		cmocka_unit_test(an_expiry_is_a_moment),
		cmocka_unit_test(credentials_are_renewed_before_they_expire),
		cmocka_unit_test(short_lived_credentials_are_fresh_at_first),
		cmocka_unit_test(what_ends_a_header_is_no_key),
	};

	return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
