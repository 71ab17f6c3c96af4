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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

typedef struct Check
{
	const char *name;
	const World *world;
	Mutant		mutant;
	const char *expected;		/* NULL: nothing may be found */
} Check;

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

typedef struct Step
{
	uint32_t	from;
	const char *what;
	uint8_t		id;
} Step;

const World *world;
Mutant		mutant;
static State *states;
static Step *steps;
static uint32_t nstates, room, now;
static uint32_t *table;			/* of state + 1 */
static uint32_t table_size;
static const char *found;
static const char *found_at;	/* the step that the finding is about; NULL: the state itself */
static int	found_id;

static void *
need(void *memory)
{
	if (memory == NULL)
	{
		fputs("feed_model: out of memory\n", stderr);
		exit(2);
	}
	return memory;
}

static uint32_t *
slot_of(const State *state)
{
	const uint8_t *bytes = (const uint8_t *) state;
	uint64_t	hash = 0;

	for (size_t i = 0; i < sizeof(State); i += sizeof(uint64_t))
	{
		uint64_t	word = 0;

		memcpy(&word, bytes + i, sizeof(State) - i < sizeof(word) ? sizeof(State) - i : sizeof(word));
		hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
		hash ^= hash >> 29;
	}
	for (uint32_t at = (uint32_t) (hash ^ hash >> 32);; at++)
	{
		uint32_t   *slot = &table[at & (table_size - 1)];

		if (*slot == 0 || memcmp(&states[*slot - 1], state, sizeof(State)) == 0)
			return slot;
	}
}

static void
grow(void)
{
	room = room == 0 ? 1 << 16 : room * 2;
	states = need(realloc(states, room * sizeof(State)));
	steps = need(realloc(steps, room * sizeof(Step)));
	free(table);
	table_size = room * 2;
	table = need(calloc(table_size, sizeof(uint32_t)));
	for (uint32_t i = 0; i < nstates; i++)
		*slot_of(&states[i]) = i + 1;
}

/* The states that were come to and not yet gone on from are the last ones. */
void
reach(const State *state, const char *what, int id)
{
	State		copy = *state;	/* growing moves the states */
	uint32_t   *slot;

	if (found != NULL)
	{
		if (found_at == NULL)
		{
			found_at = what;
			found_id = id;
		}
		return;
	}
	if (nstates == room)
		grow();
	slot = slot_of(&copy);
	if (*slot != 0)
		return;
	states[nstates] = copy;
	steps[nstates] = (Step)
	{
		.from = now, .what = what, .id = (uint8_t) id
	};
	*slot = ++nstates;
}

void
find(bool is_found, const char *what)
{
	if (is_found && found == NULL)
		found = what;
}

void
without_finding(void (*run) (State *state), State *state)
{
	const char *before = found;

	run(state);
	found = before;
}

static void
search(const Check *check)
{
	State		first = {0};

	world = check->world;
	mutant = check->mutant;
	first.stale = world->stale;
	first.late_left = world->late;
	reach(&first, "nothing", 0);
	for (now = 0; now < nstates; now++)
	{
		State		state = states[now];	/* growing moves the states */

		check_state(&state);
		if (found != NULL)
			return;
		all_steps(&state);
		if (found != NULL)
			return;
	}
}

static void
show_step(const char *what, int id)
{
	if (id == 0)
		printf("  %s\n", what);
	else
		printf("  %s %d\n", what, id);
}

/* The steps that led to that state, which is not the first one. */
static void
show_way(uint32_t state)
{
	if (state == 0)
		return;
	show_way(steps[state].from);
	show_step(steps[state].what, steps[state].id);
}

static bool
run(const Check *check, bool shows_way)
{
	search(check);
	printf("%s: %s, %u states\n", check->name, found != NULL ? found : "nothing found", (unsigned) nstates);
	if (found != NULL && (shows_way || check->expected == NULL))
	{
		show_way(now);
		if (found_at != NULL)
			show_step(found_at, found_id);
	}
	if (check->expected == NULL)
		return found == NULL;
	return found != NULL && strcmp(found, check->expected) == 0;
}

int
main(int argc, char **argv)
{
	const size_t count = sizeof(checks) / sizeof(checks[0]);

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
	{
		for (size_t i = 0; i < count; i++)
			puts(checks[i].name);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < count; i++)
		if (strcmp(argv[argc - 1], checks[i].name) == 0)
			return run(&checks[i], argc == 3 && strcmp(argv[1], "--trace") == 0) ? 0 : 1;
	fputs("usage: feed_model --list | [--trace] NAME\n", stderr);
	return 2;
}
