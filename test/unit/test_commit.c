/*
 * commit: what is written is what 1.x readers expect, comes back the same, and is refused beforehand where DynamoDB
 * would refuse it.
 */
#include "unit.h"

#include "dynamodb/json.h"
#include "store/commit.h"

static const Commit account = {
	.aggregate_id = "account-1",
	.aggregate_id_length = 9,
	.version = 2,
	.commit_id = 7,
	.committed_at = 1440939360000,
	.events = "[{\"type\":\"opened\"}]",
	.events_length = 19,
};

/* The item, as an answer would bring it. */
static cJSON *
item_of(const Commit *commit)
{
	ByteBuffer	text = {0};
	cJSON	   *item;

	buffer_putc(&text, '{');
	commit_write_item(commit, &text);
	buffer_putc(&text, '}');
	assert_false(text.failed);
	item = json_parse(text.data, text.length);
	assert_non_null(item);
	buffer_free(&text);
	return item;
}

static void
an_item_has_the_1x_form(void **state)
{
	ByteBuffer	out = {0};

	commit_write_item(&account, &out);
	assert_text(&out, "\"aggregateId\":{\"S\":\"account-1\"},\"version\":{\"N\":\"2\"},\"commitId\":{\"N\":\"7\"},"
				"\"committedAt\":{\"N\":\"1440939360000\"},\"events\":{\"S\":\"[{\\\"type\\\":\\\"opened\\\"}]\"},\"active\":{\"S\":\"t\"}");
}

static void
further_attributes_come_last(void **state)
{
	const Attribute extra[] = {
		{"te\"nant", attribute_string("x", 1)},
		{"total", attribute_number("1.50", 4)},
	};
	Commit		commit = account;
	ByteBuffer	out = {0};

	commit.committed_at_given = true;
	commit.appended_at = 1500000000000;
	commit.extra = extra;
	commit.nextra = 2;
	commit_write_item(&commit, &out);
	assert_false(out.failed);
	assert_non_null(strstr(out.data, "\"active\":{\"S\":\"t\"},\"appendedAt\":{\"N\":\"1500000000000\"},\"te\\\"nant\":{\"S\":\"x\"},"
						   "\"total\":{\"N\":\"1.50\"}"));
	buffer_free(&out);
	CHECK_MEMORY_FAILURES_OF(text, commit_write_item(&commit, &text));
}

static void
a_commit_comes_back_as_it_was(void **state)
{
	Commit		commit = account;
	Commit		read;
	cJSON	   *item;

	commit.aggregate_id = "caf\u00e9 \"\\\n";
	commit.aggregate_id_length = strlen(commit.aggregate_id);
	commit.version = INT64_MAX;
	commit.commit_id = INT64_MAX;
	commit.committed_at = INT64_MIN;
	item = item_of(&commit);
	assert_true(commit_read_item(item, &read));
	assert_string_equal(read.aggregate_id, commit.aggregate_id);
	assert_int_equal(read.aggregate_id_length, commit.aggregate_id_length);
	assert_true(read.version == commit.version && read.commit_id == commit.commit_id && read.committed_at == commit.committed_at);
	assert_string_equal(read.events, commit.events);
	assert_int_equal(read.events_length, commit.events_length);
	assert_int_equal(read.nextra, 0);
	assert_false(read.committed_at_given);
	cJSON_Delete(item);
}

static void
a_length_ends_a_text(void **state)
{
	Commit		commit = account;
	Commit		read;
	cJSON	   *item;

	commit.aggregate_id_length = 7;
	item = item_of(&commit);
	assert_true(commit_read_item(item, &read));
	assert_string_equal(read.aggregate_id, "account");
	cJSON_Delete(item);
}

static void
an_item_that_lacks_something_is_no_commit(void **state)
{
	static const char *const names[] = {"aggregateId", "version", "commitId", "committedAt", "events", "active"};
	static const char *const wrong[] = {"null", "{\"BOOL\":true}", "{\"N\":\"1.5\"}", "{\"M\":{}}"};
	Commit		read;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		cJSON	   *item = item_of(&account);

		assert_true(commit_read_item(item, &read));
		for (size_t j = 0; j < sizeof(wrong) / sizeof(wrong[0]); j++)
		{
			cJSON_ReplaceItemInObjectCaseSensitive(item, names[i], cJSON_Parse(wrong[j]));
			assert_false(commit_read_item(item, &read));
		}
		cJSON_DeleteItemFromObjectCaseSensitive(item, names[i]);
		assert_false(commit_read_item(item, &read));
		cJSON_Delete(item);
	}
	assert_false(commit_read_item(NULL, &read));
}

