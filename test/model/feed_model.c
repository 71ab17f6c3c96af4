/*
 * feed_model.c: can any order of events make a feed lose a commit? A search through all states of a small store.
 *
 * The rules are those of store/feed.h and of who keeps the position of a feed. The model has a counter, two appenders at
 * a time, a table, an index that lags, burn notes, and one or two readers with one position. Whoever is at work may stop
 * for ever at each step. Time goes in ticks, and may go on between any two steps.
 *
 * What is assumed of the store:
 * - A commit is visible to each read that is sent TIMEOUT after its id was taken. `late` commits break that.
 * - `stale` reads miss some of what is visible. A note is missed, if at all, in the tick in which it was written.
 * - `slow` writers' clocks are SKEW behind; `odd` stamps look as old as can be; `future` ones never grow old.
 *
 * What is looked for is in the texts that `find` is given. Each rule is then left out once, and the search must find what
 * that breaks. A limit is a fault that the rules are known to have: it must be found as well, or the manual is wrong.
 *
 * Simpler than the code: a world may ask for two witnesses where the rule has three; an id is taken alone; a sighting is noted at each tick, not at each eighth of the time-out;
 * there are two fixed ranges of ids. Dense stores and the check of the counter are not modelled.
 *
 * usage: feed_model --list | [--trace] NAME
 */
#include "feed_model.h"

static const World projection = {.ids = 3, .readers = 1, .stale = 1};
static const World four_ids = {.ids = 4, .readers = 1};
static const World in_ranges = {.ids = 4, .readers = 1, .ranges = true};
static const World kept_pages = {.ids = 4, .readers = 1, .keeps = true, .stale = 1, .calm = true};
static const World two_readers = {.ids = 2, .readers = 2, .stale = 1};
static const World late_commits = {.ids = 2, .readers = 2, .late = 1};
static const World feed_table = {.ids = 3, .readers = 1, .stamps = true, .slow = true, .stale = 1};
static const World odd_clock = {.ids = 4, .readers = 1, .stamps = true, .odd = 1, .excused = true, .calm = true};
static const World odd_alone = {.ids = 2, .readers = 1, .stamps = true, .odd = 1};
static const World future_below_others = {.ids = 4, .readers = 1, .stamps = true, .future = 1, .witnesses = 2, .excused = true, .calm = true};
static const World future_stamp = {.ids = 2, .readers = 1, .stamps = true, .future = 1};

static const Check checks[] = {
	{"rules: a projection", &projection, NONE, NULL},
	{"rules: four ids", &four_ids, NONE, NULL},
	{"rules: ranges", &in_ranges, NONE, NULL},
	{"rules: kept pages", &kept_pages, NONE, NULL},
	{"rules: two readers", &two_readers, NONE, NULL},
	{"rules: late commits", &late_commits, NONE, NULL},
	{"rules: a feed table", &feed_table, NONE, NULL},
	{"rules: one odd clock among three", &odd_clock, NONE, NULL},
	{"rules: a stamp of the future below enough others", &future_below_others, NONE, NULL},
	{"mutant: age of the first gap only", &projection, FIRST_GAP, SLOW},
	{"mutant: stamps with the short time-out", &feed_table, STAMPS_WITH_TIMEOUT, LOST},
	{"mutant: one look", &projection, ONE_LOOK, LOST},
	{"mutant: one look, by stamps", &feed_table, ONE_LOOK, LOST},
	{"mutant: time-out counted to the arrival", &projection, TO_ARRIVAL, LOST},
	{"mutant: time-out counted to the arrival, by stamps", &feed_table, TO_ARRIVAL, LOST},
	{"mutant: note read once", &projection, NOTE_ONCE, UNREAD},
	{"mutant: ranges not joined", &in_ranges, NOT_JOINED, SKIPPED},
	{"mutant: filter sent", &projection, FILTERED, LOST},
	{"mutant: position moved without the row lock", &two_readers, NO_ROW_LOCK, TWICE},
	{"mutant: late look without the row", &late_commits, LATE_WITHOUT_ROW, TWICE},
	{"mutant: sightings forgotten at each poll", &projection, FORGETFUL, STUCK},
	{"mutant: one stamp decides", &odd_clock, ONE_WITNESS, LOST},
	{"mutant: a stamp of the future counts", &future_below_others, FUTURE_COUNTS, STUCK},
	{"mutant: note before the put is refused", &projection, EARLY_NOTE, BURNED},
	{"mutant: a kept page counts as a look", &kept_pages, KEPT_AS_READ, LOST},
	{"mutant: position moved to the highest visible id", &projection, POSITION_TO_SEEN, SKIPPED},
	{"limit: an odd clock and less than three commits", &odd_alone, NONE, LOST},
	{"limit: a stamp of the future above a gap", &future_stamp, NONE, STUCK},
};

const World *world;
Mutant		mutant;

void
without_finding(void (*run) (State *state), State *state)
{
	const char *before = search_found();

	run(state);
	search_forget(before);
}

static void
begin(const Check *check)
{
	static const Model model = {.size = sizeof(State), .check = check_state, .steps = all_steps};
	State		first = {0};

	world = check->world;
	mutant = (Mutant) check->mutant;
	first.stale = world->stale;
	first.late_left = world->late;
	search(&model, &first);
}

int
main(int argc, char **argv)
{
	return search_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]), begin);
}
