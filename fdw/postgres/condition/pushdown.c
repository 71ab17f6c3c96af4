/*
 * pushdown.c: may DynamoDB decide this condition?
 *
 * Only where it means exactly the same there. Equality of an aggregate id needs a deterministic collation, under
 * which equal texts are equal bytes. Order exists for version and commit id alone: both are integers here and numbers
 * there. A value may be anything that does not change during the statement and does not look at the table itself; it
 * is evaluated when the scan starts.
 *
 * What is sent with the path that is chosen is plan.c's, the range that the values make is scan.c's.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "postgres/condition/clause.h"
#include "postgres/condition/pushdown.h"

static bool
is_column_of(Node *node, void *relid)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varno == (int) *(const Index *) relid && ((Var *) node)->varlevelsup == 0)
		return true;
	return expression_tree_walker(node, is_column_of, relid);
}

/* Columns of other relations are fine: a parameterized path gets them as parameters. */
static bool
is_usable_value(Node *node, Index relid)
{
	return !is_column_of(node, &relid) && clause_is_stable(node);
}

static bool
is_sendable(const Column *column, StrategyNumber strategy, Oid value_type, Oid collation)
{
	switch (column->role)
	{
		case COLUMN_AGGREGATE_ID:
			if (strategy != BTEqualStrategyNumber)
				return false;
			if (column->kind == KIND_UUID)
				return value_type == UUIDOID;
			return (value_type == TEXTOID || value_type == VARCHAROID)
				&& OidIsValid(collation) && get_collation_isdeterministic(collation);
		case COLUMN_VERSION:
		case COLUMN_COMMIT_ID:
			return strategy != InvalidStrategy && strategy != NOT_EQUAL_STRATEGY && clause_is_integer_type(value_type);
		default:
			return false;
	}
}

static KeyCondition *
key_condition_new(Column *column, StrategyNumber strategy, bool is_array, Node *value, RestrictInfo *clause)
{
	KeyCondition *condition = palloc(sizeof(KeyCondition));

	condition->role = column->role;
	condition->strategy = strategy;
	condition->is_array = is_array;
	condition->value = (Expr *) value;
	condition->clause = clause;
	return condition;
}

/* column OP value, or value OP column; NULL where it is anything else. */
static KeyCondition *
match_operation(const OpExpr *operation, RestrictInfo *clause, Index relid, const ColumnMap *map)
{
	Oid			operator = operation->opno;
	Column	   *column;
	Node	   *value;
	StrategyNumber strategy;

	if (!IsA(operation, OpExpr) || list_length(operation->args) != 2)
		return NULL;
	column = clause_column(linitial(operation->args), relid, map);
	value = lsecond(operation->args);
	if (column == NULL)
	{
		column = clause_column(lsecond(operation->args), relid, map);
		value = linitial(operation->args);
		operator = get_commutator(operator);
	}
	if (column == NULL || !OidIsValid(operator) || !is_usable_value(value, relid))
		return NULL;
	strategy = clause_strategy(operator, column);
	if (!is_sendable(column, strategy, exprType(value), operation->inputcollid))
		return NULL;
	return key_condition_new(column, strategy, false, value, clause);
}

/* column = value OR column = value OR …: the values as an array. */
static KeyCondition *
match_or(RestrictInfo *clause, Index relid, const ColumnMap *map)
{
	ArrayExpr  *array = makeNode(ArrayExpr);
	KeyCondition *first = NULL;
	ListCell   *cell;

	foreach(cell, ((BoolExpr *) clause->clause)->args)
	{
		KeyCondition *one = match_operation(lfirst(cell), clause, relid, map);

		if (one == NULL || one->strategy != BTEqualStrategyNumber)
			return NULL;
		if (first == NULL)
			first = one;
		if (one->role != first->role || exprType((Node *) one->value) != exprType((Node *) first->value))
			return NULL;
		array->elements = lappend(array->elements, one->value);
	}
	array->element_typeid = exprType((Node *) first->value);
	array->array_typeid = get_array_type(array->element_typeid);
	array->array_collid = exprCollation((Node *) first->value);
	array->location = -1;
	first->is_array = true;
	first->value = (Expr *) array;
	return first;
}

