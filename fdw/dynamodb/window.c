/*
 * window.c: additive increase, multiplicative decrease below the usual width; beyond it doubling, as long as that pays.
 *
 * What pays is seen by comparison with the usual width, and not with the shortest time ever seen: single answers of
 * DynamoDB differ by a factor of two and more, means of a round do not. Where twice as many under way make each answer take
 * twice as long, the service, or this client, works at its limit, and the window goes back.
 */
#include "dynamodb/window.h"

#include <string.h>

/*
 * Rounds of successes for one request more. With one round, as TCP has it, several sessions at one partition are back
 * at its limit at once, and some request is throttled until it has used up its attempts.
 */
#define ROUNDS_TO_WIDEN 16

/* Beyond the usual width a round is so many answers for each request that may be under way. */
#define ANSWERS_OF_ROUND 4

/* The mean time of an answer, as a multiple of the usual one, at which a wider window does not pay. */
#define RISES(mean_us, usual_us) ((mean_us) * 2 > (usual_us) * 3)

/* How many rounds to wait, after a wider window did not pay, before it is tried again. */
#define FIRST_PAUSE 4
#define LONGEST_PAUSE 64

/* So long after a throttle it is not doubled, but opens as carefully as below the usual width, ms. */
#define CAREFUL_MS 60000

static int
usual_size(const Window *window)
{
	return window->most < WINDOW_USUAL ? window->most : WINDOW_USUAL;
}

static void
round_begin(Window *window)
{
	window->passed = window->timed = window->peak = 0;
	window->took_us = 0;
}

static void
resize(Window *window, int size)
{
	window->size = size < 1 ? 1 : size > window->most ? window->most : size;
	window->rose = false;
	round_begin(window);
}

void
window_init(Window *window, int most)
{
	memset(window, 0, sizeof(*window));
	window->most = most > 1 ? most : 1;
	window->next_pause = FIRST_PAUSE;
	resize(window, usual_size(window));
}

void
window_limit(Window *window, int most)
{
	bool		was_usual = window->size == usual_size(window);

	window->most = most > 1 ? most : 1;
	if (was_usual || window->size > window->most)
		resize(window, was_usual ? usual_size(window) : window->most);
}

void
window_sent(Window *window, int under_way)
{
	if (under_way > window->peak)
		window->peak = under_way;
}

/* It was made wider, and answers take longer since: for a second round, as there are moments in which everything does. */
static void
step_back(Window *window)
{
	int			half = window->size / 2;

	if (!window->rose)
	{
		window->rose = true;
		return;
	}
	window->pause = window->next_pause;
	if (window->next_pause < LONGEST_PAUSE)
		window->next_pause *= 2;
	resize(window, half > usual_size(window) ? half : usual_size(window));
}

static void
step_ahead(Window *window, int64_t now)
{
	bool		is_careful = window->was_throttled && now - window->narrowed_at < CAREFUL_MS;

	if (is_careful)
		window->pause = ROUNDS_TO_WIDEN / ANSWERS_OF_ROUND - 1;
	resize(window, is_careful ? window->size + 1 : window->size * 2);
}

/* So many answers have come since it has this size, which is at least the usual one. */
static void
round_end(Window *window, int64_t now)
{
	bool		was_full = window->peak >= window->size && window->timed > 0;
	int64_t		mean_us = was_full ? window->took_us / window->timed : 0;

	round_begin(window);
	if (!was_full)
		return;
	if (window->size == usual_size(window))
		window->usual_us = mean_us;
	else if (RISES(mean_us, window->usual_us))
	{
		step_back(window);
		return;
	}
	else
	{
		window->rose = false;
		window->next_pause = FIRST_PAUSE;
		if (mean_us < window->usual_us)
			window->usual_us -= (window->usual_us - mean_us) / 8;
	}
	if (window->pause > 0)
		window->pause--;
	else if (window->size < window->most)
		step_ahead(window, now);
}

void
window_passed(Window *window, int64_t took_us, int64_t now)
{
	bool		is_narrow = window->size < usual_size(window);

	window->passed++;
	if (took_us >= 0)
	{
		window->timed++;
		window->took_us += took_us;
	}
	if (is_narrow && window->passed >= ROUNDS_TO_WIDEN * window->size)
		resize(window, window->size + 1);
	else if (!is_narrow && window->passed >= ANSWERS_OF_ROUND * window->size)
		round_end(window, now);
}

/* From beyond the usual width it comes back to that, where it would have been if it had never been tried. */
void
window_throttled(Window *window, int64_t sent_at, int64_t now)
{
	if (window->was_throttled && sent_at <= window->narrowed_at)
		return;
	resize(window, window->size > usual_size(window) ? usual_size(window) : window->size / 2);
	window->pause = ROUNDS_TO_WIDEN / ANSWERS_OF_ROUND;
	window->was_throttled = true;
	window->narrowed_at = now;
}
