/*
 * store_scan: a foreign scan while it runs.
 */
#ifndef DYNAMODB_ES_STORE_SCAN_H
#define DYNAMODB_ES_STORE_SCAN_H

#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/tuplestore.h"

#include "dynamodb/client.h"
#include "postgres/scan/feed_scan.h"
#include "postgres/scan/limit.h"
#include "postgres/scan/prefetch.h"
#include "postgres/scan/scan_plan.h"
#include "postgres/session/tenure.h"
#include "postgres/table/options.h"
#include "postgres/table/relation.h"

/* ForeignScanState.fdw_state */
typedef struct StoreScan
{
	Oid			relation;
	ColumnMap  *map;
	TableOptions options;
	ScanPlan	plan;
	RowLimit	row_limit;
	List	   *value_exprs;	/* ForeignScan.fdw_exprs, and their states */
	List	   *value_states;
	Column	  **columns;		/* to fetch */
	int			ncolumns;
	const char **attributes;	/* the same, and the keys, by their attributes */
	int			nattributes;
	bool		has_system_columns; /* the query asks for ctid, xmin or the like */
	Tenure	   *tenure;			/* NULL for an EXPLAIN that runs nothing */
	MemoryContext spec_context; /* what the read's ReadSpec points at; reset at each rescan */
	Prefetch   *prefetch;		/* of the next rows of the loop that the scan is in; NULL: none */
	bool		has_looked_ahead;	/* whether there can be one */
	bool		reading;		/* the read has been started */
	bool		at_end;
	int64		most;			/* rows that are taken at most; 0: all, or not known */
	bool		is_appended_to; /* by the same statement */
	Tuplestorestate *rows;		/* then: what is read before one is returned; else NULL */
	HTAB	   *own;			/* the commit ids that the statement has appended, to be passed over; NULL: none, or none is met */
	TupleTableSlot *collected_row;
	bool		collected;		/* they are all there */
	int64		began_at;		/* http_now_ms */
	int64		time_requests;	/* by_time: that looked for ranges */
	int64		count;			/* count_only: the result, once at_end */
	bool		count_returned;
	Tuplestorestate *seen;		/* a feed that may be run again with the same values: its rows so far; else NULL */
	FeedSummary feed;			/* is_feed: once it is at its end */
	AggregateId aggregate;		/* count_only: the aggregate that is grouped by */
	bool		never_waits;	/* under an asynchronous Append: an empty slot where there is nothing yet */
	bool		must_wait;		/* that was the case */
	Usage		usage;
} StoreScan;

#endif
