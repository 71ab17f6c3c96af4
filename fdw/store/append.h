/*
 * append: a batch of commits into the store.
 *
 * One request takes the ids of many commits, and the next such is made while these are being put. Commits of different
 * aggregates are put side by side, those of one aggregate one after the other in the order of their versions, so that
 * no failure leaves a later version without an earlier one. Ids and versions of an aggregate rise together. Ids that
 * come to nothing are noted for the readers that follow the ids (burn.h).
 */
#ifndef DYNAMODB_ES_APPEND_H
#define DYNAMODB_ES_APPEND_H

#include <stddef.h>

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/client.h"
#include "store/append_row.h"

typedef struct AppendOperation AppendOperation;

/*
 * The rows are the caller's, are filled in as the operation goes, and must outlive it, as must *names and the
 * settings' texts. commit_check must have passed for each. NULL when memory ran out.
 */
extern AppendOperation *append_start(Client *client, const StoreNames *names, const AppendSettings *settings,
									 AppendRow *rows, size_t nrows, Usage *usage);

/*
 * DONE: every row is stored or skipped. FAILED: append_failure tells why the row append_failed_row is not, or may not
 * be; the fates tell of the others. FAILURE_CONDITION: its version exists, or, where there is a message, two of the
 * rows have it; FAILURE_ID_TWICE: another commit has its version under an id, the message, that the counter gives out
 * again; FAILURE_SAME_ID: two imported rows have the id, the message; FAILURE_UNKNOWN_FATE: its put got no answer that
 * settles it; FAILURE_NOT_CONTIGUOUS: the version before it does not exist; FAILURE_CONFLICT: the next version, or the next
 * commit id of a dense append, was taken by others too
 * often; FAILURE_MOVED: the counter has another value than the settings expect, which they then know (`head`), and of what
 * was not there before nothing is stored. It comes before FAILURE_CONDITION, which is only told of a version that is taken
 * while the counter has the value expected. No rows, under such an expectation, are a look at the counter.
 */
extern StepResult append_step(AppendOperation *append);
extern const Failure *append_failure(const AppendOperation *append);

/* The row that the failure is about; NULL when it is about none in particular. */
extern const AppendRow *append_failed_row(const AppendOperation *append);
extern void append_free(AppendOperation *append);

#endif
