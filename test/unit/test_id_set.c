/*
 * id_set: what was added is there, as few ranges; what there is no room for is forgotten from below, and nothing is invented.
 */
#include "unit.h"

#include <inttypes.h>

#include "store/id_set.h"

#define ROOM 3
#define MOST 8

typedef struct Case
{
	const char *what;
	int64_t		ids[MOST];		/* 0 ends them */
	const char *ranges;
} Case;

static const Case cases[] = {
	{"nothing", {0}, ""},
	{"one", {5}, " 5-5"},
	{"in order", {1, 2, 3}, " 1-3"},
	{"backwards", {3, 2, 1}, " 1-3"},
	{"one that joins two ranges", {1, 3, 2}, " 1-3"},
	{"twice", {4, 4, 5, 4}, " 4-5"},
	{"gaps", {1, 3, 7}, " 1-1 3-3 7-7"},
	{"out of order", {7, 1, 3}, " 1-1 3-3 7-7"},
	{"too many: the lowest is forgotten", {1, 3, 5, 7}, " 3-3 5-5 7-7"},
	{"too many: one in the middle", {1, 3, 9, 6}, " 3-3 6-6 9-9"},
	{"too many: which may be the new one", {3, 5, 7, 1}, " 3-3 5-5 7-7"},
	{"full, and a range grows", {1, 3, 5, 6, 4}, " 1-1 3-6"},
	{"the ends of what there can be", {INT64_MAX, 1, INT64_MAX - 1, INT64_MAX}, " 1-1 9223372036854775806-9223372036854775807"},
};

static void
ids_are_kept_as_ranges(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		ByteBuffer	ranges = {0};
		IdRange		room[ROOM];
		IdSet		set;

		print_message("%s\n", cases[i].what);
		id_set_init(&set, room, ROOM);
		for (const int64_t *id = cases[i].ids; *id != 0; id++)
			id_set_add(&set, *id);
		for (size_t j = 0; j < set.count; j++)
			buffer_printf(&ranges, " %" PRId64 "-%" PRId64, set.ranges[j].first, set.ranges[j].last);
		assert_text(&ranges, cases[i].ranges);
	}
}

/* Beside a plain table of what was added. */
static void
with_room_enough_nothing_is_forgotten(void **state)
{
	enum
	{
		IDS = 200
	};
	bool		was_added[IDS + 2] = {false};
	IdRange		room[IDS];
	IdSet		set;

	id_set_init(&set, room, IDS);
	for (int n = 0; n < IDS; n++)
	{
		int64_t		added = 1 + n * 73 % IDS;	/* each once, in an order that makes, extends and joins ranges */

		id_set_add(&set, added);
		was_added[added] = true;
		for (int64_t id = 1; id <= IDS + 1; id++)
			assert_int_equal(id_set_has(&set, id), was_added[id]);
	}
	assert_int_equal(set.count, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_kept_as_ranges),
		cmocka_unit_test(with_room_enough_nothing_is_forgotten),
	};

	return cmocka_run_group_tests_name("id_set", tests, NULL, NULL);
}
