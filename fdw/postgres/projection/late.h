/*
 * late: commits that appear after their ids were passed. Each is given to the handler once, before all others of a batch.
 *
 * An id that was passed has a row in dynamodb_es_passed. It is looked for when it has been passed for the time-out, for
 * twice as long, and so on, for a day. Whoever has the projection's row locked may settle it, so a commit is late once.
 */
#ifndef DYNAMODB_ES_PROJECTION_LATE_H
#define DYNAMODB_ES_PROJECTION_LATE_H

#include "postgres/projection/row.h"
#include "postgres/projection/session.h"

/* So many looks are under way at once, as far as there are connections. */
#define LATE_LOOKS_AT_ONCE 16

/* Is given the next late commit, in the order of ids; false: it cannot take it, nor any more. */
typedef bool (*LateTaker) (void *arg, const cJSON *item);

typedef struct LateKey
{
	char	   *aggregate_id;	/* UTF-8 */
	int64		version;
} LateKey;

/*
 * Looks for the passed ids that are due, of which *looks then tells. Raises whatever stands in its way.
 */
extern void late_look(const ProjectionRow *row, const FeedReader *reader, LateTaker take, void *arg, PassedLooks *looks);

/*
 * Of a late commit with that key, where others up to `position` have been applied, but not these: has a higher version of
 * its aggregate been?
 */
extern bool late_is_out_of_order(const FeedReader *reader, const LateKey *key, int64 position, const int64 *late_ids,
								 int nlate);

#endif
