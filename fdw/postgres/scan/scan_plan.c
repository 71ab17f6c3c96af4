/*
 * scan_plan.c: how does what a scan does get from the planner to the executor?
 */
#include "postgres.h"

#include "postgres/scan/scan_plan.h"

enum
{
	SCAN_PLAN_PATH,
	SCAN_PLAN_BACKWARD,
	SCAN_PLAN_ORDERED,
	SCAN_PLAN_CONSISTENT,
	SCAN_PLAN_IS_FEED,
	SCAN_PLAN_COUNT_ONLY,
	SCAN_PLAN_EXACT,
	SCAN_PLAN_SEGMENTS,
	SCAN_PLAN_FIRST_ROWS,
	SCAN_PLAN_INTEGERS			/* so many of them in an IntList; the lists follow it */
};

List *
scan_plan_to_list(const ScanPlan *plan)
{
	int			integers[SCAN_PLAN_INTEGERS] = {
		[SCAN_PLAN_PATH] = plan->path,
		[SCAN_PLAN_BACKWARD] = plan->backward,
		[SCAN_PLAN_ORDERED] = plan->ordered,
		[SCAN_PLAN_CONSISTENT] = plan->consistent,
		[SCAN_PLAN_IS_FEED] = plan->is_feed,
		[SCAN_PLAN_COUNT_ONLY] = plan->count_only,
		[SCAN_PLAN_EXACT] = plan->exact,
		[SCAN_PLAN_SEGMENTS] = plan->segments,
		[SCAN_PLAN_FIRST_ROWS] = plan->first_rows,
	};
	List	   *list = NIL;

	for (int i = 0; i < SCAN_PLAN_INTEGERS; i++)
		list = lappend_int(list, integers[i]);
	list = list_make5(list, plan->condition_roles, plan->condition_strategies, plan->condition_arrays, plan->filter);
	return lappend(list, plan->attnums);
}

ScanPlan
scan_plan_from_list(List *list)
{
	List	   *integers = linitial(list);
	ScanPlan	plan = {
		.path = list_nth_int(integers, SCAN_PLAN_PATH),
		.backward = list_nth_int(integers, SCAN_PLAN_BACKWARD) != 0,
		.ordered = list_nth_int(integers, SCAN_PLAN_ORDERED) != 0,
		.consistent = list_nth_int(integers, SCAN_PLAN_CONSISTENT) != 0,
		.is_feed = list_nth_int(integers, SCAN_PLAN_IS_FEED) != 0,
		.count_only = list_nth_int(integers, SCAN_PLAN_COUNT_ONLY) != 0,
		.exact = list_nth_int(integers, SCAN_PLAN_EXACT) != 0,
		.segments = list_nth_int(integers, SCAN_PLAN_SEGMENTS),
		.first_rows = list_nth_int(integers, SCAN_PLAN_FIRST_ROWS),
		.condition_roles = list_nth(list, 1),
		.condition_strategies = list_nth(list, 2),
		.condition_arrays = list_nth(list, 3),
		.filter = list_nth(list, 4),
		.attnums = list_nth(list, 5),
	};

	return plan;
}
