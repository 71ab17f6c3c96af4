/*
 * ini, profile, words, home: AWS's files as people write them, against what botocore reads in them (profiles/generate.py).
 */
#include "unit.h"

#include <cjson/cJSON.h>
#include <pwd.h>
#include <unistd.h>

#include "aws/home.h"
#include "aws/profile.h"
#include "aws/words.h"

#define CASES "profiles/cases.json"

static bool
parse_bytes(ProfileFiles *files, ProfileFileKind kind, const void *bytes, size_t length, Failure *failure)
{
	ByteBuffer	buffer = {.secret = true};
	bool		parsed;

	buffer_append(&buffer, bytes, length);
	parsed = !buffer.failed && profile_parse(files, kind, &buffer, "/the/file", failure);
	if (buffer.failed)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	buffer_free(&buffer);
	return parsed;
}

static bool
parse(ProfileFiles *files, ProfileFileKind kind, const char *text, Failure *failure)
{
	return parse_bytes(files, kind, text, strlen(text), failure);
}

static cJSON *
read_cases(void)
{
	FILE	   *file = fopen(CASES, "r");
	ByteBuffer	text = {0};
	char		chunk[4096];
	size_t		count;
	cJSON	   *cases;

	assert_non_null(file);
	while ((count = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buffer_append(&text, chunk, count);
	fclose(file);
	cases = cJSON_Parse(text.data);
	buffer_free(&text);
	assert_non_null(cases);
	return cases;
}

static const char *
text_of(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name)->valuestring;
}

/* What the section kind's `name` has to say by botocore. */
static const cJSON *
expected_of(const cJSON *row, ProfileSectionKind kind, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(row, kind == SECTION_PROFILE ? "profiles" : "services"), name);
}

/* Nothing was read that botocore does not read. */
static bool
is_expected(const cJSON *row, const ProfileFiles *files)
{
	for (size_t i = 0; i < PROFILE_FILES; i++)
		for (size_t j = 0; j < files->files[i].ini.nsections; j++)
		{
			const ProfileSection *section = &files->files[i].sections[j];

			if (section->kind != SECTION_OTHER && expected_of(row, section->kind, section->name) == NULL)
				return false;
		}
	return true;
}

static bool
same_member(const ProfileFiles *files, const char *profile, const cJSON *setting, const cJSON *member)
{
	for (size_t i = 0; i < PROFILE_FILES; i++)
	{
		const ProfileFile *file = &files->files[i];

		for (size_t j = file->sections != NULL ? file->ini.nsections : 0; j > 0; j--)
			if (file->sections[j - 1].kind == SECTION_PROFILE && strcmp(file->sections[j - 1].name, profile) == 0)
			{
				const IniSetting *found = ini_setting(&file->ini, file->sections[j - 1].section, setting->string);

				if (found == NULL)
					break;
				found = ini_member(&file->ini, found, member->string);
				return found != NULL && strcmp(found->value, member->valuestring) == 0;
			}
	}
	return false;
}

static bool
same_profile(const ProfileFiles *files, const cJSON *profile)
{
	const cJSON *setting;
	const cJSON *member;

	if (!profile_exists(files, profile->string))
		return false;
	cJSON_ArrayForEach(setting, profile)
	{
		ProfileSetting found = profile_look_up(files, profile->string, setting->string);

		if (found.value == NULL || found.line == 0)
			return false;
		if (strcmp(found.value, cJSON_IsObject(setting) ? "" : setting->valuestring) != 0)
			return false;
		if (cJSON_IsObject(setting))
			cJSON_ArrayForEach(member, setting)
				if (!same_member(files, profile->string, setting, member))
					return false;
	}
	return true;
}

