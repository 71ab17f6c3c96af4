/*
 * send.c: which clauses does DynamoDB apply, and which are checked here?
 */
#include "postgres.h"

#include "postgres/condition/filter_plan.h"
#include "postgres/condition/filter_tree.h"
#include "postgres/scan/send.h"

/* Adds a condition's terms to the plan's. */
static void
send_terms(const KeyCondition *condition, int clause, ScanPlan *plan, List **values)
{
	for (int arm = 0; arm < list_length(condition->arms); arm++)
	{
		ListCell   *cell;

		foreach(cell, list_nth_node(List, condition->arms, arm))
		{
			const KeyTerm *term = lfirst(cell);
			PlannedTerm planned = {
				.role = term->role, .strategy = term->strategy, .is_array = term->is_array, .clause = clause, .arm = arm,
				.narms = list_length(condition->arms),
				.aggregate_field = term->aggregate_field, .aggregate_type = term->aggregate_type, .version_type = term->version_type,
			};

			scan_plan_add_term(plan, &planned);
			*values = lappend(*values, term->value);
		}
	}
}

static bool
names_sort_keys(const KeyCondition *condition)
{
	ListCell   *arm;

	foreach(arm, condition->arms)
	{
		ListCell   *cell;

		foreach(cell, lfirst(arm))
		{
			const KeyTerm *term = lfirst(cell);

			if (term->role != COLUMN_AGGREGATE_ID || term->aggregate_field != 0)
				return true;
		}
	}
	return false;
}

/* Does what is read leave anything of the clause to be checked? */
static bool
is_all_sent(const KeyCondition *condition, const ScanPlan *plan)
{
	return !condition->is_weaker && (!plan->is_feed || pushdown_is_one_comparison(condition))
		&& !(plan->spans_gaps && names_sort_keys(condition));
}

/*
 * Adds the path's key condition to the plan. Returns the clauses that it says all of. In a feed the conditions only set the bounds
 * of what is read: a clause that leaves more than one range is checked here as well; so is one whose gaps are read, too.
 */
static List *
send_conditions(List *conditions, ScanPlan *plan, List **values)
{
	List	   *clauses = NIL;

	for (int i = 0; i < list_length(conditions); i++)
	{
		KeyCondition *condition = list_nth(conditions, i);

		send_terms(condition, i, plan, values);
		if (is_all_sent(condition, plan))
			clauses = lappend(clauses, condition->clause);
	}
	return clauses;
}

/*
 * Adds the clause to the filters if DynamoDB can apply it, and all of them together. Those of a feed would make gaps, and a
 * BatchGetItem has none.
 */
static bool
send_filter(RelOptInfo *rel, const RelationState *state, Expr *clause, const ScanPlan *plan, List **filters, List **values)
{
	List	   *with_filter = list_copy(*values);
	Node	   *filter = plan->is_feed || plan->by_keys ? NULL : filter_plan(clause, rel->relid, state->map, plan->path, &with_filter);
	List	   *together;

	if (filter == NULL)
		return false;
	together = lappend(list_copy(*filters), filter);
	if (filter_tree_weight(filter_tree_and(together)) > FILTER_MAX_WEIGHT
		|| filter_constant_bytes(with_filter, list_length(plan->terms)) > FILTER_MAX_CONSTANT_BYTES)
		return false;
	*filters = together;
	*values = with_filter;
	return true;
}

/*
 * Does DynamoDB's answer to a clause that was sent stand? Where unreadable values are NULL, only for some keys, or it
 * would return rows that do not show what was asked for.
 */
static bool
answer_stands(const RelationState *state, const ScanPlan *plan, List *conditions, const RestrictInfo *clause)
{
	ListCell   *cell;

	foreach(cell, conditions)
	{
		KeyCondition *condition = lfirst(cell);

		if (condition->clause == clause)
			return pushdown_key_is_exact(state->map, condition->role, plan->path, plan->ordered);
	}
	return !state->options.replaces_unreadable;
}

List *
send_clauses(RelOptInfo *rel, const RelationState *state, List *clauses, ScanPlan *plan, List **values,
			 List **recheck)
{
	List	   *conditions = pushdown_key_conditions(clauses, rel->relid, state->map);
	List	   *of_path = list_concat(pushdown_for_path(conditions, plan->path),
									  plan->by_time ? pushdown_of_time(conditions) : NIL);
	List	   *sent = send_conditions(of_path, plan, values);
	List	   *filters = NIL;
	List	   *local = NIL;
	ListCell   *cell;

	foreach(cell, clauses)
	{
		RestrictInfo *clause = lfirst_node(RestrictInfo, cell);
		bool		is_sent;

		if (clause->pseudoconstant || pushdown_is_implied(clause, rel->relid, state->map, plan->path, plan->ordered))
			continue;
		is_sent = list_member_ptr(sent, clause) || send_filter(rel, state, clause->clause, plan, &filters, values);
		if (is_sent)
			*recheck = lappend(*recheck, clause->clause);
		if (!is_sent || !answer_stands(state, plan, of_path, clause))
			local = lappend(local, clause->clause);
	}
	plan->filter = filter_tree_and(filters);
	plan->exact = local == NIL;
	return local;
}
