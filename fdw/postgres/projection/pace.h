/*
 * pace: when a projection looks at its store again, if there was nothing.
 */
#ifndef DYNAMODB_ES_PROJECTION_PACE_H
#define DYNAMODB_ES_PROJECTION_PACE_H

#include "postgres.h"

#include "dynamodb/client.h"
#include "store/commit.h"
#include "store/feed.h"

typedef struct Pace
{
	uint64		store;			/* wake_number; 0: not known yet */
	IdRange		awaited;		/* ids that this server has appended, and that may not be visible yet; zeroes: none */
	IdRange		gap;			/* that ended the last look; zeroes: none did */
	int64		pause_ms;		/* before the next look for what is awaited */
} Pace;

/* From now on, appends of this server to that store wake this backend. To be called before the store is looked at. */
extern void pace_listen(Pace *pace, const Client *client, const StoreNames *names);

/* These have been appended. Is it time for a look? */
extern bool pace_wake(Pace *pace, const IdRange *ids);

/* After a look that had this report: ms until the next one. */
extern int64 pace_next_ms(Pace *pace, const FeedReport *report, int64 poll_interval_ms);

#endif