/* What is set to nothing is not told from what is not set. */
static bool
same_services(const ProfileFiles *files, const cJSON *services)
{
	const cJSON *service;
	const cJSON *member;

	cJSON_ArrayForEach(service, services)
		if (cJSON_IsObject(service))
			cJSON_ArrayForEach(member, service)
			{
				const char *found = services_setting(files, services->string, service->string, member->string);

				if (strcmp(found != NULL ? found : "", member->valuestring) != 0)
					return false;
			}
		else if (services_setting(files, services->string, service->string, "endpoint_url") != NULL)
			return false;
	return true;
}

/* No profile has a setting that botocore does not give it. */
static bool
no_more_settings(const cJSON *row, const ProfileFiles *files)
{
	for (size_t i = 0; i < PROFILE_FILES; i++)
		for (size_t j = 0; j < files->files[i].ini.nsections; j++)
		{
			const ProfileSection *section = &files->files[i].sections[j];

			for (size_t k = 0; k < section->section->count && section->kind == SECTION_PROFILE; k++)
			{
				const IniSetting *setting = &files->files[i].ini.settings[section->section->first + k];
				bool		is_read = profile_look_into(files, i, section->name, setting->name).line == setting->line;
				bool		is_hidden = i > 0 && profile_look_into(files, 0, section->name, setting->name).value != NULL;
				const cJSON *expected = cJSON_GetObjectItemCaseSensitive(expected_of(row, SECTION_PROFILE, section->name), setting->name);

				if (is_read && expected == NULL)
					return false;
				if (is_read && !is_hidden && setting->member != NULL
					&& cJSON_GetObjectItemCaseSensitive(expected, setting->member) == NULL)
					return false;
			}
		}
	return true;
}

static bool
same_as_botocore(const cJSON *row)
{
	ProfileFiles files = {0};
	Failure		failure = {0};
	bool		parsed = parse(&files, PROFILE_FILE_CREDENTIALS, text_of(row, "credentials"), &failure)
		&& parse(&files, PROFILE_FILE_CONFIG, text_of(row, "config"), &failure);
	bool		same = parsed != cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "error"));
	const cJSON *section;

	if (!parsed)
		same = same && failure.kind == FAILURE_NO_CREDENTIALS && strstr(failure.message, "/the/file") != NULL;
	else if (same)
	{
		same = is_expected(row, &files) && no_more_settings(row, &files);
		cJSON_ArrayForEach(section, cJSON_GetObjectItemCaseSensitive(row, "profiles"))
			same = same && same_profile(&files, section);
		cJSON_ArrayForEach(section, cJSON_GetObjectItemCaseSensitive(row, "services"))
			same = same && same_services(&files, section);
	}
	profile_files_free(&files);
	return same;
}

static void
files_say_what_botocore_reads_in_them(void **state)
{
	cJSON	   *cases = read_cases();
	const cJSON *row;
	int			count = 0;
	int			wrong = 0;

	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(cases, "files"))
	{
		count++;
		if (same_as_botocore(row))
			continue;
		wrong++;
		char	   *text = cJSON_PrintUnformatted(row);

		print_error("botocore reads it in another way: %s\n", text);
		cJSON_free(text);
	}
	cJSON_Delete(cases);
	assert_true(count > 500);
	assert_int_equal(wrong, 0);
}

static void
what_is_not_utf8_is_refused(void **state)
{
	cJSON	   *cases = read_cases();
	const cJSON *row;
	int			count = 0;

	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(cases, "refused"))
	{
		unsigned char bytes[100];
		size_t		length = strlen(row->valuestring) / 2;
		ProfileFiles files = {0};
		Failure		failure;

		for (size_t i = 0; i < length; i++)
			sscanf(row->valuestring + 2 * i, "%2hhx", &bytes[i]);
		assert_false(parse_bytes(&files, PROFILE_FILE_CREDENTIALS, bytes, length, &failure));
		assert_non_null(strstr(failure.message, "is not in UTF-8"));
		profile_files_free(&files);
		count++;
	}
	cJSON_Delete(cases);
	assert_true(count > 3);
}

