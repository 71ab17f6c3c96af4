/*
 * limit.c: does a LIMIT, an EXISTS or a cursor say how much of a scan is wanted?
 *
 * The plan tells: from the scan upwards, node by node. One that reads its input to the end before it returns a row wants
 * all. Through the others rows come one by one, as they are asked for: then a LIMIT above them says how many, at least
 * to begin with. Where a join, an unnest or a condition in between drops or multiplies rows, the number is a guess,
 * which pages that grow correct.
 */
#include "postgres.h"

#include "executor/executor.h"

#include "postgres/condition/clause.h"
#include "postgres/scan/limit.h"
#include "postgres/scan/lookahead.h"

/* Where nobody knows how many rows are wanted, only that it is not all: start with this many. */
#define FIRST_ROWS_OF_CURSOR 100

/* How the rows of a node's input become its own. */
typedef enum Passage
{
	PASSES_EACH,				/* one by one */
	PASSES_SOME,				/* as they come, but it drops some or multiplies them */
	TAKES_ALL					/* it reads all of them first */
} Passage;

/* The way from the top of a plan down to a scan. */
typedef struct Way
{
	const PlannedStmt *statement;
	const Plan *scan;			/* or another node that it begins at */
	RowLimit   *limit;			/* filled in on the way back up */
	bool		decided;		/* what is further up does not matter any more */
} Way;

/* Is the query a FROM item, or an arm of a UNION, of the one around it? Its rows are taken as that one's are. */
static bool
is_part_of_parent(const PlannerInfo *root)
{
	const PlannerInfo *parent = root->parent_root;

	for (int i = 1; parent != NULL && i < parent->simple_rel_array_size; i++)
		if (parent->simple_rel_array[i] != NULL && parent->simple_rel_array[i]->subroot == root)
			return true;
	return false;
}

int
limit_first_rows(const PlannerInfo *root)
{
	while (is_part_of_parent(root))
		root = root->parent_root;
	if (root->tuple_fraction >= 1)
		return (int) Min(root->tuple_fraction, FIRST_ROWS_OF_CURSOR);
	return root->tuple_fraction > 0 ? FIRST_ROWS_OF_CURSOR : 0;
}

/* A window over all of a partition is not known before its last row. */
static bool
window_is_of_all(const WindowAgg *window)
{
	return window->ordNumCols == 0 || (window->frameOptions & FRAMEOPTION_END_UNBOUNDED_FOLLOWING) != 0;
}

static Passage
passage_through(const Plan *node)
{
	if (lookahead_is(node))
		return PASSES_EACH;
	switch (nodeTag(node))
	{
		case T_Append:
		case T_MergeAppend:
		case T_Material:
		case T_Result:
		case T_SubqueryScan:
			return node->qual == NIL ? PASSES_EACH : PASSES_SOME;
		case T_CteScan:
		case T_Group:
		case T_HashJoin:		/* its inner side is a Hash, which takes all */
		case T_IncrementalSort:
		case T_LockRows:
		case T_Memoize:
		case T_MergeJoin:
		case T_NestLoop:
		case T_ProjectSet:
		case T_Unique:
			return PASSES_SOME;
		case T_Agg:
			return ((const Agg *) node)->aggstrategy == AGG_SORTED ? PASSES_SOME : TAKES_ALL;
		case T_WindowAgg:
			return window_is_of_all((const WindowAgg *) node) ? TAKES_ALL : PASSES_SOME;
		default:
			return TAKES_ALL;
	}
}

/* The inner side of a nested loop for EXISTS or NOT EXISTS, where the scan itself looks for what is joined. */
static bool
first_row_decides(const Plan *node, const Plan *child)
{
	const NestLoop *loop = (const NestLoop *) node;

	return IsA(node, NestLoop) && child == node->righttree && loop->join.joinqual == NIL
		&& (loop->join.inner_unique || loop->join.jointype == JOIN_SEMI || loop->join.jointype == JOIN_ANTI);
}

static bool
is_known_at_start(Node *expr)
{
	return expr == NULL || clause_is_stable(expr);
}

static void
take_limit(RowLimit *limit, const Limit *node)
{
	if (!is_known_at_start(node->limitCount) || !is_known_at_start(node->limitOffset))
	{
		limit->more = FIRST_ROWS_OF_CURSOR;
		limit->is_certain = false;
		return;
	}
	limit->count = node->limitCount;
	limit->offset = node->limitOffset;
	if (node->limitOption == LIMIT_OPTION_WITH_TIES)
	{
		limit->more = 1;		/* the row that is no tie any more */
		limit->is_certain = false;
	}
}

