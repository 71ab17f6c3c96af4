/*
 * passed: ids that a projection has passed without a commit, in dynamodb_es_passed: those that may still appear ("open"),
 * those that did ("late"), those that a person has it leave out ("skipped"), and those that are given up for good
 * ("expired"). All functions ask for a transaction, and those that write for the lock on the projection's row.
 */
#ifndef DYNAMODB_ES_PROJECTION_PASSED_H
#define DYNAMODB_ES_PROJECTION_PASSED_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "store/feed.h"

/* Looks for ids that were passed. */
typedef struct PassedLooks
{
	TimestampTz at;				/* of all that were due by then */
	int64		last;			/* ids up to that one were looked for; 0: none were */
} PassedLooks;

/* What is to be looked for by then: disjoint ranges, ascending, in the current memory context. */
extern IdRange *passed_due(const char *name, TimestampTz at, int *count);

/* These are open from now on; they are looked for when the time-out has passed once more. The oldest of too many expire. */
extern void passed_add(const char *name, const IdRange *ranges, size_t count, int64 gap_timeout_ms);

/* They have been looked for in vain. */
extern void passed_note_looks(const char *name, const PassedLooks *looks, int64 gap_timeout_ms);

/* These ids, which are open, have become `fate`. false, and nothing is changed, where not all of them are open. */
extern bool passed_settle(const char *name, const int64 *ids, int count, const char *fate);

/* A commit above the position is to be left out. A follower that waits with an error tries again. */
extern void passed_skip_next(const char *name, int64 commit_id);

/* Likewise one that was passed. false: it was not, or is settled by now. */
extern bool passed_skip(const char *name, int64 commit_id);

#endif
