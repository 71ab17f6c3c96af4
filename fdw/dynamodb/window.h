/*
 * window: how many requests of one kind to have under way, when the service says that it is too much.
 *
 * Retries alone do not help a client that goes on sending new requests at full speed: the service throttles one after the
 * other, until one has used up its attempts. So the client does as TCP does (RFC 5681): after a throttle it has half as many
 * requests under way, and after some rounds of successes one more.
 */
#ifndef DYNAMODB_ES_WINDOW_H
#define DYNAMODB_ES_WINDOW_H

#include <stdint.h>

/* Reads and writes have partitions' throughput of their own. */
typedef enum Traffic
{
	TRAFFIC_READ,
	TRAFFIC_WRITE,
	TRAFFIC_KINDS
} Traffic;

typedef struct Window
{
	int			size;			/* requests to have under way at once, from 1 to most */
	int			most;
	int			passed;			/* answers that were no throttles since the size changed */
	int64_t		narrowed_at;	/* http_now_ms */
} Window;

/* Opens it as far as it goes. */
extern void window_init(Window *window, int most);

/* From now on it opens no further than that. */
extern void window_limit(Window *window, int most);
extern void window_passed(Window *window);

/*
 * A request sent at `sent_at` was throttled, as is known at `now` (both http_now_ms). One that was sent before the
 * window was last narrowed says nothing new.
 */
extern void window_throttled(Window *window, int64_t sent_at, int64_t now);

#endif