static bool
same_words(const cJSON *row)
{
	const cJSON *expected = cJSON_GetObjectItemCaseSensitive(row, "words");
	char	   *text = strdup(text_of(row, "text"));
	char	   *words[64];
	size_t		count = words_split(text, words, 64);
	bool		same = count == (cJSON_IsNull(expected) ? WORDS_BROKEN : (size_t) cJSON_GetArraySize(expected));

	for (size_t i = 0; same && count != WORDS_BROKEN && i < count; i++)
		same = strcmp(words[i], cJSON_GetArrayItem(expected, (int) i)->valuestring) == 0;
	free(text);
	return same;
}

static void
a_command_has_the_words_that_shlex_finds(void **state)
{
	cJSON	   *cases = read_cases();
	const cJSON *row;
	int			count = 0;

	cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(cases, "words"))
	{
		if (!same_words(row))
			fail_msg("other words: %s", text_of(row, "text"));
		count++;
	}
	cJSON_Delete(cases);
	assert_true(count > 40);
}

static void
the_first_file_goes_first_and_all_are_named(void **state)
{
	ProfileFiles files = {0};
	Failure		failure;
	ProfileSetting setting;

	assert_true(parse(&files, PROFILE_FILE_CREDENTIALS, "[a]\nx=2\n", &failure));
	assert_true(parse(&files, PROFILE_FILE_CONFIG, "# c\n[profile a]\nx=3\n\ny=4\n", &failure));
	files.files[PROFILE_FILE_CONFIG].path = strdup("/the/config");
	assert_string_equal(profile_setting(&files, "a", "x"), "2");
	setting = profile_look_up(&files, "a", "y");
	assert_string_equal(setting.value, "4");
	assert_string_equal(setting.path, "/the/config");
	assert_int_equal(setting.line, 5);
	assert_int_equal(profile_section(&files, PROFILE_FILE_CONFIG, "a").line, 2);
	profile_files_free(&files);
}

static void
what_is_wrong_is_named_by_its_line_only(void **state)
{
	static const struct
	{
		const char *text;
		const char *message;
	}			cases[] = {
		{"[a]\nhush\n", "Line 2 of the file \"/the/file\" is not understood."},
		{"[a]\n=hush\n", "Line 2 of the file \"/the/file\" is not understood."},
		{"x=hush\n", "Line 1 of the file \"/the/file\" is before the first section."},
		{"[hush\n", "Line 1 of the file \"/the/file\" is before the first section."},
		{"\xEF\xBB\xBF[a]\n", "Line 1 of the file \"/the/file\" begins with a byte order mark."},
		{"[hush]\n\n[hush]\n", "Line 3 of the file \"/the/file\" repeats a section."},
		{"[a]\nhush=1\n[b]\nhush=1\nhush=2\nhush=3\n", "Line 5 of the file \"/the/file\" repeats a setting."},
		{"[a]\nb = c\nx =\n  hush\n", "Line 3 of the file \"/the/file\" begins a nested setting that is not understood."},
		{"[a]\nx = hush\xff\n", "Line 2 of the file \"/the/file\" is not in UTF-8."},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		ProfileFiles files = {0};
		Failure		failure;

		assert_false(parse(&files, PROFILE_FILE_CREDENTIALS, cases[i].text, &failure));
		assert_string_equal(failure.message, cases[i].message);
		assert_int_equal(failure.kind, FAILURE_NO_CREDENTIALS);
		profile_files_free(&files);
	}
}

/* An answer of path_expand; NULL: the text itself. */
static void
assert_path(const char *text, const char *expected)
{
	ByteBuffer	path = {0};

	path_expand(text, &path);
	assert_text(&path, expected != NULL ? expected : text);
}

