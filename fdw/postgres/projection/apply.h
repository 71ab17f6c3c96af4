/*
 * apply: a batch and its position, in one transaction or subtransaction.
 */
#ifndef DYNAMODB_ES_PROJECTION_APPLY_H
#define DYNAMODB_ES_PROJECTION_APPLY_H

#include "postgres.h"

#include "postgres/projection/batch.h"
#include "postgres/projection/handler.h"
#include "postgres/projection/row.h"
#include "postgres/projection/session.h"

typedef enum ApplyResult
{
	APPLY_DONE,
	APPLY_UNCHANGED,			/* there was nothing to do: nothing was written */
	APPLY_OVERTAKEN				/* somebody has moved or changed the projection since: the batch is of no use */
} ApplyResult;

/*
 * Locks the row, compares the position, has the handler apply the batch and moves the position. *applied: commits that
 * the handler was given.
 */
extern ApplyResult apply_batch(ProjectionSession *session, const ProjectionRow *row, const Handler *handler,
							   const Batch *batch, int64 *applied);

/* Commits that the next batch is to have, at most. */
extern int	apply_batch_size(const ProjectionSession *session, const ProjectionRow *row);

#endif
