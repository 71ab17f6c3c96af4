/*
 * scan_plan: what a scan does.
 */
#ifndef DYNAMODB_ES_SCAN_PLAN_H
#define DYNAMODB_ES_SCAN_PLAN_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "store/read.h"

/*
 * Planning fills it in, EXPLAIN prints it, the executor runs it.
 *
 * The values that it takes stand in ForeignScan.fdw_exprs: first those of the conditions, then those of the filter.
 */
typedef struct ScanPlan
{
	ReadPath	path;
	bool		backward;		/* descending version or commit id */
	bool		ordered;		/* the plan relies on that order */
	bool		consistent;
	bool		is_feed;		/* READ_INDEX, of which only the part is shown that is complete; see feed_scan.h */
	bool		count_only;		/* the only output is the number of items */
	bool		exact;			/* no condition is left to be checked here */
	int			segments;		/* READ_SCAN */
	int			first_rows;		/* see limit_first_rows */
	List	   *condition_roles;	/* IntList of ColumnRole; strategies and is_array beside it */
	List	   *condition_strategies;
	List	   *condition_arrays;
	Node	   *filter;			/* as filter_tree.h has it; NULL: none */
	List	   *attnums;		/* IntList: the columns to fetch; count_only: the output's columns, 0 for the count */
} ScanPlan;

/* To and from ForeignScan.fdw_private, which must consist of nodes. */
extern List *scan_plan_to_list(const ScanPlan *plan);
extern ScanPlan scan_plan_from_list(List *list);

#endif