static void
a_path_is_expanded(void **state)
{
	const struct passwd *own = getpwuid(geteuid());
	const struct passwd *root = getpwnam("root");
	char		expected[1024];

	setenv("HOME", "/the/home//", 1);
	setenv("PART", "p/q", 1);
	setenv("EMPTY", "", 1);
	setenv("TILDE", "~", 1);
	unsetenv("ABSENT");
	assert_path("~", "/the/home");
	assert_path("~/.aws/config", "/the/home/.aws/config");
	assert_path("/a/~/b", NULL);
	assert_path("a/$PART/${PART}.x", "a/p/q/p/q.x");
	assert_path("$TILDE/a", "/the/home/a");
	assert_path("$EMPTY", "");
	assert_path("$ABSENT/${ABSENT}/$/${/$$PART/${}", "$ABSENT/${ABSENT}/$/${/$p/q/${}");
	assert_path("$", NULL);
	assert_path("~no such user/a", NULL);
	if (root != NULL)
	{
		snprintf(expected, sizeof(expected), "%s/a", root->pw_dir);
		assert_path("~root/a", expected);
	}
	setenv("HOME", "/", 1);
	assert_path("~", "/");
	assert_path("~/a", "/a");
	/* A server that pg_ctlcluster has started has no HOME. */
	own = getpwuid(geteuid());
	assert_non_null(own);
	snprintf(expected, sizeof(expected), "%s/.aws/config", own->pw_dir);
	unsetenv("HOME");
	assert_path("~/.aws/config", expected);
	setenv("HOME", "", 1);
	assert_path("~/.aws/config", expected);
}

static void
without_memory_nothing_leaks(void **state)
{
	FOR_EACH_ALLOCATION_FAILING({
		ProfileFiles files = {0};
		Failure		failure;
		bool		parsed = parse(&files, PROFILE_FILE_CREDENTIALS, "[a]\nx=1\ny=\n  z = 1\n[b]\nz=4\n", &failure);

		assert_int_equal(parsed, !memory_has_failed());
		if (!parsed)
			assert_int_equal(failure.kind, FAILURE_MEMORY);
		profile_files_free(&files);
	});
	unsetenv("HOME");
	CHECK_MEMORY_FAILURES_OF(path, path_expand("~/$PART", &path));
}

static void
freed_memory_has_no_secret(void **state)
{
	static const char *const texts[] = {"[a]\nx = hush\n", "[a]\nx = hush\n  hush\n[a]\n", "[a]\nhush\n", "[a]\nx =\n  hush\n", "[a]\nx =\n  y = hush\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		ProfileFiles files = {0};
		Failure		failure = {.kind = FAILURE_NONE};

		memory_watch("hush");
		(void) parse(&files, PROFILE_FILE_CREDENTIALS, texts[i], &failure);
		profile_files_free(&files);
		assert_false(memory_was_left());
		assert_null(strstr(failure.message, "hush"));
	}
}

/* Nobody can cancel the reading of a file, so a long one must not take long. */
static void
a_long_file_is_read_at_once(void **state)
{
	static const char *const lines[] = {"a%d=\n", "[a%d]\n", "a%d=\n b = c\n", " %d\n"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
	{
		ProfileFiles files = {0};
		ByteBuffer	text = {0};
		Failure		failure;

		buffer_puts(&text, "[default]\nx =\n");
		for (int j = 0; j < 100000; j++)
			buffer_printf(&text, lines[i], j);
		alarm(60);
		(void) profile_parse(&files, PROFILE_FILE_CONFIG, &text, "/the/file", &failure);
		alarm(0);
		profile_files_free(&files);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_say_what_botocore_reads_in_them),
		cmocka_unit_test(what_is_not_utf8_is_refused),
		cmocka_unit_test(a_command_has_the_words_that_shlex_finds),
		cmocka_unit_test(the_first_file_goes_first_and_all_are_named),
		cmocka_unit_test(what_is_wrong_is_named_by_its_line_only),
		cmocka_unit_test(a_path_is_expanded),
		cmocka_unit_test(a_long_file_is_read_at_once),
		cmocka_unit_test(without_memory_nothing_leaks),
		cmocka_unit_test(freed_memory_has_no_secret),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
