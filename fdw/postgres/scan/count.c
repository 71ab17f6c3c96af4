/*
 * count.c: when can DynamoDB count?
 *
 * When all conditions are its own to decide, and the query asks for count(*) and nothing else, or for that of the one
 * aggregate that its conditions fix, GROUP BY aggregate_id. It still reads, and bills, what it counts.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "utils/fmgroids.h"

#include "postgres/condition/clause.h"
#include "postgres/core/compat.h"
#include "postgres/scan/count.h"
#include "postgres/scan/key_count.h"
#include "postgres/scan/plan.h"
#include "postgres/table/target.h"

/* ForeignPath.fdw_private */
typedef struct CountChoice
{
	ScanPlan	plan;
	List	   *values;
} CountChoice;

/* count(*), and count(1) or the like. */
static bool
counts_rows(const Aggref *aggregate)
{
	const Const *argument;

	if (aggregate->aggfnoid == F_COUNT_)
		return true;
	if (aggregate->aggfnoid != F_COUNT_ANY)
		return false;
	argument = (const Const *) linitial_node(TargetEntry, aggregate->args)->expr;
	return IsA(argument, Const) && !argument->constisnull;
}

static bool
is_count_star(const Expr *expr)
{
	const Aggref *aggregate = (const Aggref *) expr;

	return IsA(aggregate, Aggref) && counts_rows(aggregate) && aggregate->aggfilter == NULL
		&& aggregate->aggdistinct == NIL && aggregate->aggorder == NIL && aggregate->aggsplit == AGGSPLIT_SIMPLE;
}

/* The output as a list of attribute numbers, 0 for the count; NIL where it holds anything else. */
static List *
output_attnums(RelOptInfo *input, RelOptInfo *output, const Column *group)
{
	RelationState *state = input->fdw_private;
	List	   *attnums = NIL;
	ListCell   *cell;

	foreach(cell, output->reltarget->exprs)
	{
		Expr	   *expr = lfirst(cell);

		if (is_count_star(expr))
			attnums = lappend_int(attnums, 0);
		else if (group != NULL && IsA(expr, Var) && clause_column((Node *) expr, input->relid, state->map) == group)
			attnums = lappend_int(attnums, group->attnum);
		else
			return NIL;
	}
	return attnums;
}

/* true when there is one group: no GROUP BY, or one by an aggregate_id that is fixed; then *group is its column. */
static bool
has_one_group(PlannerInfo *root, RelOptInfo *input, Column **group)
{
	RelationState *state = input->fdw_private;
	Query	   *query = root->parse;
	KeyCondition *aggregate = pushdown_aggregate_condition(state->conditions);
	Node	   *expr;

	*group = NULL;
	if (query->groupClause == NIL)
		return true;
	if (list_length(query->groupClause) != 1 || aggregate == NULL || !pushdown_is_one_comparison(aggregate))
		return false;
	expr = get_sortgroupclause_expr(linitial(query->groupClause), query->targetList);
	*group = clause_column(expr, input->relid, state->map);
	/* A varchar(n) may be too short for an id; whoever reads the commits finds out. */
	return *group != NULL && (*group)->role == COLUMN_AGGREGATE_ID && (*group)->typmod < 0;
}

static bool
has_pseudoconstant(List *clauses)
{
	ListCell   *cell;

	foreach(cell, clauses)
		if (lfirst_node(RestrictInfo, cell)->pseudoconstant)
			return true;
	return false;
}

static ReadPath
path_of_conditions(List *conditions)
{
	if (pushdown_aggregate_condition(conditions) != NULL)
		return READ_AGGREGATE;
	return pushdown_for_path(conditions, READ_INDEX) != NIL ? READ_INDEX : READ_SCAN;
}

void
count_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input, RelOptInfo *output, void *extra)
{
	RelationState *state = input->fdw_private;
	Query	   *query = root->parse;
	CountChoice *choice;
	Column	   *group;
	List	   *recheck = NIL;
	Cost		cost;

	/* A table with children has no state of its own: it is read as one of them. */
	if (stage != UPPERREL_GROUP_AGG || input->reloptkind != RELOPT_BASEREL || state == NULL || output->fdw_private != NULL
		|| state->options.is_feed
		|| query->groupingSets != NIL || root->hasHavingQual || !bms_is_empty(input->lateral_relids)
		|| has_pseudoconstant(input->baserestrictinfo) || !has_one_group(root, input, &group))
		return;
	/* Its own commits are to be passed over, and DynamoDB knows nothing of those. */
	if (target_in_query(root, &state->options))
		return;
	choice = palloc0(sizeof(CountChoice));
	choice->plan.path = path_of_conditions(state->conditions);
	if (choice->plan.path != READ_AGGREGATE && plan_time_pays(root, input))
	{
		choice->plan.path = READ_INDEX;
		choice->plan.by_time = true;
	}
	choice->plan.consistent = state->options.consistent_read && choice->plan.path != READ_INDEX;
	choice->plan.by_keys = choice->plan.path == READ_AGGREGATE
		&& key_count_single(pushdown_for_path(state->conditions, READ_AGGREGATE)) > 0;
	choice->plan.count_only = true;
	choice->plan.segments = choice->plan.path == READ_SCAN ? plan_segments(input) : 0;
	choice->plan.attnums = output_attnums(input, output, group);
	if (choice->plan.attnums == NIL
		|| send_clauses(input, state, input->baserestrictinfo, &choice->plan, &choice->values, &recheck) != NIL)
		return;

	cost = plan_reading_cost(input, 1, 1);
	add_path(output, (Path *) compat_foreign_upper_path(root, output, 1, cost, cost, list_make1(choice)));
}

ForeignScan *
count_plan(ForeignPath *path, List *tlist, Plan *outer_plan)
{
	CountChoice *choice = linitial(path->fdw_private);
	List	   *output = NIL;
	ListCell   *cell;

	foreach(cell, path->path.pathtarget->exprs)
		output = lappend(output, makeTargetEntry(lfirst(cell), list_length(output) + 1, NULL, false));
	return make_foreignscan(tlist, NIL, 0, choice->values, scan_plan_to_list(&choice->plan), output, NIL, outer_plan);
}
