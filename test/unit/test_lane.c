/*
 * lane: the rows of one aggregate before anything is sent: the order of their versions, which are left out, which are
 * there twice, and which ids they get.
 */
#include "unit.h"

#include "store/lane.h"

#define MOST_ROWS 6
#define NEXT (-1)

typedef struct Case
{
	const char *what;
	int64_t		versions[MOST_ROWS];	/* 0 to 8, or NEXT; 9 ends them */
	int64_t		last;			/* of the aggregate */
	bool		skips_conflicts;
	bool		is_refused;
	const char *order;			/* the versions, skipped ones in brackets */
} Case;

static const Case cases[] = {
	{"as they come", {0, 1, 2, 9}, -1, .order = "0 1 2 "},
	{"sorted by version", {2, 0, 1, 9}, -1, .order = "0 1 2 "},
	{"versions left out go on after the last", {NEXT, NEXT, 9}, 6, .order = "7 8 "},
	{"and begin at 0", {NEXT, NEXT, 9}, -1, .order = "0 1 "},
	{"one left out follows the one given before it", {4, NEXT, 9}, 2, .order = "4 5 "},
	{"and not a lower one", {1, NEXT, 9}, 5, .order = "1 6 "},
	{"two of one version", {3, 3, 9}, 2, .is_refused = true},
	{"or the later one is skipped", {3, 4, 3, 9}, 2, true, .order = "3 [3] 4 "},
	{"no version is left", {NEXT, 9}, 100, .is_refused = true},
};

static void
versions_are_told_and_ordered(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Case *one = &cases[i];
		const AppendSettings settings = {.skip_conflicts = one->skips_conflicts, .max_version = 100};
		const LaneContext context = {.settings = &settings, .nlanes = 1};
		AppendRow	rows[MOST_ROWS] = {0};
		AppendRow  *order[MOST_ROWS];
		ByteBuffer	shown = {0};
		size_t		nrows = 0;
		Lane		lane;

		print_message("%s\n", one->what);
		for (; one->versions[nrows] != 9; nrows++)
		{
			rows[nrows].commit.version = one->versions[nrows];
			rows[nrows].next_version = one->versions[nrows] == NEXT;
			order[nrows] = &rows[nrows];
		}
		lane_init(&lane, order, nrows);
		assert_int_equal(lane_resolve_versions(&lane, &context, one->last), !one->is_refused);
		if (one->is_refused)
		{
			assert_int_equal(lane.state, LANE_FAILED);
			continue;
		}
		for (size_t j = 0; j < nrows; j++)
			buffer_printf(&shown, order[j]->skipped ? "[%d] " : "%d ", (int) order[j]->commit.version);
		assert_text(&shown, one->order);
	}
}

/* One lane for each aggregate, whose ids may be beginnings of each other, in the order of the statement. */
static void
aggregates_have_a_lane_each(void **state)
{
	static const char *const ids[] = {"b", "a", "b", "ab", "a", "b"};
	AppendRow	rows[6] = {0};
	AppendRow  *order[6];
	Lane		lanes[6];

	for (size_t i = 0; i < 6; i++)
	{
		rows[i].commit.aggregate_id = ids[i];
		rows[i].commit.aggregate_id_length = strlen(ids[i]);
	}
	assert_int_equal(lanes_make(lanes, order, rows, 6), 3);
	assert_int_equal(lanes[0].nrows, 3);
	assert_ptr_equal(lanes[0].rows[0], &rows[0]);
	assert_ptr_equal(lanes[0].rows[1], &rows[2]);
	assert_ptr_equal(lanes[0].rows[2], &rows[5]);
	assert_int_equal(lanes[1].nrows, 2);
	assert_ptr_equal(lanes[1].rows[0], &rows[1]);
	assert_int_equal(lanes[2].nrows, 1);
	assert_ptr_equal(lanes[2].rows[0], &rows[3]);
	assert_int_equal(lanes_make(lanes, order, rows, 0), 0);
}

/* Ids go to the rows in the order of their versions, and to none that is skipped. */
static void
ids_rise_with_the_versions(void **state)
{
	const AppendSettings settings = {.skip_conflicts = true, .max_version = 100};
	const LaneContext context = {.settings = &settings, .nlanes = 1};
	AppendRow	rows[4] = {{.commit.version = 2}, {.commit.version = 1}, {.commit.version = 1}, {.commit.version = 0}};
	AppendRow  *order[] = {&rows[0], &rows[1], &rows[2], &rows[3]};
	BurnList	burned = {0};
	Lane		lane;

	lane_init(&lane, order, 4);
	assert_true(lane_resolve_versions(&lane, &context, -1));
	assert_true(lane_awaits_id(&lane));
	assert_false(lane_holds_ids(&lane));
	for (int64_t id = 11; id <= 13; id++)
		lane_give_id(&lane, id, 1000);
	assert_false(lane_awaits_id(&lane));
	assert_true(lane_holds_ids(&lane));
	assert_int_equal(rows[3].commit.commit_id, 11);
	assert_int_equal(rows[1].commit.commit_id, 12);
	assert_int_equal(rows[0].commit.commit_id, 13);
	assert_int_equal(rows[2].id_deadline, 0);

	/* Of those, what is stored keeps its id, and the others are burned. */
	rows[3].fate = APPEND_STORED;
	lane.next = 1;
	lane_burn_unused(&lane, &burned);
	assert_int_equal(burned.nids, 2);
	assert_int_equal(burned.ids[0], 12);
	assert_int_equal(burned.ids[1], 13);
	assert_int_equal(rows[0].id_deadline, 0);
	burn_free(&burned);
}

/* Settled rows go before the next one, wherever they stand. */
static void
settled_rows_are_passed(void **state)
{
	AppendRow	rows[4] = {{.commit.version = 0}, {.commit.version = 1, .fate = APPEND_STORED}, {.commit.version = 2}, {.commit.version = 3, .skipped = true}};
	AppendRow  *order[] = {&rows[0], &rows[1], &rows[2], &rows[3]};
	Lane		lane;

	lane_init(&lane, order, 4);
	lane_pass_settled(&lane);
	assert_int_equal(lane.next, 2);
	assert_ptr_equal(order[0], &rows[1]);
	assert_ptr_equal(order[1], &rows[3]);
	assert_ptr_equal(order[2], &rows[0]);
	assert_ptr_equal(order[3], &rows[2]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aggregates_have_a_lane_each),
		cmocka_unit_test(versions_are_told_and_ordered),
		cmocka_unit_test(ids_rise_with_the_versions),
		cmocka_unit_test(settled_rows_are_passed),
	};

	return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
