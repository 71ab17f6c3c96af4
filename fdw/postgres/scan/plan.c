/*
 * plan.c: along which path is the table read, and what does that cost?
 *
 * Three paths: aggregates (Query on the table), ranges of commit ids (Query on the index), everything (Scan). A range may be one
 * that conditions on committed_at leave; to find it takes a few requests. Costs
 * are in the planner's units, a request counting as much as reading a few hundred rows locally; a Scan reads and
 * bills the whole table whatever it returns, so it is taken when there is nothing else, or when it costs less than
 * many queries of a join.
 */
#include "postgres.h"

#include <math.h>

#include "access/sysattr.h"
#include "access/table.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "postgres/core/compat.h"
#include "postgres/scan/key_count.h"
#include "postgres/scan/limit.h"
#include "postgres/scan/plan.h"
#include "postgres/scan/time_cost.h"

/* Without statistics. */
#define DEFAULT_TABLE_ROWS 100000
#define ROWS_OF_AGGREGATE 20

#define REQUEST_COST 25.0		/* waiting for one round trip */
#define PROBE_COST 10.0			/* likewise, for one item, which is the cheapest of all to bill */
#define PARALLEL_REQUEST_COST 5.0	/* a request beside others */
#define ITEM_COST 0.02			/* receiving and parsing one item */
#define PAGE_BYTES (1024.0 * 1024.0)	/* DynamoDB's limit for one page */
#define ITEM_OVERHEAD_BYTES 200.0	/* of an item, beside the columns' own widths */

/*
 * Rows that a list of clauses leaves of those that a condition on aggregate_id selects, when nothing is known about
 * the data.
 */
static double
guess_rows(PlannerInfo *root, RelOptInfo *rel, List *clauses, const KeyCondition *aggregate)
{
	List	   *others = list_delete_ptr(list_copy(clauses), aggregate->clause);

	return clamp_row_est(key_count_aggregates(aggregate) * ROWS_OF_AGGREGATE
						 * clauselist_selectivity(root, others, rel->relid, JOIN_INNER, NULL));
}

/* A page is cut by whole items, whatever is fetched of them. */
static double
item_bytes(const ColumnMap *map, Oid relation_oid)
{
	double		bytes = ITEM_OVERHEAD_BYTES;

	for (int i = 0; i < map->natts; i++)
	{
		const Column *column = map->columns[i];
		int32		width = column != NULL ? get_attavgwidth(relation_oid, column->attnum) : 0;

		if (column != NULL)
			bytes += width > 0 ? width : get_typavgwidth(column->type, column->typmod);
	}
	return bytes;
}

void
plan_rel_size(PlannerInfo *root, RelOptInfo *rel, Oid relation_oid)
{
	RelationState *state = palloc0(sizeof(RelationState));
	Relation	relation = table_open(relation_oid, NoLock);
	KeyCondition *aggregate;

	state->map = column_map_new(relation);
	state->options = options_of_table(relation_oid);
	state->map->replaces_unreadable = state->options.replaces_unreadable;
	/* A feed is complete up to a position: it is never narrowed by anything but ids. */
	state->map->times_have_slack = state->options.committed_at_slack_ms >= 0 && !state->options.is_feed;
	table_close(relation, NoLock);
	state->conditions = pushdown_key_conditions(rel->baserestrictinfo, rel->relid, state->map);
	state->analyzed = rel->tuples > 0;
	state->table_rows = state->analyzed ? rel->tuples : DEFAULT_TABLE_ROWS;
	state->item_bytes = item_bytes(state->map, relation_oid);
	rel->tuples = state->table_rows;
	rel->fdw_private = state;

	set_baserel_size_estimates(root, rel);
	aggregate = pushdown_aggregate_condition(state->conditions);
	if (aggregate != NULL && !state->analyzed)
		rel->rows = guess_rows(root, rel, rel->baserestrictinfo, aggregate);
}

static double
page_count(const RelOptInfo *rel, double items)
{
	const RelationState *state = rel->fdw_private;

	return Max(ceil(items * state->item_bytes / PAGE_BYTES), 1);
}

Cost
plan_reading_cost(const RelOptInfo *rel, double items, double streams)
{
	double		pages = Max(page_count(rel, items), streams);

	return REQUEST_COST + (pages - 1) * (streams > 1 ? PARALLEL_REQUEST_COST : REQUEST_COST)
		+ items * (ITEM_COST + cpu_tuple_cost + rel->baserestrictcost.per_tuple);
}