/* The item that a put has written, and no other under the same key and id, is the put's own. */
static void
an_item_is_ones_own_by_all_that_was_sent(void **state)
{
	static const char *const names[] = {"aggregateId", "version", "commitId", "committedAt", "events", "active", "appendedAt", "s", "n", "b", "t", "z"};
	static const char *const others[] = {"{\"NULL\":false}", "{\"BOOL\":false}", "{\"N\":\"1.5\"}", "{\"S\":\"other\"}", "{\"B\":\"AQI=\"}", "null"};
	const Attribute extra[] = {
		{"s", attribute_string("x", 1)},
		{"n", attribute_number("1.50", 4)},
		{"b", {.type = ATTRIBUTE_B, .text = "AQ==", .length = 4}},
		{"t", attribute_boolean(true)},
		{"z", {.type = ATTRIBUTE_NULL}},
	};
	Commit		commit = account;

	commit.committed_at_given = true;
	commit.appended_at = 1500000000000;
	commit.extra = extra;
	commit.nextra = sizeof(extra) / sizeof(extra[0]);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		cJSON	   *item = item_of(&commit);

		assert_true(commit_is_item(&commit, item));
		for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++)
		{
			/* The one of its own type and value is left out: an item may well have that. */
			if (strcmp(names[i], "n") == 0 && strstr(others[j], "1.5") != NULL)
				continue;
			cJSON_ReplaceItemInObjectCaseSensitive(item, names[i], cJSON_Parse(others[j]));
			assert_false(commit_is_item(&commit, item));
		}
		cJSON_DeleteItemFromObjectCaseSensitive(item, names[i]);
		assert_false(commit_is_item(&commit, item));
		cJSON_Delete(item);
	}
	assert_false(commit_is_item(&commit, NULL));
}

/* Numbers are compared as numbers, and what somebody has added since does not count. */
static void
an_item_may_be_written_otherwise(void **state)
{
	cJSON	   *item = item_of(&account);

	cJSON_ReplaceItemInObjectCaseSensitive(item, "commitId", cJSON_Parse("{\"N\":\"7.0\"}"));
	cJSON_ReplaceItemInObjectCaseSensitive(item, "committedAt", cJSON_Parse("{\"N\":\"1.44093936E12\"}"));
	cJSON_AddItemToObject(item, "expires", cJSON_Parse("{\"N\":\"1\"}"));
	assert_true(commit_is_item(&account, item));
	cJSON_Delete(item);
}

static void
what_the_index_does_not_have_is_told(void **state)
{
	cJSON	   *item = item_of(&account);

	assert_true(commit_is_indexed(item));
	cJSON_ReplaceItemInObjectCaseSensitive(item, "active", cJSON_Parse("{\"S\":\"f\"}"));
	assert_false(commit_is_indexed(item));
	cJSON_ReplaceItemInObjectCaseSensitive(item, "active", cJSON_Parse("{\"S\":\"t\"}"));
	cJSON_ReplaceItemInObjectCaseSensitive(item, "commitId", cJSON_Parse("{\"S\":\"7\"}"));
	assert_false(commit_is_indexed(item));
	cJSON_DeleteItemFromObjectCaseSensitive(item, "commitId");
	assert_false(commit_is_indexed(item));
	cJSON_Delete(item);
}

/*
 * "DynamoDB item sizes and formats": names and values; a string its UTF-8 bytes, a number one byte for two significant
 * digits and one more.
 */
static void
the_size_is_the_documented_one(void **state)
{
	const Attribute extra = {"ok", attribute_boolean(true)};
	Commit		commit = account;
	size_t		size = (11 + 9) + (7 + 2) + (8 + 2) + (11 + 6) + (6 + 19) + (6 + 1);

	assert_int_equal(commit_item_size(&commit), size);
	commit.extra = &extra;
	commit.nextra = 1;
	assert_int_equal(commit_item_size(&commit), size + 3);
	commit.committed_at_given = true;
	commit.appended_at = 5;
	assert_int_equal(commit_item_size(&commit), size + 3 + 10 + 2);
}

static void
check_refused(const Commit *commit, FailureKind kind)
{
	Failure		failure = {0};

	assert_false(commit_check(commit, &failure));
	assert_int_equal(failure.kind, kind);
	assert_true(failure.message[0] != '\0');
}

