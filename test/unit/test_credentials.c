/*
 * credentials: copies of their own, all or none.
 */
#include "unit.h"

#include "aws/credentials.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_texts_are_copied),
		cmocka_unit_test(an_empty_session_token_is_none),
		cmocka_unit_test(without_memory_nothing_is_kept),
	};

	return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
