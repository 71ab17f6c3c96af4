/*
 * window: how many requests of one kind to have under way: more where the service is far, fewer where it is too much for it.
 *
 * One request after the other costs a round trip each, so that many are to be under way; but beyond what the service works on
 * at once further ones only wait there. So the window goes from 16 on to twice as many, and again, as long as that
 * does not make each answer take longer.
 *
 * DynamoDB says by throttles that it is too much, and retries alone do not help a client that goes on sending new requests
 * at full speed: the service throttles one after the other, until one has used up its attempts. So the client does as TCP does
 * (RFC 5681): after a throttle it has half as many requests under way, and after some rounds of successes one more.
 */
#ifndef DYNAMODB_ES_WINDOW_H
#define DYNAMODB_ES_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* Reads and writes have partitions' throughput of their own. */
typedef enum Traffic
{
	TRAFFIC_READ,
	TRAFFIC_WRITE,
	TRAFFIC_KINDS
} Traffic;

/* So many requests may be under way without a look at what that does to the time of an answer. */
#define WINDOW_USUAL 16

typedef struct Window
{
	int			size;			/* requests to have under way at once, from 1 to most */
	int			most;
	int			passed;			/* answers that were no throttles since the size changed, or the round began */
	bool		was_throttled;	/* at narrowed_at */
	int64_t		narrowed_at;	/* http_now_ms */

	/* Once it is as wide as usual, for the round under way: */
	int			timed;			/* answers whose time is known */
	int64_t		took_us;		/* the sum of their times */
	int			peak;			/* the most that were under way at once */

	/* and what earlier rounds have shown: */
	int64_t		usual_us;		/* how long an answer takes while the window is as wide as usual and full; 0: not known */
	bool		rose;			/* in the last round answers took longer than a wider window is worth */
	int			pause;			/* full rounds to let pass before it is made wider */
	int			next_pause;		/* … after the next time that this did not help */
} Window;

/* Opens it as far as usual. `most` is at least 1. */
extern void window_init(Window *window, int most);

/* From now on it opens no further than that. */
extern void window_limit(Window *window, int most);

/* A request was sent; with it so many are under way. */
extern void window_sent(Window *window, int under_way);

/* An answer was no throttle, as is known at `now` (http_now_ms), and took so many µs; -1: nobody knows. */
extern void window_passed(Window *window, int64_t took_us, int64_t now);

/*
 * A request sent at `sent_at` was throttled, as is known at `now` (both http_now_ms). One that was sent before the
 * window was last narrowed says nothing new.
 */
extern void window_throttled(Window *window, int64_t sent_at, int64_t now);

#endif
