/*
 * pushdown.c: may DynamoDB decide this condition?
 *
 * Only where it means exactly the same there. Equality of an aggregate id needs a deterministic collation, under
 * which equal texts are equal bytes. Order exists for version and commit id alone: both are integers here and numbers
 * there. A value may be anything that does not change during the statement and does not look at the table itself; it
 * is evaluated when the scan starts.
 *
 * Conditions on committed_at are no key conditions. But where the table's times rise with the ids, but for a slack, they
 * leave a range of ids, which is found before anything is read; so they are always weaker than their clauses.
 *
 * What is sent with the path that is chosen is plan.c's, the range that the values make is scan.c's.
 */
#include "postgres.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "utils/lsyscache.h"

#include "postgres/condition/arms.h"
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

/* The column, or NULL, that a side of an operator is; *compared_as: its type, or the one that it is converted to before. */
static Column *
key_column(Node *node, Index relid, const ColumnMap *map, Oid *compared_as)
{
	Column	   *column = clause_column(node, relid, map);
	FuncExpr   *conversion = (FuncExpr *) node;

	*compared_as = column != NULL ? column->type : InvalidOid;
	if (column != NULL || !IsA(node, FuncExpr) || !clause_converts_integer(conversion->funcid))
		return column;
	*compared_as = conversion->funcresulttype;
	return clause_column(linitial(conversion->args), relid, map);
}

/* Can the value be compared with the moment of a commit, as milliseconds? */
static bool
is_moment(const Column *column, Oid value_type)
{
	if (column->kind == KIND_INTEGER)
		return clause_is_integer_type(value_type);
	return value_type == TIMESTAMPTZOID || value_type == TIMESTAMPOID || value_type == DATEOID;
}

static bool
is_sendable(const ColumnMap *map, const Column *column, Oid compared_as, StrategyNumber strategy, Oid value_type, Oid collation)
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
			if (strategy == InvalidStrategy || strategy == NOT_EQUAL_STRATEGY)
				return false;
			if (compared_as == NUMERICOID)
				return value_type == NUMERICOID;
			if (compared_as == FLOAT8OID)
				return value_type == FLOAT8OID || value_type == FLOAT4OID;
			return clause_is_integer_type(value_type);
		case COLUMN_COMMITTED_AT:
			return map->times_have_slack && compared_as == column->type && strategy != InvalidStrategy
				&& strategy != NOT_EQUAL_STRATEGY && is_moment(column, value_type);
		case COLUMN_EVENTS:
		case COLUMN_EXTRA:
			break;
	}
	return false;
}

static KeyTerm *
key_term_new(const Column *column, StrategyNumber strategy, bool is_array, Node *value)
{
	KeyTerm    *term = palloc0(sizeof(KeyTerm));

	term->role = column->role;
	term->strategy = strategy;
	term->is_array = is_array;
	term->value = (Expr *) value;
	return term;
}

/* column OP value, or value OP column; NULL where it is anything else. */
static KeyTerm *
match_operation(const OpExpr *operation, Index relid, const ColumnMap *map)
{
	Oid			operator = operation->opno;
	Oid			compared_as;
	Column	   *column;
	Node	   *value;
	StrategyNumber strategy;

	if (list_length(operation->args) != 2)
		return NULL;
	column = key_column(linitial(operation->args), relid, map, &compared_as);
	value = lsecond(operation->args);
	if (column == NULL)
	{
		column = key_column(lsecond(operation->args), relid, map, &compared_as);
		value = linitial(operation->args);
		operator = get_commutator(operator);
	}
	if (column == NULL || !OidIsValid(operator) || !is_usable_value(value, relid))
		return NULL;
	strategy = clause_strategy(operator, compared_as);
	if (!is_sendable(map, column, compared_as, strategy, exprType(value), operation->inputcollid))
		return NULL;
	return key_term_new(column, strategy, false, value);
}

/* column = ANY (array), which IN is too. */
static KeyTerm *
match_any(const ScalarArrayOpExpr *operation, Index relid, const ColumnMap *map)
{
	Oid			compared_as;
	Column	   *column = key_column(linitial(operation->args), relid, map, &compared_as);
	Node	   *array = lsecond(operation->args);
	StrategyNumber strategy;

	if (!operation->useOr || column == NULL || !is_usable_value(array, relid))
		return NULL;
	strategy = clause_strategy(operation->opno, compared_as);
	if (strategy != BTEqualStrategyNumber
		|| !is_sendable(map, column, compared_as, strategy, get_element_type(exprType(array)), operation->inputcollid))
		return NULL;
	return key_term_new(column, strategy, true, array);
}

