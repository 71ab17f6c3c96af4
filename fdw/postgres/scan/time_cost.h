/*
 * time_cost: what it costs to find a range of commit ids by time, and how much of the store is in it.
 */
#ifndef DYNAMODB_ES_TIME_COST_H
#define DYNAMODB_ES_TIME_COST_H

#include "postgres.h"

#include "nodes/pathnodes.h"

#include "postgres/condition/pushdown.h"

/* Requests that find the bounds of these conditions on committed_at, on average; and commits beside them in the range. */
extern double time_cost_requests(List *of_time);
extern double time_cost_commits(List *of_time);

/*
 * Clauses whose selectivity is the share of the store that is read for a condition on that column: they are wider than
 * it by the slack on each side.
 */
extern List *time_cost_clauses(PlannerInfo *root, RelOptInfo *rel, const Column *column, const KeyCondition *condition,
							   int64 slack_ms);

/*
 * The share of the store that a read in the order of ids passes before it meets the first commit of these conditions: times rise
 * with the ids, too. Where a moment is not known yet it may lie at either end.
 */
extern double time_cost_passed(PlannerInfo *root, RelOptInfo *rel, List *of_time, bool backward);

#endif
