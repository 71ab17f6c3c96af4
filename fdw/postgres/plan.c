/*
 * plan.c: along which path is the table read, and what does that cost?
 *
 * Three paths: one aggregate (Query on the table), a range of commit ids (Query on the index), everything (Scan). Costs are in the planner's
 * units with a request counting as much as reading a few hundred rows locally; a Scan reads and bills the whole table whatever it returns, so it
 * is taken when there is nothing else.
 */
#include "postgres.h"

#include <math.h>

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/bitmapset.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "utils/typcache.h"

#include "postgres/compat.h"
#include "postgres/options.h"
#include "postgres/plan.h"

/* Without statistics. */
#define DEFAULT_TABLE_ROWS 100000
#define ROWS_OF_AGGREGATE 20

#define REQUEST_COST 25.0		/* one round trip */
#define ITEM_COST 0.02			/* receiving and parsing one item */
#define PAGE_BYTES (1024.0 * 1024.0)	/* DynamoDB's limit for one page */
#define ITEM_OVERHEAD_BYTES 200.0	/* of an item, beside the columns' own widths */

/* What planning knows of a relation; rel->fdw_private. */
typedef struct RelationState
{
	ColumnMap  *map;
	TableOptions options;
	List	   *conditions;		/* of KeyCondition * */
	double		table_rows;
} RelationState;

enum
{
	SCAN_PLAN_PATH,
	SCAN_PLAN_BACKWARD,
	SCAN_PLAN_CONSISTENT,
	SCAN_PLAN_ROLES,
	SCAN_PLAN_STRATEGIES,
	SCAN_PLAN_ATTNUMS
};

List *
scan_plan_to_list(const ScanPlan *plan)
{
	List	   *list = NIL;

	list = lappend(list, makeInteger(plan->path));
	list = lappend(list, makeInteger(plan->backward));
	list = lappend(list, makeInteger(plan->consistent));
	list = lappend(list, plan->condition_roles);
	list = lappend(list, plan->condition_strategies);
	return lappend(list, plan->attnums);
}

ScanPlan
scan_plan_from_list(List *list)
{
	ScanPlan	plan = {
		.path = intVal(list_nth(list, SCAN_PLAN_PATH)),
		.backward = intVal(list_nth(list, SCAN_PLAN_BACKWARD)) != 0,
		.consistent = intVal(list_nth(list, SCAN_PLAN_CONSISTENT)) != 0,
		.condition_roles = list_nth(list, SCAN_PLAN_ROLES),
		.condition_strategies = list_nth(list, SCAN_PLAN_STRATEGIES),
		.attnums = list_nth(list, SCAN_PLAN_ATTNUMS),
	};

	return plan;
}

/* Rows of one aggregate that the rest of the conditions leaves. */
static double
rows_of_aggregate(PlannerInfo *root, RelOptInfo *rel, List *conditions)
{
	List	   *others = list_copy(rel->baserestrictinfo);
	ListCell   *cell;

	foreach(cell, conditions)
	{
		KeyCondition *condition = lfirst(cell);

		if (condition->role == COLUMN_AGGREGATE_ID)
			others = list_delete_ptr(others, condition->clause);
	}
	return ROWS_OF_AGGREGATE * clauselist_selectivity(root, others, rel->relid, JOIN_INNER, NULL);
}

static bool
has_condition_on(List *conditions, ColumnRole role)
{
	ListCell   *cell;

	foreach(cell, conditions)
		if (((KeyCondition *) lfirst(cell))->role == role)
			return true;
	return false;
}

void
plan_rel_size(PlannerInfo *root, RelOptInfo *rel, Oid relation_oid)
{
	RelationState *state = palloc0(sizeof(RelationState));
	Relation	relation = table_open(relation_oid, NoLock);

	state->map = column_map_new(relation);
	state->options = options_of_table(relation_oid);
	table_close(relation, NoLock);
	state->conditions = pushdown_key_conditions(rel, state->map);
	state->table_rows = rel->tuples > 0 ? rel->tuples : DEFAULT_TABLE_ROWS;
	rel->tuples = state->table_rows;
	rel->fdw_private = state;

	set_baserel_size_estimates(root, rel);
	if (has_condition_on(state->conditions, COLUMN_AGGREGATE_ID))
		rel->rows = clamp_row_est(rows_of_aggregate(root, rel, state->conditions));
}

/* Cost of reading so many items in pages. */
static Cost
reading_cost(const RelOptInfo *rel, double items)
{
	double		bytes = items * (rel->reltarget->width + ITEM_OVERHEAD_BYTES);
	double		pages = Max(ceil(bytes / PAGE_BYTES), 1);

	return pages * REQUEST_COST + items * (ITEM_COST + cpu_tuple_cost + rel->baserestrictcost.per_tuple);
}

static void
add_scan_path(PlannerInfo *root, RelOptInfo *rel, ReadPath read_path, double items, List *pathkeys, bool backward)
{
	RelationState *state = rel->fdw_private;
	ScanPlan   *plan = palloc0(sizeof(ScanPlan));
	Cost		startup_cost = REQUEST_COST + rel->baserestrictcost.startup + rel->reltarget->cost.startup;
	Cost		total_cost = startup_cost + reading_cost(rel, items) + rel->reltarget->cost.per_tuple * rel->rows;

	plan->path = read_path;
	plan->backward = backward;
	plan->consistent = state->options.consistent_read && read_path != READ_INDEX;
	add_path(rel, (Path *) compat_foreignscan_path(root, rel, rel->rows, startup_cost, total_cost, pathkeys,
												   rel->lateral_relids, list_make1(plan)));
}