/* column = ANY (array), which IN is too. */
static KeyCondition *
match_any(RestrictInfo *clause, Index relid, const ColumnMap *map)
{
	ScalarArrayOpExpr *operation = (ScalarArrayOpExpr *) clause->clause;
	Column	   *column = clause_column(linitial(operation->args), relid, map);
	Node	   *array = lsecond(operation->args);
	StrategyNumber strategy;

	if (!operation->useOr || column == NULL || !is_usable_value(array, relid))
		return NULL;
	strategy = clause_strategy(operation->opno, column);
	if (strategy != BTEqualStrategyNumber
		|| !is_sendable(column, strategy, get_element_type(exprType(array)), operation->inputcollid))
		return NULL;
	return key_condition_new(column, strategy, true, array, clause);
}

List *
pushdown_key_conditions(List *clauses, Index relid, const ColumnMap *map)
{
	List	   *conditions = NIL;
	ListCell   *cell;

	foreach(cell, clauses)
	{
		RestrictInfo *clause = lfirst_node(RestrictInfo, cell);
		KeyCondition *condition = NULL;

		if (clause->pseudoconstant)
			continue;
		if (IsA(clause->clause, OpExpr))
			condition = match_operation((OpExpr *) clause->clause, clause, relid, map);
		else if (is_orclause(clause->clause))
			condition = match_or(clause, relid, map);
		else if (IsA(clause->clause, ScalarArrayOpExpr))
			condition = match_any(clause, relid, map);
		if (condition != NULL)
			conditions = lappend(conditions, condition);
	}
	return conditions;
}

KeyCondition *
pushdown_aggregate_condition(List *conditions)
{
	KeyCondition *found = NULL;
	ListCell   *cell;

	/* A single value before an array: it leaves less. */
	foreach(cell, conditions)
	{
		KeyCondition *condition = lfirst(cell);

		if (condition->role == COLUMN_AGGREGATE_ID && (found == NULL || (found->is_array && !condition->is_array)))
			found = condition;
	}
	return found;
}

List *
pushdown_for_path(List *conditions, ReadPath path)
{
	List	   *chosen = NIL;
	KeyCondition *aggregate = pushdown_aggregate_condition(conditions);
	ListCell   *cell;

	/* A second condition on aggregate_id stays a local filter. */
	if (path == READ_AGGREGATE && aggregate != NULL)
		chosen = list_make1(aggregate);
	foreach(cell, conditions)
	{
		KeyCondition *condition = lfirst(cell);

		if ((path == READ_AGGREGATE && condition->role == COLUMN_VERSION)
			|| (path == READ_INDEX && condition->role == COLUMN_COMMIT_ID))
			chosen = lappend(chosen, condition);
	}
	return chosen;
}

Column *
pushdown_sort_column(const ColumnMap *map, ReadPath path)
{
	switch (path)
	{
		case READ_AGGREGATE:
			return map->by_role[COLUMN_VERSION];
		case READ_INDEX:
			return map->by_role[COLUMN_COMMIT_ID];
		case READ_SCAN:
			break;
	}
	return NULL;
}

bool
pushdown_key_is_exact(const ColumnMap *map, ColumnRole role, ReadPath path, bool ordered)
{
	const Column *column = map->by_role[role];

	if (!map->replaces_unreadable)
		return true;
	if (role == COLUMN_AGGREGATE_ID)
		return column->kind == KIND_TEXT && column->typmod < 0;
	return ordered && column == pushdown_sort_column(map, path);
}

bool
pushdown_is_implied(const RestrictInfo *clause, Index relid, const ColumnMap *map, ReadPath path, bool ordered)
{
	NullTest   *test = (NullTest *) clause->clause;
	Column	   *column;

	if (!IsA(test, NullTest) || test->nulltesttype != IS_NOT_NULL || test->argisrow)
		return false;
	column = clause_column((Node *) test->arg, relid, map);
	return column != NULL
		&& (column->role == COLUMN_AGGREGATE_ID || column->role == COLUMN_VERSION
			|| (column->role == COLUMN_COMMIT_ID && path == READ_INDEX))
		&& pushdown_key_is_exact(map, column->role, path, ordered);
}