static void
check_accepted(const Commit *commit)
{
	Failure		failure = {0};

	if (!commit_check(commit, &failure))
		fail_msg("refused: %s", failure.message);
}

static void
keys_are_checked(void **state)
{
	Commit		commit = account;
	char		long_id[MAX_AGGREGATE_ID_BYTES + 1];

	memset(long_id, 'x', sizeof(long_id));
	check_accepted(&commit);
	commit.aggregate_id = long_id;
	commit.aggregate_id_length = 2048;
	check_accepted(&commit);
	commit.aggregate_id_length = 2049;
	check_refused(&commit, FAILURE_TOO_LARGE);
	commit.aggregate_id_length = 0;
	check_refused(&commit, FAILURE_OTHER);

	commit = account;
	commit.version = 0;
	check_accepted(&commit);
	commit.version = -1;
	check_refused(&commit, FAILURE_OTHER);
}

/* The ids and times that are not known yet count as the widest there are. */
static void
the_item_size_is_checked(void **state)
{
	Commit		commit = account;
	Commit		widest = account;
	char	   *events = malloc(MAX_ITEM_BYTES);

	memset(events, ' ', MAX_ITEM_BYTES);
	widest.commit_id = INT64_MAX;
	widest.committed_at = INT64_MAX;
	widest.events = events;
	commit.events = events;
	commit.events_length = MAX_ITEM_BYTES - (commit_item_size(&widest) - widest.events_length);
	check_accepted(&commit);
	widest.events_length = commit.events_length;
	assert_int_equal(commit_item_size(&widest), MAX_ITEM_BYTES);
	commit.events_length++;
	check_refused(&commit, FAILURE_TOO_LARGE);

	/* A given time is known, but brings appendedAt with it. */
	commit.committed_at_given = true;
	commit.events_length += 4;
	check_refused(&commit, FAILURE_TOO_LARGE);
	commit.events_length -= 10 + 11;
	check_accepted(&commit);
	free(events);
}

static void
numbers_are_checked(void **state)
{
	Attribute	extra = {"n", attribute_number("1E125", 5)};
	Commit		commit = account;

	commit.extra = &extra;
	commit.nextra = 1;
	check_accepted(&commit);
	extra.value = attribute_number("1E126", 5);
	check_refused(&commit, FAILURE_OTHER);
}

static void
the_clock_is_the_time_that_was_not_given(void **state)
{
	Commit		commit = account;

	commit_stamp(&commit, account.committed_at + 1);
	assert_int_equal(commit.appended_at, account.committed_at + 1);
	assert_int_equal(commit.committed_at, commit.appended_at);
	commit = account;
	commit.committed_at_given = true;
	commit_stamp(&commit, account.committed_at + 1);
	assert_int_equal(commit.committed_at, account.committed_at);
	assert_int_equal(commit.appended_at, account.committed_at + 1);
}

static void
a_time_is_rounded_down_to_its_unit(void **state)
{
	Commit		commit = account;

	commit.clock_unit = 1000;
	commit_stamp(&commit, 1440939360999);
	assert_int_equal(commit.committed_at, 1440939360000);
	assert_int_equal(commit.appended_at, 1440939360999);
	commit.clock_unit = 10;
	commit_stamp(&commit, 1440939360999);
	assert_int_equal(commit.committed_at, 1440939360990);
	commit.committed_at_given = true;
	commit.committed_at = 1440939360999;
	commit_stamp(&commit, 1440939361000);
	assert_int_equal(commit.committed_at, 1440939360999);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_has_the_1x_form),
		cmocka_unit_test(further_attributes_come_last),
		cmocka_unit_test(a_commit_comes_back_as_it_was),
		cmocka_unit_test(a_length_ends_a_text),
		cmocka_unit_test(an_item_that_lacks_something_is_no_commit),
		cmocka_unit_test(an_item_is_ones_own_by_all_that_was_sent),
		cmocka_unit_test(an_item_may_be_written_otherwise),
		cmocka_unit_test(what_the_index_does_not_have_is_told),
		cmocka_unit_test(the_size_is_the_documented_one),
		cmocka_unit_test(keys_are_checked),
		cmocka_unit_test(the_item_size_is_checked),
		cmocka_unit_test(numbers_are_checked),
		cmocka_unit_test(the_clock_is_the_time_that_was_not_given),
		cmocka_unit_test(a_time_is_rounded_down_to_its_unit),
	};

	return cmocka_run_group_tests_name("commit", tests, NULL, NULL);
}
