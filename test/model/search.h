/*
 * search: goes through all states that a model can come to, breadth first, until something is found. States are compared as bytes.
 */
#ifndef DYNAMODB_ES_SEARCH_H
#define DYNAMODB_ES_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of a model. A state has `size` bytes. */
typedef struct Model
{
	size_t		size;
	void		(*check) (const void *state);	/* calls find() for what does not hold in this state */
	void		(*steps) (const void *state);	/* calls reach() with each state that one step leads to */
} Model;

/* One search of a model, from that state on. */
extern void search(const Model *model, const void *first);

/* A state was come to by that step, which is about that id; 0: about none. */
extern void reach(const void *state, const char *what, int id);

/* Something was found, in a state or on the way to it. The first finding counts. */
extern void find(bool is_found, const char *what);

/* What was found, or NULL; how it came about, as lines; and how many states there were. */
extern const char *search_found(void);
extern void search_show_way(void);
extern unsigned search_states(void);

/* For what is tried without being a step: what was found before is found again. */
extern void search_forget(const char *found);

/* One of a model's checks. Each is run by itself. */
typedef struct Check
{
	const char *name;
	const void *world;			/* how the model is, as it has it */
	int			mutant;			/* the rule that is left out, likewise */
	const char *expected;		/* NULL: nothing may be found */
} Check;

/* usage: PROGRAM --list | [--trace] NAME. `begin` searches for what a check is about. */
extern int	search_main(int argc, char **argv, const Check *checks, size_t count, void (*begin) (const Check *check));

#endif
