/* What fits into one transaction: DynamoDB refuses one of more actions or bytes as a whole. */
#include "unit.h"

#include "store/transaction.h"

#define ROWS 120

static Commit commits[ROWS];
static TransactionRow rows[ROWS];

/* As many rows, each with events of that length. */
static void
set_rows(const char *events, size_t length, bool checks_before)
{
	for (size_t i = 0; i < ROWS; i++)
	{
		commits[i] = (Commit)
		{
			.aggregate_id = "a", .aggregate_id_length = 1, .version = (int64_t) i, .commit_id = (int64_t) i + 1,
			.events = events, .events_length = length
		};
		rows[i] = (TransactionRow)
		{
			.commit = &commits[i], .checks_before = checks_before
		};
	}
}

static void
a_hundred_actions_are_the_counter_and_99_commits(void **state)
{
	set_rows("[]", 2, false);
	assert_int_equal(transaction_cut(rows, 0), 0);
	assert_int_equal(transaction_cut(rows, 1), 1);
	assert_int_equal(transaction_cut(rows, 99), 99);
	assert_int_equal(transaction_cut(rows, ROWS), 99);
}

static void
checks_are_actions_too(void **state)
{
	set_rows("[]", 2, true);
	assert_int_equal(transaction_cut(rows, ROWS), 49);
	rows[0].checks_before = false;
	assert_int_equal(transaction_cut(rows, ROWS), 50);
	set_rows("[]", 2, false);
	rows[98].checks_before = true;
	assert_int_equal(transaction_cut(rows, ROWS), 98);
}

static void
four_megabytes_are_the_end(void **state)
{
	const size_t megabyte = 1024 * 1024;
	char	   *events = calloc(1, megabyte);
	size_t		bytes = 0;
	size_t		count;

	assert_non_null(events);
	memset(events, ' ', megabyte);
	for (size_t length = 30000; length < MAX_ITEM_BYTES - 200; length += 30011)
	{
		set_rows(events, length, false);
		count = transaction_cut(rows, ROWS);
		bytes = 0;
		for (size_t i = 0; i < count; i++)
			bytes += commit_item_size(&commits[i]);
		assert_true(bytes <= 4 * megabyte);
		assert_true(count == 99 || bytes + commit_item_size(&commits[count]) > 4 * megabyte - 2048);
	}
	set_rows(events, MAX_ITEM_BYTES - 200, false);
	assert_int_equal(transaction_cut(rows, ROWS), 10);
	free(events);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_actions_are_the_counter_and_99_commits),
		cmocka_unit_test(checks_are_actions_too),
		cmocka_unit_test(four_megabytes_are_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
