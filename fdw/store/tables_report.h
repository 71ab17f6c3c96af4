/*
 * tables_report: what can be done with the tables of a store, and what is told of it.
 */
#ifndef DYNAMODB_ES_TABLES_REPORT_H
#define DYNAMODB_ES_TABLES_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/schema.h"

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
	bool		last_id_is_none;	/* CHECK: the index ends with a commit id that is no bigint */
	bool		counter_is_none;	/* CHECK: what it has is no integer */
	bool		commit_table_done;	/* made (CREATE) or deleted (DROP) by this operation */
	bool		counter_table_done;
	bool		counter_table_shared;	/* DROP: it holds counters of other stores, and so stays */
	bool		retiring_denied;	/* DROP: AWS does not let it be noted there that this store's counter is out of use */
	bool		counter_made;	/* CREATE: the counter item was written, because commits were there already */
	bool		counter_raised; /* CREATE, RAISE: it was lower; by a retry whose first answer was lost, not known */
	int64_t		old_head;		/* CREATE: then what it was */
} TablesReport;

#endif
