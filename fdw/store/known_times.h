/*
 * known_times: ids and times of some commits of a store, as they were seen. A search for a moment (time_search.h) starts from them.
 *
 * They are hints: a store may have been dropped or restored since. Whoever relies on one looks at the commit again.
 */
#ifndef DYNAMODB_ES_KNOWN_TIMES_H
#define DYNAMODB_ES_KNOWN_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many are kept. Where there would be more, every second one goes. */
#define KNOWN_TIMES_MOST 256

typedef struct KnownTime
{
	int64_t		id;
	int64_t		time;			/* committedAt, ms since the epoch */
	int64_t		seen_at;		/* http_now_ms */
} KnownTime;

typedef struct KnownTimes KnownTimes;

/* None yet, with one holder; it goes with the last release. NULL when memory ran out. */
extern KnownTimes *known_times_new(void);
extern KnownTimes *known_times_hold(KnownTimes *known);
extern void known_times_release(KnownTimes *known);	/* NULL is allowed */

extern void known_times_add(KnownTimes *known, const KnownTime *seen);
extern void known_times_forget(KnownTimes *known);
extern size_t known_times_count(const KnownTimes *known);

/* The last one by id, up to an id, whose time is before the moment; the first one, from an id on, whose time is not. false: there is none. */
extern bool known_times_last_before(const KnownTimes *known, int64_t moment, int64_t upto, KnownTime *found);
extern bool known_times_first_not_before(const KnownTimes *known, int64_t moment, int64_t from, KnownTime *found);

#endif
