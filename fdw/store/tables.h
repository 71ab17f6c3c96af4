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

typedef struct TablesOperation TablesOperation;

typedef enum TablesTask
{
	TABLES_CREATE,				/* what is missing of the two tables, and the counter; waits until all is ACTIVE */
	TABLES_DROP,				/* both; waits until they are gone */
	TABLES_STATUS,				/* DescribeTable of both, and the counter */
	TABLES_HEAD					/* the counter alone */
} TablesTask;

/* What the operation found or did. */
typedef struct TablesReport
{
	char		commit_table_status[32];	/* "ACTIVE", "CREATING", …; empty: no such table */
	char		index_status[32];	/* empty: no such index */
	char		counter_table_status[32];
	int64_t		item_count;		/* of the commits table, DynamoDB's estimate, six hours old at worst; -1: not known */
	int64_t		table_bytes;	/* likewise */
	int64_t		head;			/* the last commit id given out; 0: none yet */
	bool		commit_table_done;	/* made (CREATE) or deleted (DROP) by this operation */
	bool		counter_table_done;
	bool		counter_table_shared;	/* DROP: it holds counters of other stores, and so stays */
	bool		counter_made;	/* CREATE: the counter item was written, because commits were there already */
} TablesReport;

/*
 * CREATE makes what is missing of the pair. A missing counter beside existing commits starts at the largest commit id
 * that the index knows, read once all is ACTIVE. Where nothing is missing it fails with FAILURE_EXISTS; a commits
 * table of that name with other keys, or without the index, is FAILURE_UNFIT. Either way nothing was changed.
 *
 * DROP fails with FAILURE_NOT_FOUND when neither table exists. A counter table that holds counters of other stores is
 * kept as it is.
 *
 * STATUS and HEAD change nothing. HEAD fails with FAILURE_NOT_FOUND where there is no counter table.
 */
extern TablesOperation *tables_start(Client *client, const StoreNames *names, TablesTask task, Usage *usage);
extern StepResult tables_step(TablesOperation *operation);
extern const TablesReport *tables_report(const TablesOperation *operation);
extern const Failure *tables_failure(const TablesOperation *operation);
extern void tables_free(TablesOperation *operation);

#endif
