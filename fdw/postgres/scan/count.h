/*
 * count: count(*) by DynamoDB, which then sends no items.
 */
#ifndef DYNAMODB_ES_COUNT_H
#define DYNAMODB_ES_COUNT_H

#include "postgres.h"

#include "foreign/fdwapi.h"

/* GetForeignUpperPaths */
extern void count_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input, RelOptInfo *output, void *extra);

/* GetForeignPlan for a path that count_paths has made. */
extern ForeignScan *count_plan(ForeignPath *path, List *tlist, Plan *outer_plan);

#endif
