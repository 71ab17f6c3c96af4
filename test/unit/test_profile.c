/*
 * profile: AWS's ini files, as people write them.
 */
#include "unit.h"

#include <unistd.h>

#include "aws/profile.h"

static bool
parse(ProfileFiles *files, ProfileFileKind kind, const char *text, Failure *failure)
{
	char	   *copy = strdup(text);
	bool		parsed = copy != NULL && profile_parse(files, kind, copy, "/the/file", failure);

	if (copy == NULL)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	free(copy);
	return parsed;
}

static void
settings_are_found_by_profile_and_name(void **state)
{
	ProfileFiles files = {0};
	Failure		failure;

	assert_true(parse(&files, PROFILE_FILE_CREDENTIALS,
					  "\xEF\xBB\xBF# a comment\r\n[default]\r\nAWS_Access_Key_Id = AKID\r\naws_secret_access_key=a+b/c=#d ; more\r\n\r\n"
					  "[ other ]\n; a comment\naws_session_token =\n", &failure));
	assert_string_equal(profile_setting(&files, "default", "aws_access_key_id"), "AKID");
	assert_string_equal(profile_setting(&files, "default", "aws_secret_access_key"), "a+b/c=#d");
	assert_true(profile_exists(&files, "other"));
	assert_null(profile_setting(&files, "other", "aws_session_token"));
	assert_null(profile_setting(&files, "other", "aws_access_key_id"));
	assert_false(profile_exists(&files, "third"));
	profile_files_free(&files);
}

static void
a_config_file_writes_profile_before_the_name(void **state)
{
	ProfileFiles files = {0};
	Failure		failure;

	assert_true(parse(&files, PROFILE_FILE_CONFIG,
					  "[default]\nregion=a\n[profile one]\nregion=b\ns3 =\n  region = nested\n[profile \"two words\"]\nregion=c\n"
					  "[sso-session one]\nregion=d\n[one]\nregion=e\n[profiles]\nregion=f", &failure));
	assert_string_equal(profile_setting(&files, "default", "region"), "a");
	assert_string_equal(profile_setting(&files, "one", "region"), "b");
	assert_string_equal(profile_setting(&files, "two words", "region"), "c");
	assert_false(profile_exists(&files, "sso-session one"));
	assert_false(profile_exists(&files, "s"));
	profile_files_free(&files);
}

static void
the_first_file_goes_first_and_in_a_file_the_last_word(void **state)
{
	ProfileFiles files = {0};
	Failure		failure;

	assert_true(parse(&files, PROFILE_FILE_CREDENTIALS, "[a]\nx=1\n[a]\nx=2\n", &failure));
	assert_true(parse(&files, PROFILE_FILE_CONFIG, "[profile a]\nx=3\ny=4\n", &failure));
	assert_string_equal(profile_setting(&files, "a", "x"), "2");
	assert_string_equal(profile_setting(&files, "a", "y"), "4");
	profile_files_free(&files);
}

static void
what_is_not_understood_is_named_by_its_line_only(void **state)
{
	static const char *const texts[] = {"[a]\nhush\n", "x=hush\n", "[hush\n", "[a]\n=hush\n"};
	static const int lines[] = {2, 1, 1, 2};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		ProfileFiles files = {0};
		Failure		failure;
		char		expected[100];

		assert_false(parse(&files, PROFILE_FILE_CREDENTIALS, texts[i], &failure));
		snprintf(expected, sizeof(expected), "Line %d of the file \"/the/file\" is not understood.", lines[i]);
		assert_string_equal(failure.message, expected);
		assert_int_equal(failure.kind, FAILURE_NO_CREDENTIALS);
		profile_files_free(&files);
	}
}

static void
without_memory_nothing_leaks(void **state)
{
	FOR_EACH_ALLOCATION_FAILING({
		ProfileFiles files = {0};
		Failure		failure;
		bool		parsed = parse(&files, PROFILE_FILE_CREDENTIALS, "[a]\nx=1\nx=2\ny=3\n[b]\nz=4\n", &failure);

		assert_int_equal(parsed, !memory_has_failed());
		if (!parsed)
			assert_int_equal(failure.kind, FAILURE_MEMORY);
		profile_files_free(&files);
	});
}

/* Nobody can cancel the reading of a file, so a long one must not take long. */
static void
a_long_file_is_read_at_once(void **state)
{
	ProfileFiles files = {0};
	ByteBuffer	text = {0};
	Failure		failure;

	buffer_puts(&text, "[default]\n");
	for (int i = 0; i < 100000; i++)
		buffer_printf(&text, "a%d=\n", i);
	alarm(60);
	assert_true(profile_parse(&files, PROFILE_FILE_CREDENTIALS, text.data, "/the/file", &failure));
	alarm(0);
	profile_files_free(&files);
	buffer_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_found_by_profile_and_name),
		cmocka_unit_test(a_config_file_writes_profile_before_the_name),
		cmocka_unit_test(the_first_file_goes_first_and_in_a_file_the_last_word),
		cmocka_unit_test(what_is_not_understood_is_named_by_its_line_only),
		cmocka_unit_test(a_long_file_is_read_at_once),
		cmocka_unit_test(without_memory_nothing_leaks),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
