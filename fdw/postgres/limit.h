/*
 * limit: how many rows of a scan will be taken, as far as that can be known before.
 *
 * Only a hint to the reading: it makes the first page as small as it can be. The executor's own Limit node stays and
 * decides.
 */
#ifndef DYNAMODB_ES_LIMIT_H
#define DYNAMODB_ES_LIMIT_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "postgres/plan.h"

/* Fills in the plan's wanted, limit and offset, appending the expressions of the latter two to *values. */
extern void limit_plan(PlannerInfo *root, RelOptInfo *rel, Path *path, ScanPlan *plan, List **values);

/* At execution: the rows wanted; 0 for all. */
extern int64 limit_evaluate(const ScanPlan *plan, List *value_states, ExprContext *econtext);

/* Are no more rows than that ever taken? Otherwise it is a guess. */
extern bool limit_is_certain(const ScanPlan *plan);

#endif
