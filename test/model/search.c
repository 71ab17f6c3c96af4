/*
 * search.c: which states can be come to, and by which steps?
 */
#include "search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Step
{
	uint32_t	from;
	const char *what;
	uint8_t		id;
} Step;

static const Model *model;
static uint8_t *states;
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
		fputs("out of memory\n", stderr);
		exit(2);
	}
	return memory;
}

static uint8_t *
state_at(uint32_t n)
{
	return states + (size_t) n * model->size;
}

static uint32_t *
slot_of(const uint8_t *state)
{
	uint64_t	hash = 0;

	for (size_t i = 0; i < model->size; i += sizeof(uint64_t))
	{
		uint64_t	word = 0;

		memcpy(&word, state + i, model->size - i < sizeof(word) ? model->size - i : sizeof(word));
		hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
		hash ^= hash >> 29;
	}
	for (uint32_t at = (uint32_t) (hash ^ hash >> 32);; at++)
	{
		uint32_t   *slot = &table[at & (table_size - 1)];

		if (*slot == 0 || memcmp(state_at(*slot - 1), state, model->size) == 0)
			return slot;
	}
}

static void
grow(void)
{
	room = room == 0 ? 1 << 16 : room * 2;
	states = need(realloc(states, room * model->size));
	steps = need(realloc(steps, room * sizeof(Step)));
	free(table);
	table_size = room * 2;
	table = need(calloc(table_size, sizeof(uint32_t)));
	for (uint32_t i = 0; i < nstates; i++)
		*slot_of(state_at(i)) = i + 1;
}

/* The states that were come to and not yet gone on from are the last ones. The state is not one of them. */
void
reach(const void *state, const char *what, int id)
{
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
	slot = slot_of(state);
	if (*slot != 0)
		return;
	memcpy(state_at(nstates), state, model->size);
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
search(const Model *of, const void *first)
{
	uint8_t    *state = need(malloc(of->size));	/* growing moves the states */

	model = of;
	reach(first, "nothing", 0);
	for (now = 0; now < nstates && found == NULL; now++)
	{
		memcpy(state, state_at(now), model->size);
		model->check(state);
		if (found != NULL)
			break;
		model->steps(state);
		if (found != NULL)
			break;
	}
	free(state);
}

const char *
search_found(void)
{
	return found;
}

void
search_forget(const char *before)
{
	found = before;
}

unsigned
search_states(void)
{
	return nstates;
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

void
search_show_way(void)
{
	show_way(now);
	if (found_at != NULL)
		show_step(found_at, found_id);
}

static bool
run(const Check *check, bool shows_way)
{
	printf("%s: %s, %u states\n", check->name, found != NULL ? found : "nothing found", search_states());
	if (found != NULL && (shows_way || check->expected == NULL))
		search_show_way();
	if (check->expected == NULL)
		return found == NULL;
	return found != NULL && strcmp(found, check->expected) == 0;
}

int
search_main(int argc, char **argv, const Check *checks, size_t count, void (*begin) (const Check *check))
{
	if (argc == 2 && strcmp(argv[1], "--list") == 0)
	{
		for (size_t i = 0; i < count; i++)
			puts(checks[i].name);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < count; i++)
	{
		if (strcmp(argv[argc - 1], checks[i].name) != 0)
			continue;
		begin(&checks[i]);
		return run(&checks[i], argc == 3 && strcmp(argv[1], "--trace") == 0) ? 0 : 1;
	}
	fprintf(stderr, "usage: %s --list | [--trace] NAME\n", argv[0]);
	return 2;
}