/* Items that a key condition alone selects, and that are therefore read. */
static double
items_read(PlannerInfo *root, RelOptInfo *rel, const RelationState *state, List *conditions)
{
	KeyCondition *aggregate = pushdown_aggregate_condition(conditions);
	List	   *clauses = NIL;
	ListCell   *cell;

	foreach(cell, conditions)
	{
		KeyCondition *condition = lfirst(cell);

		if (condition->role == COLUMN_COMMITTED_AT)
			clauses = list_concat(clauses, time_cost_clauses(root, rel, state->map->by_role[COLUMN_COMMITTED_AT], condition,
															 state->options.committed_at_slack_ms));
		else
			clauses = lappend(clauses, condition->clause);
	}
	if (aggregate != NULL && !state->analyzed)
		return guess_rows(root, rel, clauses, aggregate);
	return clamp_row_est(Min(state->table_rows * clauselist_selectivity(root, clauses, rel->relid, JOIN_INNER, NULL)
							 + time_cost_commits(pushdown_of_time(conditions)), state->table_rows));
}

/* Before the first item of a path can be asked for. */
static Cost
finding_cost(List *conditions)
{
	return time_cost_requests(pushdown_of_time(conditions)) * PROBE_COST;
}

bool
plan_time_pays(PlannerInfo *root, RelOptInfo *rel)
{
	const RelationState *state = rel->fdw_private;
	List	   *of_time = pushdown_of_time(state->conditions);
	List	   *of_index = pushdown_for_path(state->conditions, READ_INDEX);
	List	   *both = list_concat_copy(of_index, of_time);
	double		streams = of_index == NIL ? plan_segments(rel) : 1;

	return of_time != NIL && finding_cost(both) + plan_reading_cost(rel, items_read(root, rel, state, both), 1)
		< plan_reading_cost(rel, items_read(root, rel, state, of_index), streams);
}

/*
 * As many segments as a Scan has pages, by the statistics; without them one, so that a small table costs one request.
 */
int
plan_segments(const RelOptInfo *rel)
{
	const RelationState *state = rel->fdw_private;

	if (!state->analyzed)
		return 1;
	return (int) Min(page_count(rel, state->table_rows), state->options.scan_segments);
}

static void
add_choice(PlannerInfo *root, RelOptInfo *rel, ReadPath read_path, List *conditions, List *pathkeys,
		   ParamPathInfo *param_info)
{
	RelationState *state = rel->fdw_private;
	ScanPlan   *plan = palloc0(sizeof(ScanPlan));
	KeyCondition *aggregate = pushdown_aggregate_condition(conditions);
	double		rows = param_info != NULL ? param_info->ppi_rows : rel->rows;
	double		single_keys = read_path == READ_AGGREGATE ? key_count_single(conditions) : 0;
	double		streams = 1;
	Cost		startup_cost = REQUEST_COST + rel->baserestrictcost.startup + rel->reltarget->cost.startup;
	Cost		reading_cost;
	Cost		total_cost;

	plan->path = read_path;
	plan->is_feed = state->options.is_feed;
	plan->ordered = pathkeys != NIL;
	plan->backward = pathkeys != NIL && compat_pathkey_descends(linitial(pathkeys));
	plan->consistent = state->options.consistent_read && read_path != READ_INDEX;
	plan->by_keys = single_keys > 0 && pathkeys == NIL;
	plan->spans_gaps = state->analyzed && !plan->is_feed && root->tuple_fraction == 0 && key_count_has_list(conditions);
	plan->item_bytes = state->analyzed ? (int) Min(state->item_bytes, MAX_ITEM_BYTES) : 0;
	plan->by_time = pushdown_of_time(conditions) != NIL;
	plan->segments = read_path == READ_SCAN ? plan_segments(rel) : 0;
	if (read_path == READ_SCAN)
		streams = plan->segments;
	else if (single_keys > 0)
		streams = plan->by_keys ? ceil(single_keys / BATCH_GET_MOST_KEYS) : single_keys;
	else if (read_path == READ_AGGREGATE && aggregate != NULL)
		streams = key_count_aggregates(aggregate);

	startup_cost += finding_cost(conditions);
	reading_cost = plan_reading_cost(rel, items_read(root, rel, state, conditions), streams);
	total_cost = startup_cost + reading_cost + rel->reltarget->cost.per_tuple * rows;
	if (read_path == READ_INDEX && plan->ordered && !plan->by_time)
		startup_cost += reading_cost * time_cost_passed(root, rel, pushdown_of_time(state->conditions), plan->backward);
	add_path(rel, (Path *) compat_foreignscan_path(root, rel, rows, startup_cost, total_cost, pathkeys,
												   param_info != NULL ? param_info->ppi_req_outer : rel->lateral_relids,
												   list_make1(plan)));
}

