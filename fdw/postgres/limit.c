/*
 * limit.c: does a LIMIT, an EXISTS or a cursor say how much of a scan is wanted?
 *
 * It does when the rows of the scan are, one by one and in their order, the rows of the query: one relation, nothing
 * grouped, no sort above. Or when it is looked for one row only, for each of an outer relation.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "optimizer/paths.h"

#include "postgres/clause.h"
#include "postgres/limit.h"

/* Where only a share of the rows is wanted, nobody knows how many: start with this many. */
#define FIRST_ROWS_OF_CURSOR 100

/* Rows to read for one that a local condition lets through; a guess that growing pages correct. */
#define ROWS_FOR_ONE 4

static bool
rows_are_the_query(PlannerInfo *root, RelOptInfo *rel, Path *path)
{
	Query	   *query = root->parse;

	return bms_membership(root->all_baserels) == BMS_SINGLETON
		&& path->param_info == NULL
		&& !query->hasAggs && query->groupClause == NIL && query->groupingSets == NIL && query->havingQual == NULL
		&& !query->hasWindowFuncs && query->distinctClause == NIL && !query->hasTargetSRFs
		&& query->setOperations == NULL
		&& (root->query_pathkeys == NIL || pathkeys_contained_in(root->query_pathkeys, path->pathkeys));
}

static bool
is_known_at_start(Node *expr)
{
	return expr == NULL || clause_is_stable(expr);
}

static int
append_value(Node *expr, List **values)
{
	if (expr == NULL)
		return -1;
	*values = lappend(*values, expr);
	return list_length(*values) - 1;
}

/* The inner side of a nested loop for EXISTS or NOT EXISTS: the first row decides. */
static bool
first_row_decides(PlannerInfo *root, RelOptInfo *rel, Path *path)
{
	ListCell   *cell;

	foreach(cell, root->join_info_list)
	{
		SpecialJoinInfo *join = lfirst_node(SpecialJoinInfo, cell);

		if ((join->jointype == JOIN_SEMI || join->jointype == JOIN_ANTI)
			&& bms_equal(join->syn_righthand, rel->relids)
			&& bms_overlap(PATH_REQ_OUTER(path), join->syn_lefthand))
			return true;
	}
	return false;
}

void
limit_plan(PlannerInfo *root, RelOptInfo *rel, Path *path, ScanPlan *plan, List **values)
{
	Query	   *query = root->parse;

	plan->limit = plan->offset = -1;
	if (first_row_decides(root, rel, path))
		plan->wanted = 1;
	if (!rows_are_the_query(root, rel, path))
		return;
	if (query->limitCount != NULL)
	{
		if (!is_known_at_start(query->limitCount) || !is_known_at_start(query->limitOffset))
			return;
		plan->limit = append_value(query->limitCount, values);
		plan->offset = append_value(query->limitOffset, values);
		if (query->limitOption == LIMIT_OPTION_WITH_TIES)
			plan->wanted = 1;	/* the row that is no tie any more */
	}
	else if (root->tuple_fraction >= 1)
		plan->wanted = (int) Min(root->tuple_fraction, FIRST_ROWS_OF_CURSOR);
	else if (root->tuple_fraction > 0)
		plan->wanted = FIRST_ROWS_OF_CURSOR;
}

/* LIMIT or OFFSET; 0 where it is NULL. */
static int64
limit_value(int at, List *value_states, ExprContext *econtext)
{
	bool		isnull;
	Datum		value;

	if (at < 0)
		return 0;
	value = ExecEvalExpr((ExprState *) list_nth(value_states, at), econtext, &isnull);
	return isnull ? 0 : Max(DatumGetInt64(value), 0);
}

int64
limit_evaluate(const ScanPlan *plan, List *value_states, ExprContext *econtext)
{
	int64		wanted = plan->wanted;

	if (plan->limit >= 0)
	{
		int64		count = limit_value(plan->limit, value_states, econtext);
		int64		offset = limit_value(plan->offset, value_states, econtext);

		/* LIMIT NULL is none; a sum that large is as good as none. */
		if (count == 0 || count > PG_INT32_MAX || offset > PG_INT32_MAX)
			return 0;
		wanted += count + offset;
	}
	return plan->exact ? wanted : wanted * ROWS_FOR_ONE;
}

bool
limit_is_certain(const ScanPlan *plan)
{
	return plan->exact && plan->limit >= 0 && plan->wanted == 0;
}