/* (aggregate_id, version) = ANY (array of rows), whose rows are not known yet. What is written out is an OR: see arms.h. */
static KeyTerm *
match_any_row(const ScalarArrayOpExpr *operation, Index relid, const ColumnMap *map)
{
	List	   *fields = castNode(RowExpr, linitial(operation->args))->args;
	Node	   *array = lsecond(operation->args);
	Column	   *columns[2];
	int			aggregate;
	KeyTerm    *term;

	if (!operation->useOr || operation->opno != RECORD_EQ_OP || list_length(fields) != 2 || !is_usable_value(array, relid))
		return NULL;
	columns[0] = IsA(linitial(fields), Var) ? clause_column(linitial(fields), relid, map) : NULL;
	columns[1] = IsA(lsecond(fields), Var) ? clause_column(lsecond(fields), relid, map) : NULL;
	if (columns[0] == NULL || columns[1] == NULL)
		return NULL;
	aggregate = columns[0]->role == COLUMN_AGGREGATE_ID ? 0 : 1;
	if (columns[aggregate]->role != COLUMN_AGGREGATE_ID || columns[1 - aggregate]->role != COLUMN_VERSION
		|| !is_sendable(map, columns[aggregate], columns[aggregate]->type, BTEqualStrategyNumber, columns[aggregate]->type,
						exprCollation(list_nth(fields, aggregate))))
		return NULL;
	term = key_term_new(columns[aggregate], BTEqualStrategyNumber, true, array);
	term->aggregate_field = aggregate + 1;
	term->aggregate_type = columns[aggregate]->type;
	term->version_type = columns[1 - aggregate]->type;
	return term;
}

/* (column, …) < (value, …): what it says of the first column. It says more, so it is to be checked here as well. */
static KeyTerm *
match_row(const RowCompareExpr *comparison, Index relid, const ColumnMap *map)
{
	Oid			compared_as;
	Column	   *column = key_column(linitial(comparison->largs), relid, map, &compared_as);
	Node	   *value = linitial(comparison->rargs);
	StrategyNumber strategy;

	if (column == NULL || !is_usable_value(value, relid))
		return NULL;
	strategy = clause_strategy(linitial_oid(comparison->opnos), compared_as);
	if (strategy == BTLessStrategyNumber)
		strategy = BTLessEqualStrategyNumber;
	if (strategy == BTGreaterStrategyNumber)
		strategy = BTGreaterEqualStrategyNumber;
	if (!is_sendable(map, column, compared_as, strategy, exprType(value), linitial_oid(comparison->inputcollids)))
		return NULL;
	return key_term_new(column, strategy, false, value);
}

/* *is_weaker: it says less than the expression. */
static KeyTerm *
match_term(Node *node, Index relid, const ColumnMap *map, bool *is_weaker)
{
	*is_weaker = IsA(node, RowCompareExpr);
	if (IsA(node, OpExpr))
		return match_operation((OpExpr *) node, relid, map);
	if (IsA(node, ScalarArrayOpExpr) && IsA(linitial(((ScalarArrayOpExpr *) node)->args), RowExpr))
		return match_any_row((ScalarArrayOpExpr *) node, relid, map);
	if (IsA(node, ScalarArrayOpExpr))
		return match_any((ScalarArrayOpExpr *) node, relid, map);
	if (IsA(node, RowCompareExpr))
		return match_row((RowCompareExpr *) node, relid, map);
	return NULL;
}

static KeyCondition *
key_condition_new(ColumnRole role, List *arms, bool is_weaker, RestrictInfo *clause)
{
	KeyCondition *condition = palloc(sizeof(KeyCondition));

	condition->role = role;
	condition->arms = arms;
	condition->is_weaker = is_weaker || role == COLUMN_COMMITTED_AT;
	condition->clause = clause;
	return condition;
}

/* May a term stand in a condition of that role? */
static bool
is_of_role(const KeyTerm *term, ColumnRole role)
{
	return term->role == role || (role == COLUMN_AGGREGATE_ID && term->role == COLUMN_VERSION);
}

/* The terms of one arm of an OR, for a condition of that role; NIL where it has none. */
static List *
match_arm(Node *arm, ColumnRole role, Index relid, const ColumnMap *map, bool *is_weaker)
{
	List	   *parts = is_andclause(arm) ? ((BoolExpr *) arm)->args : list_make1(arm);
	List	   *terms = NIL;
	int			fixing = 0;		/* terms of the role itself */
	ListCell   *cell;

	foreach(cell, parts)
	{
		bool		weaker;
		KeyTerm    *term = match_term(lfirst(cell), relid, map, &weaker);
		bool		is_taken = term != NULL && is_of_role(term, role);

		/* Two aggregates at once: one is enough to know, and the other to check. */
		if (is_taken && term->role == COLUMN_AGGREGATE_ID && (fixing > 0 || term->aggregate_field != 0))
			is_taken = false;
		*is_weaker = *is_weaker || weaker || !is_taken;
		if (!is_taken)
			continue;
		fixing += term->role == role;
		terms = lappend(terms, term);
	}
	return fixing > 0 ? terms : NIL;
}

