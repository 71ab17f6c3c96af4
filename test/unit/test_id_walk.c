/*
 * id_walk: ids and notes in their order, and what is said of them.
 */
#include "unit.h"

#include <inttypes.h>

#include "store/id_walk.h"

#define MOST 8

typedef struct Note
{
	int64_t		first;
	int64_t		count;
} Note;

typedef struct Case
{
	const char *what;
	int64_t		head;
	int64_t		ids[MOST];		/* 0 ends them */
	Note		notes[MOST];	/* likewise */
	const char *findings;
} Case;

static const Case cases[] = {
	{"nothing", 0, {0}, {{0}}, ""},
	{"every id once", 3, {1, 2, 3}, {{0}}, ""},
	{"a gap", 3, {1, 3}, {{0}}, " gap 2-2"},
	{"a gap at the beginning", 3, {3}, {{0}}, " gap 1-2"},
	{"a gap at the end", 5, {1, 2}, {{0}}, " gap 3-5"},
	{"nothing but a gap", 2, {0}, {{0}}, " gap 1-2"},
	{"a noted gap", 4, {1, 4}, {{2, 2}}, " noted 2-3"},
	{"a gap, noted in two parts", 6, {1, 6}, {{2, 1}, {3, 3}}, " noted 2-2 noted 3-5"},
	{"a gap, noted at its beginning", 6, {1, 6}, {{2, 2}}, " noted 2-3 gap 4-5"},
	{"a gap, noted at its end", 6, {1, 6}, {{4, 2}}, " gap 2-3 noted 4-5"},
	{"a gap, noted in the middle", 6, {1, 6}, {{3, 1}}, " gap 2-2 noted 3-3 gap 4-5"},
	{"a note that goes on behind the gap", 4, {1, 3, 4}, {{2, 2}}, " noted 2-2 stored 3-3"},
	{"a note of what is stored", 2, {1, 2}, {{2, 1}}, " stored 2-2"},
	{"notes that overlap", 6, {1, 6}, {{2, 4}, {3, 1}}, " noted 2-5"},
	{"a note twice", 3, {1, 3}, {{2, 1}, {2, 1}}, " noted 2-2"},
	{"a note behind the head", 2, {1, 2}, {{7, 1}}, ""},
	{"a note of more ids than there are", 9, {1}, {{2, INT64_MAX}}, " noted 2-9"},
	{"an id twice", 2, {1, 1, 2}, {{0}}, " twice 1-1"},
	{"an id three times", 2, {1, 2, 2, 2}, {{0}}, " twice 2-2 twice 2-2"},
	{"an id twice behind a gap", 3, {3, 3}, {{0}}, " gap 1-2 twice 3-3"},
	{"an id twice, and noted", 1, {1, 1}, {{1, 1}}, " stored 1-1 twice 1-1"},
	{"commits beyond the head", 2, {1, 2, 4}, {{0}}, " gap 3-3"},
	{"the last id there can be", INT64_MAX, {1, INT64_MAX, INT64_MAX}, {{2, INT64_MAX}},
	" noted 2-9223372036854775806 stored 9223372036854775807-9223372036854775807 twice 9223372036854775807-9223372036854775807"},
	{"a head that is the last there can be", INT64_MAX, {1}, {{0}}, " gap 2-9223372036854775807"},
};

static void
add_finding(ByteBuffer *findings, const IdFinding *finding)
{
	static const char *const kinds[] = {
		[ID_TWICE] = "twice", [ID_GAP] = "gap", [ID_GAP_NOTED] = "noted", [ID_NOTED_AND_STORED] = "stored",
	};

	buffer_printf(findings, " %s %" PRId64 "-%" PRId64, kinds[finding->kind], finding->first, finding->last);
}

static void
walk_on(IdWalk *walk, const Note **notes, ByteBuffer *findings)
{
	IdFinding	finding;

	for (;;)
	{
		switch (id_walk_step(walk, &finding))
		{
			case ID_WALK_FOUND:
				add_finding(findings, &finding);
				break;
			case ID_WALK_WANTS_NOTE:
				if ((*notes)->first == 0)
					id_walk_end_notes(walk);
				else
				{
					id_walk_note(walk, (*notes)->first, (*notes)->count);
					(*notes)++;
				}
				break;
			case ID_WALK_WANTS_ID:
				return;
		}
	}
}

static void
every_id_is_accounted_for(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Note *notes = cases[i].notes;
		ByteBuffer	findings = {0};
		IdWalk		walk;

		print_message("%s\n", cases[i].what);
		id_walk_begin(&walk);
		for (const int64_t *id = cases[i].ids; *id != 0; id++)
		{
			id_walk_see(&walk, *id);
			walk_on(&walk, &notes, &findings);
		}
		id_walk_end(&walk, cases[i].head);
		walk_on(&walk, &notes, &findings);
		assert_text(&findings, cases[i].findings);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_id_is_accounted_for),
	};

	return cmocka_run_group_tests_name("id_walk", tests, NULL, NULL);
}
