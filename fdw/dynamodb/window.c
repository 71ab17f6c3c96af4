/*
 * window.c: additive increase, multiplicative decrease.
 */
#include "dynamodb/window.h"

#include <stdbool.h>

/*
 * Rounds of successes for one request more. With one round, as TCP has it, several sessions at one partition are back
 * at its limit at once, and some request is throttled until it has used up its attempts.
 */
#define ROUNDS_TO_WIDEN 16

void
window_init(Window *window, int most)
{
	window->most = most > 1 ? most : 1;
	window->size = window->most;
	window->passed = 0;
	window->narrowed_at = -1;
}

void
window_limit(Window *window, int most)
{
	bool		was_open = window->size == window->most;

	window->most = most > 1 ? most : 1;
	if (was_open || window->size > window->most)
		window->size = window->most;
}

void
window_passed(Window *window)
{
	if (window->size == window->most || ++window->passed < ROUNDS_TO_WIDEN * window->size)
		return;
	window->size++;
	window->passed = 0;
}

void
window_throttled(Window *window, int64_t sent_at, int64_t now)
{
	if (sent_at <= window->narrowed_at)
		return;
	window->size = window->size > 1 ? window->size / 2 : 1;
	window->passed = 0;
	window->narrowed_at = now;
}
