/*
 * tables: the DynamoDB tables of a store: made, dropped, looked at.
 */
#ifndef DYNAMODB_ES_TABLES_H
#define DYNAMODB_ES_TABLES_H

#include <stdint.h>

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/client.h"
#include "store/commit.h"
#include "store/tables_report.h"

typedef struct TablesOperation TablesOperation;

/*
 * If a table of that name exists and is no store's, by its keys, their types, or the index (schema.h), the task fails with
 * FAILURE_UNFIT, and neither table was changed. STATUS does not fail over a missing index alone. CHECK does not fail over any
 * of this: it is in the report.
 *
 * CREATE makes what is missing of the pair. A counter that is missing or too low beside existing commits gets the
 * largest commit id that the index knows, read once all is ACTIVE. Where there is nothing to do it fails with
 * FAILURE_EXISTS.
 *
 * DROP fails with FAILURE_NOT_FOUND when neither table exists. A counter table that holds counters of other stores, or
 * anything that is no counter, is kept; it is noted there that this store's counter is out of use, at which id, until an id
 * is given out or the store is made again. The table goes with the last store whose counter is in use.
 *
 * STATUS, CHECK and HEAD change nothing. HEAD fails with FAILURE_NOT_FOUND where there is no counter table. STATUS
 * leaves max_commit_id out where AWS denies it.
 */
extern TablesOperation *tables_start(Client *client, const StoreNames *names, TablesTask task, Usage *usage);

/*
 * Raises the counter to `head`, above 0, making it where it is missing; one that is as high, or higher, stays. The
 * report has the value that it has then.
 */
extern TablesOperation *tables_start_raise(Client *client, const StoreNames *names, int64_t head, Usage *usage);
extern StepResult tables_step(TablesOperation *operation);

/* What is waited for: "table \"commits\" is CREATING", or nothing. The operation's, until the next step. */
extern const char *tables_awaited(const TablesOperation *operation);
extern const TablesReport *tables_report(const TablesOperation *operation);
extern const Failure *tables_failure(const TablesOperation *operation);
extern void tables_free(TablesOperation *operation);

#endif