/* One node further up. */
static void
way_pass(Way *way, const Plan *node, const Plan *child)
{
	RowLimit   *limit = way->limit;

	if (IsA(node, Limit) && ((const Limit *) node)->limitCount != NULL)
	{
		take_limit(limit, (const Limit *) node);
		way->decided = true;
	}
	else if (first_row_decides(node, child))
	{
		limit->more = 1;
		limit->is_certain = false;
		way->decided = true;
	}
	else if (IsA(node, Limit))
		limit->is_certain = false;	/* it has an OFFSET alone */
	else if (passage_through(node) == TAKES_ALL)
	{
		*limit = (RowLimit) {0};
		way->decided = true;
	}
	else if (passage_through(node) == PASSES_SOME)
		limit->is_certain = false;
}

static bool way_begins(Way *way, const Plan *node);

static bool
way_goes_by(Way *way, const Plan *node, const Plan *child)
{
	if (child == NULL || !way_begins(way, child))
		return false;
	if (!way->decided)
		way_pass(way, node, child);
	return true;
}

static bool
way_goes_by_any(Way *way, const Plan *node, const List *children)
{
	ListCell   *cell;

	foreach(cell, children)
		if (way_goes_by(way, node, lfirst(cell)))
			return true;
	return false;
}

/* true when the scan is below that node. */
static bool
way_begins(Way *way, const Plan *node)
{
	if (node == way->scan || way_goes_by(way, node, node->lefttree) || way_goes_by(way, node, node->righttree))
		return true;
	if (lookahead_is(node))
		return way_goes_by_any(way, node, ((const CustomScan *) node)->custom_plans);
	switch (nodeTag(node))
	{
		case T_Append:
			return way_goes_by_any(way, node, ((const Append *) node)->appendplans);
		case T_MergeAppend:
			return way_goes_by_any(way, node, ((const MergeAppend *) node)->mergeplans);
		case T_SubqueryScan:
			return way_goes_by(way, node, ((const SubqueryScan *) node)->subplan);
		case T_CteScan:
			return way_goes_by(way, node, list_nth(way->statement->subplans, ((const CteScan *) node)->ctePlanId - 1));
		default:
			return false;
	}
}

static bool
way_begins_in_any(Way *way, const List *plans)
{
	ListCell   *cell;

	foreach(cell, plans)
		if (lfirst(cell) != NULL && way_begins(way, lfirst(cell)))
			return true;
	return false;
}

static bool
way_is_found(Way *way)
{
	return way_begins(way, way->statement->planTree) || way_begins_in_any(way, way->statement->subplans);
}

bool
limit_takes_all(const PlannedStmt *statement, const Plan *node, int first_rows)
{
	RowLimit	limit = {0};
	Way			way = {.statement = statement, .scan = node, .limit = &limit};

	return way_is_found(&way) && (way.decided || first_rows == 0) && limit.count == NULL && limit.offset == NULL && limit.more == 0;
}

RowLimit
limit_find(ForeignScanState *node, int first_rows)
{
	RowLimit	limit = {.is_certain = true};
	const PlannedStmt *statement = node->ss.ps.state->es_plannedstmt;
	Way			way = {.statement = statement, .scan = node->ss.ps.plan, .limit = &limit};

	if (!way_is_found(&way))
		return (RowLimit) {0};
	if (!way.decided)
		return (RowLimit) {.more = first_rows};
	limit.count_state = ExecInitExpr((Expr *) limit.count, &node->ss.ps);
	limit.offset_state = ExecInitExpr((Expr *) limit.offset, &node->ss.ps);
	return limit;
}

/* LIMIT or OFFSET; 0 where it is NULL. */
static int64
limit_value(ExprState *state, ExprContext *econtext)
{
	bool		isnull;
	Datum		value;

	if (state == NULL)
		return 0;
	value = ExecEvalExpr(state, econtext, &isnull);
	return isnull ? 0 : Max(DatumGetInt64(value), 0);
}

int64
limit_evaluate(const RowLimit *limit, ExprContext *econtext)
{
	int64		count = limit_value(limit->count_state, econtext);
	int64		offset = limit_value(limit->offset_state, econtext);

	/* LIMIT NULL is none; a sum that large is as good as none. */
	if (limit->count != NULL && (count == 0 || count > PG_INT32_MAX || offset > PG_INT32_MAX))
		return 0;
	return limit->more + count + offset;
}