/* The first wanted path key, if it orders by an integer column; NIL otherwise. */
static List *
pathkeys_by_column(PlannerInfo *root, RelOptInfo *rel, const Column *column)
{
	PathKey    *pathkey;
	Var		   *var;

	if (column == NULL || root->query_pathkeys == NIL)
		return NIL;
	pathkey = linitial(root->query_pathkeys);
	if (pathkey->pk_opfamily != lookup_type_cache(column->type, TYPECACHE_BTREE_OPFAMILY)->btree_opf
		|| pathkey->pk_eclass->ec_has_volatile)
		return NIL;
	var = makeVar(rel->relid, column->attnum, column->type, column->typmod, InvalidOid, 0);
	if (find_ec_member_matching_expr(pathkey->pk_eclass, (Expr *) var, rel->relids) == NULL)
		return NIL;
	return list_make1(pathkey);
}

/* A path in key order: the wanted direction if that order is wanted, ascending otherwise. */
static void
add_query_path(PlannerInfo *root, RelOptInfo *rel, ReadPath read_path, double items, List *pathkeys)
{
	bool		backward = pathkeys != NIL && compat_pathkey_descends(linitial(pathkeys));

	add_scan_path(root, rel, read_path, items, pathkeys, backward);
}

/* Items that the key condition alone selects. */
static double
items_selected(PlannerInfo *root, RelOptInfo *rel, List *conditions, double items)
{
	List	   *clauses = NIL;
	ListCell   *cell;

	foreach(cell, conditions)
	{
		KeyCondition *condition = lfirst(cell);

		if (condition->role != COLUMN_AGGREGATE_ID)
			clauses = lappend(clauses, condition->clause);
	}
	return clamp_row_est(items * clauselist_selectivity(root, clauses, rel->relid, JOIN_INNER, NULL));
}

void
plan_paths(PlannerInfo *root, RelOptInfo *rel, Oid relation)
{
	RelationState *state = rel->fdw_private;
	bool		has_aggregate = has_condition_on(state->conditions, COLUMN_AGGREGATE_ID);
	List	   *by_commit_id = pathkeys_by_column(root, rel, state->map->by_role[COLUMN_COMMIT_ID]);

	if (has_aggregate)
	{
		List	   *by_version = pathkeys_by_column(root, rel, state->map->by_role[COLUMN_VERSION]);
		List	   *sent = pushdown_for_path(state->conditions, READ_AGGREGATE);

		add_query_path(root, rel, READ_AGGREGATE, items_selected(root, rel, sent, ROWS_OF_AGGREGATE), by_version);
	}
	if (has_condition_on(state->conditions, COLUMN_COMMIT_ID) || by_commit_id != NIL)
	{
		List	   *sent = pushdown_for_path(state->conditions, READ_INDEX);

		add_query_path(root, rel, READ_INDEX, items_selected(root, rel, sent, state->table_rows), by_commit_id);
	}
	if (!has_aggregate)
		add_scan_path(root, rel, READ_SCAN, state->table_rows, NIL, false);
}

/* The columns that the plan's output and its local conditions look at. */
static List *
attnums_needed(RelOptInfo *rel, const ColumnMap *map, List *local_clauses)
{
	Bitmapset  *used = NULL;
	List	   *attnums = NIL;
	bool		all;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &used);
	pull_varattnos((Node *) local_clauses, rel->relid, &used);
	all = bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, used);
	for (int i = 0; i < map->natts; i++)
		if (map->columns[i] != NULL
			&& (all || bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, used)))
			attnums = lappend_int(attnums, i + 1);
	return attnums;
}

ForeignScan *
plan_scan(PlannerInfo *root, RelOptInfo *rel, Oid relation, ForeignPath *path, List *tlist, List *clauses,
		  Plan *outer_plan)
{
	RelationState *state = rel->fdw_private;
	ScanPlan	plan = *(ScanPlan *) linitial(path->fdw_private);
	List	   *sent = pushdown_for_path(state->conditions, plan.path);
	List	   *sent_clauses = NIL;
	List	   *recheck = NIL;
	List	   *local = NIL;
	List	   *values = NIL;
	ListCell   *cell;

	foreach(cell, sent)
	{
		KeyCondition *condition = lfirst(cell);

		plan.condition_roles = lappend_int(plan.condition_roles, condition->role);
		plan.condition_strategies = lappend_int(plan.condition_strategies, condition->strategy);
		values = lappend(values, condition->value);
		sent_clauses = lappend(sent_clauses, condition->clause);
	}
	foreach(cell, clauses)
	{
		RestrictInfo *clause = lfirst_node(RestrictInfo, cell);

		if (clause->pseudoconstant)
			continue;
		if (list_member_ptr(sent_clauses, clause))
			recheck = lappend(recheck, clause->clause);
		else if (!pushdown_is_implied(clause, rel->relid, state->map, plan.path))
			local = lappend(local, clause->clause);
	}
	plan.attnums = attnums_needed(rel, state->map, local);
	return make_foreignscan(tlist, local, rel->relid, values, scan_plan_to_list(&plan), NIL, recheck, outer_plan);
}