static bool
orders_by_column(const EquivalenceClass *class, Oid opfamily, RelOptInfo *rel, const Column *column)
{
	Var		   *var;

	if (class->ec_has_volatile || opfamily != lookup_type_cache(column->type, TYPECACHE_BTREE_OPFAMILY)->btree_opf)
		return false;
	var = makeVar(rel->relid, column->attnum, column->type, column->typmod, InvalidOid, 0);
	return find_ec_member_matching_expr((EquivalenceClass *) class, (Expr *) var, rel->relids) != NULL;
}

/* The first path key that the query wants, if it orders by that column; NIL otherwise. */
static List *
wanted_pathkeys(PlannerInfo *root, RelOptInfo *rel, const Column *column)
{
	PathKey    *pathkey;

	if (column == NULL || root->query_pathkeys == NIL)
		return NIL;
	pathkey = linitial(root->query_pathkeys);
	return orders_by_column(pathkey->pk_eclass, pathkey->pk_opfamily, rel, column) ? list_make1(pathkey) : NIL;
}

/* Ascending order by that column, where a merge join can use it; NIL otherwise. */
static List *
merge_pathkeys(PlannerInfo *root, RelOptInfo *rel, const Column *column)
{
	Oid			opfamily;
	ListCell   *cell;

	if (column == NULL || !rel->has_eclass_joins)
		return NIL;
	opfamily = lookup_type_cache(column->type, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	foreach(cell, root->eq_classes)
	{
		EquivalenceClass *class = lfirst(cell);

		if (eclass_useful_for_merging(root, class, rel)
			&& list_member_oid(class->ec_opfamilies, opfamily)
			&& orders_by_column(class, opfamily, rel, column))
			return list_make1(compat_ascending_pathkey(root, class, opfamily));
	}
	return NIL;
}

static bool
is_feed(const RelOptInfo *rel)
{
	return ((RelationState *) rel->fdw_private)->options.is_feed;
}

/* A path as it comes, and one for each order that is good for something. */
static void
add_ordered_choices(PlannerInfo *root, RelOptInfo *rel, ReadPath read_path, List *conditions, const Column *column,
					bool has_order)
{
	List	   *wanted = has_order ? wanted_pathkeys(root, rel, column) : NIL;
	List	   *merge = has_order ? merge_pathkeys(root, rel, column) : NIL;

	/* A feed is read upwards, from where everything before is settled. */
	if (wanted != NIL && is_feed(rel) && compat_pathkey_descends(linitial(wanted)))
		wanted = NIL;
	if (wanted != NIL)
		add_choice(root, rel, read_path, conditions, wanted, NULL);
	if (merge != NIL && (wanted == NIL || linitial(merge) != linitial(wanted)))
		add_choice(root, rel, read_path, conditions, merge, NULL);
	if (wanted == NIL && (conditions != NIL || is_feed(rel)))
		add_choice(root, rel, read_path, conditions, NIL, NULL);
}

static void
add_index_choices(PlannerInfo *root, RelOptInfo *rel, List *conditions)
{
	const RelationState *state = rel->fdw_private;

	add_ordered_choices(root, rel, READ_INDEX, conditions, state->map->by_role[COLUMN_COMMIT_ID], true);
}

static void
add_plain_paths(PlannerInfo *root, RelOptInfo *rel)
{
	RelationState *state = rel->fdw_private;
	KeyCondition *aggregate = pushdown_aggregate_condition(state->conditions);
	List	   *of_index = pushdown_for_path(state->conditions, READ_INDEX);
	List	   *of_time = pushdown_of_time(state->conditions);

	if (is_feed(rel))
	{
		add_index_choices(root, rel, of_index);
		return;
	}
	/* Never the index for an aggregate, whatever it costs: it lacks what was appended a moment ago. */
	if (aggregate != NULL)
	{
		add_ordered_choices(root, rel, READ_AGGREGATE, pushdown_for_path(state->conditions, READ_AGGREGATE),
							state->map->by_role[COLUMN_VERSION], pushdown_is_one_comparison(aggregate));
		return;
	}
	add_index_choices(root, rel, of_index);
	if (of_time != NIL)
		add_index_choices(root, rel, list_concat_copy(of_index, of_time));
	add_choice(root, rel, READ_SCAN, NIL, NIL, NULL);
}

static bool
is_key_column(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *class, EquivalenceMember *member, void *arg)
{
	Column	   *column = arg;
	Node	   *node = (Node *) member->em_expr;

	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return IsA(node, Var) && ((Var *) node)->varno == (int) rel->relid && ((Var *) node)->varattno == column->attnum;
}

/* Remembers the relations that a join clause takes its value from, if it is a key condition. */
static List *
add_param_info(PlannerInfo *root, RelOptInfo *rel, RestrictInfo *clause, List *param_infos)
{
	RelationState *state = rel->fdw_private;
	Relids		outer;

	if (!join_clause_is_movable_to(clause, rel)
		|| pushdown_key_conditions(list_make1(clause), rel->relid, state->map) == NIL)
		return param_infos;
	outer = bms_del_members(bms_union(clause->clause_relids, rel->lateral_relids), rel->relids);
	if (bms_is_empty(outer))
		return param_infos;
	return list_append_unique_ptr(param_infos, get_baserel_parampathinfo(root, rel, outer));
}

/* Every set of relations whose columns could parameterize a Query. */
static List *
param_infos_of(PlannerInfo *root, RelOptInfo *rel)
{
	static const ColumnRole keys[] = {COLUMN_AGGREGATE_ID, COLUMN_VERSION, COLUMN_COMMIT_ID, COLUMN_COMMITTED_AT};
	RelationState *state = rel->fdw_private;
	List	   *param_infos = NIL;
	ListCell   *cell;

	foreach(cell, rel->joininfo)
		param_infos = add_param_info(root, rel, lfirst_node(RestrictInfo, cell), param_infos);
	for (size_t i = 0; i < lengthof(keys) && rel->has_eclass_joins; i++)
	{
		Column	   *column = state->map->by_role[keys[i]];
		List	   *clauses = column == NULL ? NIL
			: generate_implied_equalities_for_column(root, rel, is_key_column, column, rel->lateral_referencers);

		foreach(cell, clauses)
			param_infos = add_param_info(root, rel, lfirst_node(RestrictInfo, cell), param_infos);
	}
	return param_infos;
}

static bool
has_join_condition(List *conditions, List *join_clauses)
{
	ListCell   *cell;

	foreach(cell, conditions)
		if (list_member_ptr(join_clauses, ((KeyCondition *) lfirst(cell))->clause))
			return true;
	return false;
}

/* A Query for each row of the outer side of a nested loop. */
static void
add_parameterized_paths(PlannerInfo *root, RelOptInfo *rel, ParamPathInfo *param_info)
{
	RelationState *state = rel->fdw_private;
	List	   *clauses = list_concat_copy(rel->baserestrictinfo, param_info->ppi_clauses);
	List	   *conditions = pushdown_key_conditions(clauses, rel->relid, state->map);
	List	   *of_index = pushdown_for_path(conditions, READ_INDEX);
	List	   *with_time = list_concat_copy(of_index, pushdown_of_time(conditions));
	KeyCondition *aggregate = pushdown_aggregate_condition(conditions);

	if (aggregate != NULL)
	{
		List	   *of_aggregate = pushdown_for_path(conditions, READ_AGGREGATE);

		if (!state->analyzed)
			param_info->ppi_rows = Min(param_info->ppi_rows, guess_rows(root, rel, clauses, aggregate));
		if (has_join_condition(of_aggregate, param_info->ppi_clauses))
			add_choice(root, rel, READ_AGGREGATE, of_aggregate, NIL, param_info);
	}
	else
	{
		if (has_join_condition(of_index, param_info->ppi_clauses))
			add_choice(root, rel, READ_INDEX, of_index, NIL, param_info);
		if (list_length(with_time) > list_length(of_index) && has_join_condition(with_time, param_info->ppi_clauses))
			add_choice(root, rel, READ_INDEX, with_time, NIL, param_info);
	}
}

void
plan_paths(PlannerInfo *root, RelOptInfo *rel, Oid relation)
{
	ListCell   *cell;

	add_plain_paths(root, rel);
	/* Nor by the values of a join: each would be a prefix of its own. */
	if (is_feed(rel))
		return;
	foreach(cell, param_infos_of(root, rel))
		add_parameterized_paths(root, rel, lfirst(cell));
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
	ScanPlan	plan;
	List	   *values = NIL;
	List	   *recheck = NIL;
	List	   *local;

	plan = *(ScanPlan *) linitial(path->fdw_private);
	local = send_clauses(rel, state, clauses, &plan, &values, &recheck);
	plan.first_rows = limit_first_rows(root);
	plan.attnums = attnums_needed(rel, state->map, local);
	return make_foreignscan(tlist, local, rel->relid, values, scan_plan_to_list(&plan), NIL, recheck, outer_plan);
}
