/*
 * feed: the commits after a position, in the order of their ids, as far as none can be missing.
 *
 * A commit id is given out before its commit is stored, and the index shows commits late and in no order. So ids below
 * one that is visible may not be visible yet: a gap. A reader that passes it loses what appears there. A feed passes
 * an id only if it is burned (a note says that it never will be stored, notes.h), or given up by these rules:
 *
 * - It is old enough: a higher id has been known for the time-out (`known_below`), or the next three commits above it, or
 *   as many as there are, have all been stamped before `stamped_before`. Three, because one wrong clock must not decide.
 *   A stamp of the future is none: where three others follow, it does not count.
 * - Two reads have not found it, 100 ms apart at least; one, where the stamps are before `old_before`.
 * - It is not above `dense_above`. In a dense store a gap is the index's lag and nothing else.
 *
 * What was given up is reported; ids that a note names are never part of it. There is no clock inside: what the time-out is, and when it ends, the caller says.
 * The ids above the highest visible one are not looked at, and no position passes them, unless the caller knows that they
 * were given out: then notes say what of them is burned, and the rest is waited for.
 *
 * Nothing is asked for before the page before has been looked through, and nothing is filtered out by DynamoDB: a
 * filter would make gaps.
 */
#ifndef DYNAMODB_ES_FEED_H
#define DYNAMODB_ES_FEED_H

#include <stdbool.h>

#include "store/feed_spec.h"

typedef struct FeedOperation FeedOperation;

/* Copies *names and *spec as views. NULL when memory ran out. Sends nothing before the first feed_next. */
extern FeedOperation *feed_start(Client *client, const StoreNames *names, const FeedSpec *spec, Usage *usage);

/*
 * As read_next. *item belongs to the feed and is valid until the next call. READ_END: there is nothing more, or nothing
 * that may be delivered yet. READ_FAILED: feed_failure; FAILURE_ID_TWICE: two commits have one id;
 * FAILURE_DENSE_GAP: ids of a dense store are still not visible when they could be given up elsewhere;
 * FAILURE_BEHIND: the counter is below the position.
 */
extern ReadResult feed_next(FeedOperation *feed, const cJSON **item);

/* true when feed_next would not be PENDING. */
extern bool feed_is_ready(FeedOperation *feed);
extern const Failure *feed_failure(const FeedOperation *feed);
extern void feed_report(const FeedOperation *feed, FeedReport *report);

/* NULL is allowed. */
extern void feed_free(FeedOperation *feed);

#endif
