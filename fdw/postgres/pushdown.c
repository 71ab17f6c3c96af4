/*
 * pushdown.c: may DynamoDB decide this condition?
 *
 * Only where it means exactly the same there. Equality of an aggregate id needs a deterministic collation, under which equal texts are equal
 * bytes. Order exists for version and commit id alone: both are integers here and numbers there. A value may be anything that does not
 * change during the statement and does not look at the table itself; it is evaluated when the scan starts.
 *
 * What is sent with the path that is chosen is plan.c's, the range that the values make is scan.c's.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "postgres/compat.h"
#include "postgres/pushdown.h"

/* The column that an expression is, or NULL; varchar columns come as text under a RelabelType. */
static Column *
column_of(Node *node, Index relid, const ColumnMap *map)
{
	Var		   *var;

	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (!IsA(node, Var))
		return NULL;
	var = (Var *) node;
	if (var->varno != (int) relid || var->varlevelsup != 0 || var->varattno <= 0)
		return NULL;
	return map->columns[var->varattno - 1];
}

static bool
contains_subplan(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan))
		return true;
	return expression_tree_walker(node, contains_subplan, context);
}

static bool
is_usable_value(Node *node)
{
	return !contain_var_clause(node) && !contain_volatile_functions(node) && !contains_subplan(node, NULL);
}

static bool
is_integer_type(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* What the operator compares, in terms of the column's own order; 0 where that says nothing. */
static StrategyNumber
strategy_of(Oid operator, const Column *column)
{
	return get_op_opfamily_strategy(operator, lookup_type_cache(column->type, TYPECACHE_BTREE_OPFAMILY)->btree_opf);
}

static bool
is_sendable(const Column *column, StrategyNumber strategy, const Expr *value, Oid collation)
{
	Oid			type = exprType((const Node *) value);

	switch (column->role)
	{
		case COLUMN_AGGREGATE_ID:
			if (strategy != BTEqualStrategyNumber)
				return false;
			if (column->kind == KIND_UUID)
				return type == UUIDOID;
			return (type == TEXTOID || type == VARCHAROID)
				&& OidIsValid(collation) && get_collation_isdeterministic(collation);
		case COLUMN_VERSION:
		case COLUMN_COMMIT_ID:
			return strategy != InvalidStrategy && is_integer_type(type);
		default:
			return false;
	}
}

static KeyCondition *
key_condition_new(RestrictInfo *clause, Index relid, const ColumnMap *map)
{
	OpExpr	   *operation = (OpExpr *) clause->clause;
	Oid			operator;
	Column	   *column;
	Node	   *value;
	StrategyNumber strategy;
	KeyCondition *condition;

	if (!IsA(operation, OpExpr) || list_length(operation->args) != 2 || clause->pseudoconstant)
		return NULL;
	operator = operation->opno;
	column = column_of(linitial(operation->args), relid, map);
	value = lsecond(operation->args);
	if (column == NULL)
	{
		column = column_of(lsecond(operation->args), relid, map);
		value = linitial(operation->args);
		operator = get_commutator(operator);
	}
	if (column == NULL || !OidIsValid(operator) || !is_usable_value(value))
		return NULL;
	strategy = strategy_of(operator, column);
	if (!is_sendable(column, strategy, (Expr *) value, operation->inputcollid))
		return NULL;

	condition = palloc(sizeof(KeyCondition));
	condition->role = column->role;
	condition->strategy = strategy;
	condition->value = (Expr *) value;
	condition->clause = clause;
	return condition;
}

List *
pushdown_key_conditions(RelOptInfo *rel, const ColumnMap *map)
{
	List	   *conditions = NIL;
	ListCell   *cell;

	foreach(cell, rel->baserestrictinfo)
	{
		KeyCondition *condition = key_condition_new(lfirst_node(RestrictInfo, cell), rel->relid, map);

		if (condition != NULL)
			conditions = lappend(conditions, condition);
	}
	return conditions;
}

List *
pushdown_for_path(List *conditions, ReadPath path)
{
	List	   *chosen = NIL;
	bool		has_aggregate = false;
	ListCell   *cell;

	foreach(cell, conditions)
	{
		KeyCondition *condition = lfirst(cell);

		/* A second value for aggregate_id stays a local filter. */
		if (path == READ_AGGREGATE && condition->role == COLUMN_AGGREGATE_ID && !has_aggregate)
		{
			has_aggregate = true;
			chosen = lcons(condition, chosen);
		}
		else if ((path == READ_AGGREGATE && condition->role == COLUMN_VERSION)
				 || (path == READ_INDEX && condition->role == COLUMN_COMMIT_ID))
			chosen = lappend(chosen, condition);
	}
	return chosen;
}

bool
pushdown_is_implied(const RestrictInfo *clause, Index relid, const ColumnMap *map, ReadPath path)
{
	NullTest   *test = (NullTest *) clause->clause;
	Column	   *column;

	if (!IsA(test, NullTest) || test->nulltesttype != IS_NOT_NULL || test->argisrow)
		return false;
	column = column_of((Node *) test->arg, relid, map);
	return column != NULL
		&& (column->role == COLUMN_AGGREGATE_ID || column->role == COLUMN_VERSION
			|| (column->role == COLUMN_COMMIT_ID && path == READ_INDEX));
}
