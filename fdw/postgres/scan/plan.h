/*
 * plan: from a query to the access path that reads the fewest items.
 */
#ifndef DYNAMODB_ES_PLAN_H
#define DYNAMODB_ES_PLAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"

#include "postgres/scan/send.h"

/* PostgreSQL's callbacks (FdwRoutine): how many rows of what width; the paths and their costs; the plan of the path that was chosen. */
extern void plan_rel_size(PlannerInfo *root, RelOptInfo *rel, Oid relation);
extern void plan_paths(PlannerInfo *root, RelOptInfo *rel, Oid relation);
extern ForeignScan *plan_scan(PlannerInfo *root, RelOptInfo *rel, Oid relation, ForeignPath *path, List *tlist,
							  List *clauses, Plan *outer_plan);

/* How many segments a Scan of the relation is cut into. */
extern int	plan_segments(const RelOptInfo *rel);

/* Where nothing else narrows what is read: is a range found by time, if there are conditions for it, the cheapest way? */
extern bool plan_time_pays(PlannerInfo *root, RelOptInfo *rel);

/* Cost of a path that reads so many items in so many streams, as in plan_paths. */
extern Cost plan_reading_cost(const RelOptInfo *rel, double items, double streams);

#endif
