/*
 * lookahead.c: which outer rows of a nested loop come next? See lookahead.h.
 *
 * The planner's choice of a join stays what it is. Where it has a nested loop over a scan of ours, the same loop with this node
 * in it is offered for a little less. Where rows with equal values are likely, Memoize saves requests and not only time, and is
 * still cheaper.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "lib/ilist.h"
#include "nodes/extensible.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "utils/memutils.h"

#include "postgres/core/compat.h"
#include "postgres/scan/lookahead.h"
#include "postgres/scan/scan_plan.h"

/* What the loop costs with the node, as a part of what it costs without: enough for the planner to tell them apart. */
#define COST_WITH_LOOKAHEAD 0.9999

struct Lookahead
{
	CustomScanState css;		/* first */
	dlist_node	link;			/* in `nodes`, as long as the query runs */
	MemoryContextCallback forget;
	uint64		current;
	uint64		fetched;		/* the number of the last row that has come from below */
	bool		at_end;			/* no more come */
	int			most;			/* rows fetched before their turn; 0: none are */
	uint64		passed;			/* rows, since the beginning or since they are passed on again */
	Size		bytes;			/* of the rows ahead */
	TupleTableSlot **rows;		/* by their numbers, modulo row_slots(): the current one, the one before, and those ahead */
};

static dlist_head nodes = DLIST_STATIC_INIT(nodes);
static set_join_pathlist_hook_type next_hook = NULL;
static IterateForeignScan_function iterate_scan;

static int
row_slots(const Lookahead *ahead)
{
	return ahead->most + 2;
}

static TupleTableSlot **
row_place(const Lookahead *ahead, uint64 number)
{
	return &ahead->rows[number % row_slots(ahead)];
}

static PlanState *
outer_side(const Lookahead *ahead)
{
	return linitial(ahead->css.custom_ps);
}

static void
forget(void *ahead)
{
	dlist_delete(&((Lookahead *) ahead)->link);
}

static void
begin(CustomScanState *node, EState *estate, int flags)
{
	Lookahead  *ahead = (Lookahead *) node;
	CustomScan *plan = castNode(CustomScan, node->ss.ps.plan);

	node->custom_ps = list_make1(ExecInitNode(linitial(plan->custom_plans), estate, flags));
	dlist_push_head(&nodes, &ahead->link);
	ahead->forget.func = forget;
	ahead->forget.arg = ahead;
	MemoryContextRegisterResetCallback(estate->es_query_cxt, &ahead->forget);
}

/* The next row from below; NULL: there is none. */
static TupleTableSlot *
fetch(Lookahead *ahead)
{
	TupleTableSlot *row = ahead->at_end ? NULL : ExecProcNode(outer_side(ahead));

	if (TupIsNull(row))
	{
		ahead->at_end = true;
		return NULL;
	}
	ahead->fetched++;
	return row;
}

static Size
row_bytes(const Lookahead *ahead, uint64 number)
{
	return ((MinimalTupleTableSlot *) *row_place(ahead, number))->mintuple->t_len;
}

static void
fetch_ahead(Lookahead *ahead)
{
	uint64		last = ahead->current + Min((uint64) ahead->most, ahead->passed);

	while (ahead->fetched < last && ahead->bytes < (Size) work_mem * 1024)
	{
		TupleTableSlot *row = fetch(ahead);

		if (row == NULL)
			return;
		ExecCopySlot(*row_place(ahead, ahead->fetched), row);
		ahead->bytes += row_bytes(ahead, ahead->fetched);
	}
}

