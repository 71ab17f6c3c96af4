/*
 * plan: from a query to the access path that reads the fewest items.
 */
#ifndef DYNAMODB_ES_PLAN_H
#define DYNAMODB_ES_PLAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"

#include "postgres/options.h"
#include "postgres/pushdown.h"
#include "store/read.h"

/*
 * What a scan does: planning fills it in, EXPLAIN prints it, the executor runs it.
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
	Node	   *filter;			/* as filter.h has it; NULL: none */
	List	   *attnums;		/* IntList: the columns to fetch; count_only: the output's columns, 0 for the count */
} ScanPlan;

/* What planning knows of a relation: rel->fdw_private. */
typedef struct RelationState
{
	ColumnMap  *map;
	TableOptions options;
	List	   *conditions;		/* of KeyCondition *, from the relation's own restrictions */
	bool		analyzed;		/* the planner has statistics */
	double		table_rows;
	double		item_bytes;		/* of one item with all that it has, on average */
} RelationState;

/* To and from ForeignScan.fdw_private, which must consist of nodes. */
extern List *scan_plan_to_list(const ScanPlan *plan);
extern ScanPlan scan_plan_from_list(List *list);

extern void plan_rel_size(PlannerInfo *root, RelOptInfo *rel, Oid relation);
extern void plan_paths(PlannerInfo *root, RelOptInfo *rel, Oid relation);
extern ForeignScan *plan_scan(PlannerInfo *root, RelOptInfo *rel, Oid relation, ForeignPath *path, List *tlist,
							  List *clauses, Plan *outer_plan);

/*
 * Sends what can be sent of the clauses: fills in the plan's conditions and filter and *values. The clauses (bare
 * expressions) that are to be checked here, and in *recheck those that were sent; with the option "unreadable" a clause may
 * be both.
 */
extern List *plan_send_clauses(RelOptInfo *rel, const RelationState *state, List *clauses, ScanPlan *plan,
							   List **values, List **recheck);

/* How many segments a Scan of the relation is cut into. */
extern int	plan_segments(const RelOptInfo *rel);

/* Cost of a path that reads so many items in so many streams, as in plan_paths. */
extern Cost plan_reading_cost(const RelOptInfo *rel, double items, double streams);

#endif
