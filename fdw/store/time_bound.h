/*
 * time_bound: the commit ids outside which no commit lies in a span of time.
 *
 * The user declares a slack: the time of a commit (committedAt) is never more than this below that of a commit whose id is not higher. So,
 * with i <= j, t(j) >= t(i) - slack. From one commit c that was seen this follows for a moment `at`:
 *
 *     t(c) + slack < at		every commit up to c is before `at`: t(i) <= t(c) + slack
 *     t(c) - slack >= at		none from c on is before `at`: t(j) >= t(c) - slack
 *
 * It holds also of commits that the index does not show yet, or that are stored later: a range never ends at what was the last commit,
 * only at one that is late enough by itself. Commits whose time is missing, or none, tell nothing.
 */
#ifndef DYNAMODB_ES_TIME_BOUND_H
#define DYNAMODB_ES_TIME_BOUND_H

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/call.h"
#include "store/commit.h"
#include "store/known_times.h"
#include "store/range.h"
#include "store/time_search.h"

/* A view. */
typedef struct TimeSpan
{
	KeyRange	times;			/* ms since the epoch, both bounds included */
	int64_t		slack_ms;		/* at least 0 */
	KnownTimes *known;			/* of the store; learns what is seen */
	int64_t		trusted_since;	/* http_now_ms: what was seen before is a hint only */
	int64_t    *requests;		/* is increased by each probe; or NULL */
} TimeSpan;

/* To be filled in up to `usage`, zeroed behind it. */
typedef struct TimeBound
{
	Client	   *client;
	const StoreNames *names;
	TimeSpan	span;
	Usage	   *usage;
	bool		is_searching;
	TimeSearch	search;
	bool		has_lower;		/* the search for it is over */
	bool		has_upper;
	KeyRange	ids;			/* after DONE */
	Call	   *call;			/* the probe under way */
	Failure		failure;
} TimeBound;

extern StepResult time_bound_step(TimeBound *bound);

/* true when time_bound_step would not be PENDING. */
extern bool time_bound_is_ready(const TimeBound *bound);
extern void time_bound_free(TimeBound *bound);

#endif
