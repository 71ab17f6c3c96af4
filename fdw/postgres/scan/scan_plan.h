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
	bool		by_keys;		/* READ_AGGREGATE: the commits are named one by one, so they are read in batches of keys */
	bool		spans_gaps;		/* a list of versions or commit ids may be read as one range, gaps included */
	bool		by_time;		/* READ_INDEX: conditions on committed_at leave a range of it, which is found first */
	bool		count_only;		/* the only output is the number of items */
	bool		exact;			/* no condition is left to be checked here */
	int			segments;		/* READ_SCAN */
	int			item_bytes;		/* of an item, on average, by the statistics; 0: not known */
	int			first_rows;		/* see limit_first_rows */
	List	   *terms;			/* of PlannedTerm, as IntLists: of the key condition; by_time: and of committed_at behind it */
	Node	   *filter;			/* as filter_tree.h has it; NULL: none */
	List	   *attnums;		/* IntList: the columns to fetch; count_only: the output's columns, 0 for the count */
} ScanPlan;

/* A KeyTerm of the key condition: which is an AND of clauses, each an OR of arms, each an AND of terms. */
typedef struct PlannedTerm
{
	int			role;			/* ColumnRole */
	int			strategy;
	bool		is_array;
	int			aggregate_field;	/* see KeyTerm */
	Oid			aggregate_type;
	Oid			version_type;
	int			clause;			/* their numbers, from 0; terms of one stand together */
	int			arm;
	int			narms;			/* that its clause has */
} PlannedTerm;

/* The nth term; its value is the nth of the plan's values. */
extern PlannedTerm scan_plan_term(const ScanPlan *plan, int n);
extern void scan_plan_add_term(ScanPlan *plan, const PlannedTerm *term);

/* true where the plan asks for a single commit by its key, and DynamoDB is sent no filter. */
extern bool scan_plan_is_single_key(const ScanPlan *plan);

/* To and from ForeignScan.fdw_private, which must consist of nodes. */
extern List *scan_plan_to_list(const ScanPlan *plan);
extern ScanPlan scan_plan_from_list(List *list);

#endif
