/*
 * target: does a statement append to the table that it reads?
 *
 * Partitions and other foreign tables on the same store count as well. Only the statement itself is looked at, not the
 * functions that it calls.
 */
#ifndef DYNAMODB_ES_TARGET_H
#define DYNAMODB_ES_TARGET_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"

#include "postgres/table/options.h"

/* While it is planned, and when it runs. */
extern bool target_in_query(const PlannerInfo *root, const TableOptions *options);
extern bool target_in_plan(EState *estate, const TableOptions *options);

#endif
