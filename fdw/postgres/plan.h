/*
 * plan: from a query to the access path that reads the fewest items.
 */
#ifndef DYNAMODB_ES_PLAN_H
#define DYNAMODB_ES_PLAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"

#include "postgres/pushdown.h"
#include "store/read.h"

/* What a scan does: planning fills it in, EXPLAIN prints it, the executor runs it. */
typedef struct ScanPlan
{
	ReadPath	path;
	bool		backward;		/* descending version or commit id */
	bool		consistent;
	List	   *condition_roles;	/* IntList of ColumnRole, strategies beside it, values in fdw_exprs */
	List	   *condition_strategies;
	List	   *attnums;		/* IntList: the columns to fetch */
} ScanPlan;

/* To and from ForeignScan.fdw_private, which must consist of nodes. */
extern List *scan_plan_to_list(const ScanPlan *plan);
extern ScanPlan scan_plan_from_list(List *list);

extern void plan_rel_size(PlannerInfo *root, RelOptInfo *rel, Oid relation);
extern void plan_paths(PlannerInfo *root, RelOptInfo *rel, Oid relation);
extern ForeignScan *plan_scan(PlannerInfo *root, RelOptInfo *rel, Oid relation, ForeignPath *path, List *tlist,
							  List *clauses, Plan *outer_plan);

#endif