/* The parent takes the scan tuple to be virtual: its values are the row's, which stays. */
static TupleTableSlot *
pass_on(Lookahead *ahead, TupleTableSlot *row)
{
	ScanState  *scan = &ahead->css.ss;
	TupleTableSlot *slot = scan->ss_ScanTupleSlot;

	ExecClearTuple(slot);
	slot_getallattrs(row);
	memcpy(slot->tts_values, row->tts_values, sizeof(Datum) * slot->tts_tupleDescriptor->natts);
	memcpy(slot->tts_isnull, row->tts_isnull, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	ExecStoreVirtualTuple(slot);
	if (scan->ps.ps_ProjInfo == NULL)
		return slot;
	ResetExprContext(scan->ps.ps_ExprContext);
	scan->ps.ps_ExprContext->ecxt_scantuple = slot;
	return ExecProject(scan->ps.ps_ProjInfo);
}

static TupleTableSlot *
execute(CustomScanState *node)
{
	Lookahead  *ahead = (Lookahead *) node;
	TupleTableSlot *row;

	if (ahead->most > 0)
	{
		ahead->passed++;
		if (ahead->current < ahead->fetched)
			ahead->bytes -= row_bytes(ahead, ++ahead->current);
		else if ((row = fetch(ahead)) != NULL)
		{
			ahead->current = ahead->fetched;
			ExecCopySlot(*row_place(ahead, ahead->current), row);
		}
		else
			return NULL;
		fetch_ahead(ahead);
		return pass_on(ahead, *row_place(ahead, ahead->current));
	}
	row = fetch(ahead);
	ahead->current = ahead->fetched;
	return row != NULL ? pass_on(ahead, row) : NULL;
}

static void
end(CustomScanState *node)
{
	ExecEndNode(outer_side((Lookahead *) node));
}

static void
rescan(CustomScanState *node)
{
	Lookahead  *ahead = (Lookahead *) node;
	PlanState  *below = outer_side(ahead);

	ahead->current = ahead->fetched;
	ahead->at_end = false;
	ahead->passed = 0;
	ahead->bytes = 0;
	if (node->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(below, node->ss.ps.chgParam);
	if (below->chgParam == NULL)
		ExecReScan(below);
}

static const CustomExecMethods exec_methods = {
	.CustomName = "DynamoDB Lookahead",
	.BeginCustomScan = begin,
	.ExecCustomScan = execute,
	.EndCustomScan = end,
	.ReScanCustomScan = rescan,
};

static Node *
create_state(CustomScan *plan)
{
	Lookahead  *ahead = palloc0(sizeof(Lookahead));

	NodeSetTag(ahead, T_CustomScanState);
	ahead->css.methods = &exec_methods;
	return (Node *) ahead;
}

static const CustomScanMethods scan_methods = {
	.CustomName = "DynamoDB Lookahead",
	.CreateCustomScanState = create_state,
};

void
lookahead_begin(Lookahead *ahead, int most)
{
	MemoryContext caller = MemoryContextSwitchTo(ahead->css.ss.ps.state->es_query_cxt);
	TupleDesc	desc = ExecGetResultType(outer_side(ahead));

	ahead->most = most;
	ahead->rows = palloc(sizeof(TupleTableSlot *) * row_slots(ahead));
	for (int i = 0; i < row_slots(ahead); i++)
		ahead->rows[i] = ExecInitExtraTupleSlot(ahead->css.ss.ps.state, desc, &TTSOpsMinimalTuple);
	MemoryContextSwitchTo(caller);
}

uint64
lookahead_current(const Lookahead *ahead)
{
	return ahead->current;
}

TupleTableSlot *
lookahead_row(const Lookahead *ahead, uint64 number)
{
	return ahead->most > 0 && number <= ahead->fetched ? *row_place(ahead, number) : NULL;
}

bool
lookahead_is(const Plan *plan)
{
	return plan != NULL && IsA(plan, CustomScan) && ((const CustomScan *) plan)->methods == &scan_methods;
}

static const NestLoop *loop_around(const Plan *plan, const Plan *inner);

static const NestLoop *
loop_in_any(const List *plans, const Plan *inner)
{
	const NestLoop *found = NULL;
	ListCell   *cell;

	foreach(cell, plans)
		if (found == NULL)
			found = loop_around(lfirst(cell), inner);
	return found;
}

/* The nested loop below that node whose inner side is `inner`. */
static const NestLoop *
loop_around(const Plan *plan, const Plan *inner)
{
	const NestLoop *found;

	if (plan == NULL)
		return NULL;
	if (IsA(plan, NestLoop) && plan->righttree == inner)
		return (const NestLoop *) plan;
	found = loop_around(plan->lefttree, inner);
	if (found == NULL)
		found = loop_around(plan->righttree, inner);
	if (found != NULL)
		return found;
	switch (nodeTag(plan))
	{
		case T_Append:
			return loop_in_any(((const Append *) plan)->appendplans, inner);
		case T_MergeAppend:
			return loop_in_any(((const MergeAppend *) plan)->mergeplans, inner);
		case T_SubqueryScan:
			return loop_around(((const SubqueryScan *) plan)->subplan, inner);
		case T_CustomScan:
			return loop_in_any(((const CustomScan *) plan)->custom_plans, inner);
		default:
			return NULL;
	}
}

Lookahead *
lookahead_beside(ForeignScanState *scan, const NestLoop **loop)
{
	const EState *estate = scan->ss.ps.state;
	dlist_iter	at;

	*loop = loop_around(estate->es_plannedstmt->planTree, scan->ss.ps.plan);
	if (*loop == NULL)
		*loop = loop_in_any(estate->es_plannedstmt->subplans, scan->ss.ps.plan);
	if (*loop == NULL || !lookahead_is((*loop)->join.plan.lefttree))
		return NULL;
	dlist_foreach(at, &nodes)
	{
		Lookahead  *ahead = dlist_container(Lookahead, link, at.cur);

		if (ahead->css.ss.ps.state == estate && ahead->css.ss.ps.plan == (*loop)->join.plan.lefttree)
			return ahead;
	}
	return NULL;
}

static Plan *
plan_node(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses, List *plans)
{
	CustomScan *plan = makeNode(CustomScan);

	plan->scan.plan.targetlist = tlist;
	plan->flags = path->flags;
	plan->custom_plans = plans;
	plan->custom_scan_tlist = copyObject(((Plan *) linitial(plans))->targetlist);
	plan->methods = &scan_methods;
	return &plan->scan.plan;
}

static const CustomPathMethods path_methods = {
	.CustomName = "DynamoDB Lookahead",
	.PlanCustomPath = plan_node,
};

static Path *
with_lookahead(Path *outer)
{
	CustomPath *path = makeNode(CustomPath);

	path->path.pathtype = T_CustomScan;
	path->path.parent = outer->parent;
	path->path.pathtarget = outer->pathtarget;
	path->path.rows = outer->rows;
	path->path.startup_cost = outer->startup_cost;
	path->path.total_cost = outer->total_cost;
	path->path.pathkeys = outer->pathkeys;
	compat_path_take_disabled(&path->path, outer);
	path->custom_paths = list_make1(outer);
	path->methods = &path_methods;
	return &path->path;
}

/* Reads by time search for their bounds first, and feeds wait for what is missing. */
static bool
may_be_ahead(const ForeignPath *scan)
{
	const ScanPlan *plan = linitial(scan->fdw_private);

	return !plan->by_time && !plan->is_feed;
}

/* A scan of ours that gets all its values from the outer side, whose rows depend on nothing else. */
static bool
is_loop_over_scan(const Path *path, const RelOptInfo *outer, const RelOptInfo *inner)
{
	const JoinPath *loop = (const JoinPath *) path;

	return IsA(path, NestPath) && loop->outerjoinpath->parent == outer && loop->innerjoinpath->parent == inner
		&& IsA(loop->innerjoinpath, ForeignPath) && may_be_ahead((const ForeignPath *) loop->innerjoinpath)
		&& PATH_REQ_OUTER(loop->innerjoinpath) != NULL
		&& bms_is_subset(PATH_REQ_OUTER(loop->innerjoinpath), outer->relids)
		&& PATH_REQ_OUTER(loop->outerjoinpath) == NULL && !IsA(loop->outerjoinpath, CustomPath);
}

/*
 * In whichever part of the statement. What became of a subquery in an expression, a SubPlan, does not show what it calls; the query that
 * it was planned from does.
 */
static bool
statement_has_volatile_functions(const PlannerInfo *root)
{
	ListCell   *cell;

	while (root->parent_root != NULL)
		root = root->parent_root;
	foreach(cell, root->glob->subroots)
		if (contain_volatile_functions((Node *) lfirst_node(PlannerInfo, cell)->parse))
			return true;
	return contain_volatile_functions((Node *) root->parse);
}

static void
add_lookahead(PlannerInfo *root, RelOptInfo *joinrel, RelOptInfo *outer, RelOptInfo *inner, JoinType type,
			  JoinPathExtraData *extra)
{
	List	   *loops = NIL;
	ListCell   *cell;

	if (next_hook != NULL)
		next_hook(root, joinrel, outer, inner, type, extra);
	if (inner->fdwroutine == NULL || inner->fdwroutine->IterateForeignScan != iterate_scan
		|| statement_has_volatile_functions(root))
		return;
	foreach(cell, joinrel->pathlist)
	{
		NestPath   *loop;

		if (!is_loop_over_scan(lfirst(cell), outer, inner))
			continue;
		loop = makeNode(NestPath);
		*loop = *lfirst_node(NestPath, cell);
		loop->jpath.outerjoinpath = with_lookahead(loop->jpath.outerjoinpath);
		loop->jpath.path.total_cost *= COST_WITH_LOOKAHEAD;
		loops = lappend(loops, loop);
	}
	foreach(cell, loops)
		add_path(joinrel, lfirst(cell));
}

void
lookahead_install(IterateForeignScan_function iterate)
{
	iterate_scan = iterate;
	RegisterCustomScanMethods(&scan_methods);
	next_hook = set_join_pathlist_hook;
	set_join_pathlist_hook = add_lookahead;
}
