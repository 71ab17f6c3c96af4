/*
 * feed_gap: a feed's state, and what it does at a gap in the ids. Only feed.c uses this.
 */
#ifndef DYNAMODB_ES_FEED_GAP_H
#define DYNAMODB_ES_FEED_GAP_H

#include "store/feed_spec.h"
#include "store/head_check.h"
#include "store/looks.h"
#include "store/notes.h"
#include "store/sight.h"

typedef struct FeedOperation FeedOperation;

struct FeedOperation
{
	Client	   *client;
	StoreNames	names;
	FeedSpec	spec;
	Usage	   *usage;
	const char **attributes;	/* what the caller wants, and what `sight` needs */
	size_t		nattributes;
	KeyRange	ranges[KEPT_MOST_RANGES];	/* of `sight` */
	int64_t		kept_to;		/* the highest id that the feed before has kept; 0: it has kept nothing */
	ReadSpec	read;			/* how `sight` is read; looks are likewise */
	Sight		sight;			/* of all that is visible above the position */
	Looks		looks;			/* at gaps, for the second time */
	size_t		judged;			/* gaps ahead that are about to be looked at, once their notes are known; 0: none */
	Notes	   *notes;
	HeadCheck	head;
	bool		head_checked;
	cJSON	   *current;		/* the one that was handed out, where it is a copy */
	int64_t		next;			/* the first id that is not settled */
	bool		at_last;		/* all are, up to the last id there can be, which `next` is then */
	bool		delivered;
	bool		ended;
	IdRange		waiting_for;
	IdRange    *passed;
	size_t		npassed;
	int64_t		passed_old;
	bool		failed;
	Failure		failure;
};

typedef enum GapState
{
	GAP_SETTLED,				/* its first ids are burned or passed: `next` has moved on */
	GAP_PENDING,
	GAP_AGAIN,					/* a page without commits was taken: call again */
	GAP_WAITS,					/* an id may still appear: the feed ends here */
	GAP_LOOKS,					/* a second look has been begun */
	GAP_FAILED
} GapState;

/* Goes on with a gap: the ids from `next` to `last` are not visible, while the first of the commits ahead is. */
extern GapState feed_gap_step(FeedOperation *feed, int64_t last);

/* Is the first id that is not settled being looked at for the second time? */
extern bool feed_is_looking(const FeedOperation *feed);

/* These ids were given up. */
extern void feed_note_passed(FeedOperation *feed, int64_t first, int64_t last);

/* The feed fails, with that failure or out of memory. */
extern void feed_fail(FeedOperation *feed, const Failure *failure);
extern void feed_fail_memory(FeedOperation *feed);

/* The read along the index has failed, or there was no memory for what it found: READ_FAILED. */
extern ReadResult feed_fail_as_sight(FeedOperation *feed);

#endif
