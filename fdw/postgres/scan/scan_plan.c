/*
 * scan_plan.c: how does what a scan does get from the planner to the executor?
 */
#include "postgres.h"

#include "access/stratnum.h"

#include "postgres/scan/scan_plan.h"
#include "postgres/table/column.h"

enum
{
	SCAN_PLAN_PATH,
	SCAN_PLAN_BACKWARD,
	SCAN_PLAN_ORDERED,
	SCAN_PLAN_CONSISTENT,
	SCAN_PLAN_IS_FEED,
	SCAN_PLAN_BY_KEYS,
	SCAN_PLAN_SPANS_GAPS,
	SCAN_PLAN_BY_TIME,
	SCAN_PLAN_COUNT_ONLY,
	SCAN_PLAN_EXACT,
	SCAN_PLAN_SEGMENTS,
	SCAN_PLAN_ITEM_BYTES,
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
		[SCAN_PLAN_BY_KEYS] = plan->by_keys,
		[SCAN_PLAN_SPANS_GAPS] = plan->spans_gaps,
		[SCAN_PLAN_BY_TIME] = plan->by_time,
		[SCAN_PLAN_COUNT_ONLY] = plan->count_only,
		[SCAN_PLAN_EXACT] = plan->exact,
		[SCAN_PLAN_SEGMENTS] = plan->segments,
		[SCAN_PLAN_ITEM_BYTES] = plan->item_bytes,
		[SCAN_PLAN_FIRST_ROWS] = plan->first_rows,
	};
	List	   *list = NIL;

	for (int i = 0; i < SCAN_PLAN_INTEGERS; i++)
		list = lappend_int(list, integers[i]);
	return list_make4(list, plan->terms, plan->filter, plan->attnums);
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
		.by_keys = list_nth_int(integers, SCAN_PLAN_BY_KEYS) != 0,
		.spans_gaps = list_nth_int(integers, SCAN_PLAN_SPANS_GAPS) != 0,
		.by_time = list_nth_int(integers, SCAN_PLAN_BY_TIME) != 0,
		.count_only = list_nth_int(integers, SCAN_PLAN_COUNT_ONLY) != 0,
		.exact = list_nth_int(integers, SCAN_PLAN_EXACT) != 0,
		.segments = list_nth_int(integers, SCAN_PLAN_SEGMENTS),
		.item_bytes = list_nth_int(integers, SCAN_PLAN_ITEM_BYTES),
		.first_rows = list_nth_int(integers, SCAN_PLAN_FIRST_ROWS),
		.terms = list_nth(list, 1),
		.filter = list_nth(list, 2),
		.attnums = list_nth(list, 3),
	};

	return plan;
}

void
scan_plan_add_term(ScanPlan *plan, const PlannedTerm *term)
{
	List	   *numbers = list_make5_int(term->role, term->strategy, term->is_array, term->clause, term->arm);

	numbers = lappend_int(numbers, term->narms);
	numbers = lappend_int(numbers, term->aggregate_field);
	numbers = lappend_int(numbers, (int) term->aggregate_type);
	plan->terms = lappend(plan->terms, lappend_int(numbers, (int) term->version_type));
}

PlannedTerm
scan_plan_term(const ScanPlan *plan, int n)
{
	List	   *numbers = list_nth(plan->terms, n);

	return (PlannedTerm)
	{
		.role = list_nth_int(numbers, 0),
		.strategy = list_nth_int(numbers, 1),
		.is_array = list_nth_int(numbers, 2) != 0,
		.clause = list_nth_int(numbers, 3),
		.arm = list_nth_int(numbers, 4),
		.narms = list_nth_int(numbers, 5),
		.aggregate_field = list_nth_int(numbers, 6),
		.aggregate_type = (Oid) list_nth_int(numbers, 7),
		.version_type = (Oid) list_nth_int(numbers, 8),
	};
}

bool
scan_plan_is_single_key(const ScanPlan *plan)
{
	int			nterms = list_length(plan->terms);

	if (plan->path != READ_AGGREGATE || plan->filter != NULL || nterms != 2)
		return false;
	for (int i = 0; i < nterms; i++)
	{
		PlannedTerm term = scan_plan_term(plan, i);

		if (term.strategy != BTEqualStrategyNumber || term.is_array || term.narms != 1
			|| term.role != (i == 0 ? COLUMN_AGGREGATE_ID : COLUMN_VERSION))
			return false;
	}
	return true;
}