/* aggregate_id = value OR aggregate_id = value OR …: as = ANY of an array of the values. NULL where it is more than that. */
static KeyTerm *
join_arms(List *arms)
{
	ArrayExpr  *array = makeNode(ArrayExpr);
	KeyTerm    *first = linitial(linitial(arms));
	ListCell   *cell;

	foreach(cell, arms)
	{
		KeyTerm    *term = linitial(lfirst(cell));

		if (list_length(lfirst(cell)) != 1 || term->is_array || term->strategy != BTEqualStrategyNumber
			|| exprType((Node *) term->value) != exprType((Node *) first->value))
			return NULL;
		array->elements = lappend(array->elements, term->value);
	}
	array->element_typeid = exprType((Node *) first->value);
	array->array_typeid = get_array_type(array->element_typeid);
	array->array_collid = exprCollation((Node *) first->value);
	array->location = -1;
	first->is_array = true;
	first->value = (Expr *) array;
	return first;
}

/* What an OR of such arms says of the keys of one role; NULL: not all of them do. */
static KeyCondition *
match_or(List *args, RestrictInfo *clause, ColumnRole role, Index relid, const ColumnMap *map)
{
	List	   *arms = NIL;
	bool		is_weaker = false;
	KeyTerm    *joined;
	ListCell   *cell;

	foreach(cell, args)
	{
		List	   *terms = match_arm(lfirst(cell), role, relid, map, &is_weaker);

		if (terms == NIL)
			return NULL;
		arms = lappend(arms, terms);
	}
	joined = join_arms(arms);
	if (joined != NULL)
		arms = list_make1(list_make1(joined));
	return key_condition_new(role, arms, is_weaker, clause);
}

static List *
match_or_of_any_role(List *arms, RestrictInfo *clause, Index relid, const ColumnMap *map)
{
	static const ColumnRole roles[] = {COLUMN_AGGREGATE_ID, COLUMN_VERSION, COLUMN_COMMIT_ID, COLUMN_COMMITTED_AT};
	List	   *conditions = NIL;

	for (size_t i = 0; i < lengthof(roles); i++)
	{
		KeyCondition *condition = match_or(arms, clause, roles[i], relid, map);

		if (condition != NULL)
			conditions = lappend(conditions, condition);
	}
	return conditions;
}

/* The one term that it has, or NULL. */
static const KeyTerm *
only_term(const KeyCondition *condition)
{
	List	   *arm = linitial(condition->arms);

	return list_length(condition->arms) == 1 && list_length(arm) == 1 ? linitial(arm) : NULL;
}

bool
pushdown_is_one_comparison(const KeyCondition *condition)
{
	const KeyTerm *only = only_term(condition);

	return only != NULL && !only->is_array;
}

List *
pushdown_key_conditions(List *clauses, Index relid, const ColumnMap *map)
{
	List	   *conditions = NIL;
	ListCell   *cell;

	foreach(cell, clauses)
	{
		RestrictInfo *clause = lfirst_node(RestrictInfo, cell);
		List	   *arms = arms_of_clause(clause->clause);
		KeyTerm    *term;
		bool		is_weaker;

		if (clause->pseudoconstant)
			continue;
		if (arms != NIL)
		{
			conditions = list_concat(conditions, match_or_of_any_role(arms, clause, relid, map));
			continue;
		}
		term = match_term((Node *) clause->clause, relid, map, &is_weaker);
		if (term != NULL)
			conditions = lappend(conditions, key_condition_new(term->role, list_make1(list_make1(term)), is_weaker, clause));
	}
	return conditions;
}

/* How good a condition is at telling aggregates: the less, the better. */
static int
aggregate_rank(const KeyCondition *condition)
{
	const KeyTerm *only = only_term(condition);

	return only == NULL || only->aggregate_field != 0 ? 1 : only->is_array ? 2 : 0;
}

KeyCondition *
pushdown_aggregate_condition(List *conditions)
{
	KeyCondition *found = NULL;
	ListCell   *cell;

	/* A single value before keys of several, and these before an array: it leaves less. */
	foreach(cell, conditions)
	{
		KeyCondition *condition = lfirst(cell);

		if (condition->role == COLUMN_AGGREGATE_ID && (found == NULL || aggregate_rank(condition) < aggregate_rank(found)))
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

		/* An OR that fixes aggregates and their versions has said all that it can. */
		if ((path == READ_AGGREGATE && condition->role == COLUMN_VERSION
			 && (aggregate == NULL || condition->clause != aggregate->clause))
			|| (path == READ_INDEX && condition->role == COLUMN_COMMIT_ID))
			chosen = lappend(chosen, condition);
	}
	return chosen;
}

List *
pushdown_of_time(List *conditions)
{
	List	   *of_time = NIL;
	ListCell   *cell;

	foreach(cell, conditions)
		if (((KeyCondition *) lfirst(cell))->role == COLUMN_COMMITTED_AT)
			of_time = lappend(of_time, lfirst(cell));
	return of_time;
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
