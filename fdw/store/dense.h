/*
 * dense: a batch of commits under ids that follow each other without a gap.
 *
 * Counter and commits move in one transaction, on condition that the counter still has the value expected; a batch
 * that does not fit into one takes several, one after the other. If another appender took the id first, the refusal tells the
 * counter's value, and the transaction is tried again, up to a limit. No id is ever without its commit, so there is nothing
 * to note as burned.
 */
#ifndef DYNAMODB_ES_DENSE_H
#define DYNAMODB_ES_DENSE_H

#include "store/append_row.h"
#include "store/lane.h"

typedef struct DenseOperation DenseOperation;

/* The rows and their lanes are the caller's and must outlive the operation, as must *context. NULL: no memory. */
extern DenseOperation *dense_start(const LaneContext *context, AppendRow *rows, size_t nrows, Lane *lanes, size_t nlanes);

/*
 * The lanes' versions must be known. DONE: every row is stored or skipped, or some lanes need the last version of
 * their aggregate again (LANE_NEEDS_LAST_VERSION), after which it goes on. FAILED: as append_step.
 */
extern StepResult dense_step(DenseOperation *dense);
extern const Failure *dense_failure(const DenseOperation *dense);

/* NULL when the failure is about no row in particular. */
extern const AppendRow *dense_failed_row(const DenseOperation *dense);
extern void dense_free(DenseOperation *dense);

#endif
