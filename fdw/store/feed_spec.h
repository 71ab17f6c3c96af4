/*
 * feed_spec: what a feed is asked for, and what it reports. feed.h says what it all means.
 */
#ifndef DYNAMODB_ES_FEED_SPEC_H
#define DYNAMODB_ES_FEED_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/gap.h"

/* A view: what it points at must outlive the operation. */
typedef struct FeedSpec
{
	int64_t		after;			/* the position: ids up to it are settled, 0 or more */
	int64_t		upto;			/* no id above it is wanted; INT64_MAX: all are */
	bool		all_given_out;	/* each id up to `upto` was given out: where no commit is visible above it, one may be missing all the same */
	int64_t		wanted;			/* items that the caller will probably take; 0: all */
	GapRules	rules;
	bool		checks_head;	/* when there is nothing to deliver: is the counter at the position, at least? */
	int			max_parallel;	/* see ReadSpec */
	int			max_ranges;
	const char *const *attributes;	/* to fetch; what the feed needs itself is fetched, too */
	size_t		nattributes;
	ReadBudget *budget;			/* see ReadSpec */
	Kept	   *kept;			/* what the feed before has kept is taken out, and put in what this one keeps; NULL: nothing is kept */
} FeedSpec;

/* Inclusive. */
typedef struct IdRange
{
	int64_t		first;
	int64_t		last;
} IdRange;

/* So many of the ranges that were passed are listed, the last ones. */
#define FEED_MOST_PASSED 1000

/* What is true of the feed at any moment. */
typedef struct FeedReport
{
	int64_t		complete_to;	/* each id up to it was delivered, is burned, or was passed */
	IdRange		waiting_for;	/* after READ_END: the gap that ended it; zeroes: none did */
	int64_t		seen;			/* the highest id that was visible; the position, if none was */
	const IdRange *passed;		/* given up, ascending; the feed's own */
	size_t		npassed;
	int64_t		passed_old;		/* ids given up that are too old to be listed */
	bool		goes_on;		/* after READ_END: what comes next was not asked for, because of what was kept; the next feed does so */
	int64_t		note_reads;
	bool		head_checked;	/* as `checks_head` asked, and the counter is at the position, at least */
	bool		notes_denied;	/* burn notes may not be read: gaps are waited for that need not be */
} FeedReport;

#endif
