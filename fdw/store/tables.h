/*
 * tables: the DynamoDB tables of a store: made, dropped, looked at.
 */
#ifndef DYNAMODB_ES_TABLES_H
#define DYNAMODB_ES_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/client.h"
#include "store/commit.h"
#include "store/schema.h"

typedef struct TablesOperation TablesOperation;

/* Room for two names and two states, and words around them. */
#define TABLES_AWAITED_TEXT 640

typedef enum TablesTask
{
	TABLES_CREATE,				/* what is missing of the two tables, and the counter; waits until all is ACTIVE */
	TABLES_DROP,				/* both; waits until they are gone */
	TABLES_STATUS,				/* DescribeTable of both, the largest commit id, and the counter */
	TABLES_CHECK,				/* the same, where STATUS fails over what is no store's */
	TABLES_HEAD,				/* the counter alone */
	TABLES_RAISE				/* likewise, after it was raised: by tables_start_raise */
} TablesTask;

/* What the operation found or did. */
typedef struct TablesReport
{
	TableSchema commits;		/* as it was described last */
	TableSchema counters;
	int64_t		item_count;		/* of the commits table, DynamoDB's estimate, six hours old at worst; -1: not known */
	int64_t		table_bytes;	/* likewise */
	int64_t		max_commit_id;	/* the largest in the index; 0: no commit; -1: not known */
	int64_t		head;			/* the last commit id given out, looked at after that; 0: none yet */
	bool		counter_found;	/* the counter's item has one */
	bool		counter_is_none;	/* CHECK: what it has is no integer */
	bool		commit_table_done;	/* made (CREATE) or deleted (DROP) by this operation */
	bool		counter_table_done;
	bool		counter_table_shared;	/* DROP: it holds counters of other stores, and so stays */
	bool		counter_made;	/* CREATE: the counter item was written, because commits were there already */
	bool		counter_raised; /* CREATE, RAISE: it was lower; by a retry whose first answer was lost, not known */
	int64_t		old_head;		/* CREATE: then what it was */
} TablesReport;

/*
 * If a table of that name exists and is no store's, by its keys, their types, or the index (schema.h), the task fails with
 * FAILURE_UNFIT, and neither table was changed. STATUS does not fail over a missing index alone. CHECK does not fail over any
 * of this: it is in the report.
 *
 * CREATE makes what is missing of the pair. A counter that is missing or too low beside existing commits gets the
 * largest commit id that the index knows, read once all is ACTIVE. Where there is nothing to do it fails with
 * FAILURE_EXISTS.
 *
 * DROP fails with FAILURE_NOT_FOUND when neither table exists. A counter table that holds counters of other stores is
 * kept as it is.
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
