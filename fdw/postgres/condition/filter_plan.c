/*
 * filter_plan.c: may DynamoDB drop an item because of this clause?
 *
 * WHERE keeps the rows for which it is TRUE. DynamoDB knows no third truth value, so NOT is carried down to the
 * leaves (De Morgan holds with NULL too), and each leaf means "is TRUE": false of an absent attribute unless it asks
 * for absence.
 *
 * What a leaf may be depends on the column's kind. Numbers are exact on both sides, except for float columns, whose
 * values are rounded when read. Texts order by their UTF-8 bytes, so only C collations agree; uuid and bytea by their
 * bytes, too. Equality of texts is that of bytes under any deterministic collation. Texts take part only where the
 * server's encoding is UTF8 (others have characters with two forms in it), and not varchar(n), since reading that
 * cuts blanks off the end.
 *
 * Where unreadable values are replaced, the clause is checked here as well, and a leaf only has to let pass what does.
 * That holds of all but tests that are TRUE of NULL, since that may stand for anything, and of the order of texts, since a
 * character may.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "postgres/condition/filter_plan.h"
#include "postgres/condition/filter_tree.h"
#include "postgres/core/compat.h"

/*
 * Of the tree. DynamoDB's limit is 32, but some engines take eight times as long for each further pair of
 * parentheses.
 */
#define MAX_DEPTH 10

typedef struct Planning
{
	Index		relid;
	const ColumnMap *map;
	ReadPath	path;
	List	   *values;
	int			depth;
} Planning;

static Node *plan_node(Planning *planning, Node *node, bool negated);

/* The attributes that a Query goes by may not occur in its filter. */
static bool
is_key_of_path(const Column *column, ReadPath path)
{
	switch (path)
	{
		case READ_AGGREGATE:
			return column->role == COLUMN_AGGREGATE_ID || column->role == COLUMN_VERSION;
		case READ_INDEX:
			return column->role == COLUMN_COMMIT_ID || strcmp(column->attribute, COMMIT_ACTIVE) == 0;
		case READ_SCAN:
			return false;
	}
	return true;
}

/* The column that an expression is, if the path's filter may hold it. */
static Column *
usable_column(const Planning *planning, Node *node)
{
	Column	   *column = clause_column(node, planning->relid, planning->map);

	return column != NULL && !is_key_of_path(column, planning->path) ? column : NULL;
}

/* Takes over the value; NULL: the test needs none. */
static Node *
leaf_node(Planning *planning, int test, const Column *column, Node *value, int nvalues)
{
	int			index = -1;

	if (value != NULL)
	{
		index = list_length(planning->values);
		planning->values = lappend(planning->values, value);
	}
	return (Node *) list_make4_int(test, column != NULL ? column->attnum : 0, index, nvalues);
}

static bool
numeric_is_storable(Datum value)
{
	const char *string = DatumGetCString(DirectFunctionCall1(numeric_out, value));

	return number_is_storable(string, strlen(string));
}

/* true for a constant, or an array of constants, that DynamoDB can hold digit by digit. */
static bool
is_storable_constant(Node *value)
{
	Const	   *constant = (Const *) value;
	Datum	   *elements;
	bool	   *nulls;
	Oid			type;
	int			count;

	if (!IsA(value, Const))
		return false;
	if (constant->constisnull)
		return true;
	if (constant->consttype == NUMERICOID)
		return numeric_is_storable(constant->constvalue);
	count = clause_array_elements(constant->constvalue, &type, &elements, &nulls);
	for (int i = 0; i < count; i++)
		if (!nulls[i] && !numeric_is_storable(elements[i]))
			return false;
	return true;
}

static bool
text_is_comparable(const Column *column, bool is_replaced, StrategyNumber strategy, Oid collation)
{
	if (GetDatabaseEncoding() != PG_UTF8 || column->typmod >= 0 || !OidIsValid(collation))
		return false;
	if (strategy == BTEqualStrategyNumber || strategy == NOT_EQUAL_STRATEGY)
		return get_collation_isdeterministic(collation);
	return !is_replaced && clause_collation_is_c(collation);
}

/* Does the comparison with a value of that type (for an array: of its elements) mean the same in DynamoDB? */
static bool
is_exact(const Planning *planning, const Column *column, StrategyNumber strategy, Node *value, Oid type, Oid collation)
{
	if (strategy == InvalidStrategy)
		return false;
	switch (column->kind)
	{
		case KIND_TEXT:
			return (type == TEXTOID || type == VARCHAROID) && text_is_comparable(column, planning->map->replaces_unreadable, strategy, collation);
		case KIND_UUID:
			return type == UUIDOID;
		case KIND_INTEGER:
			return clause_is_integer_type(type);
		case KIND_NUMERIC:
			return type == NUMERICOID && is_storable_constant(value);
		case KIND_BOOLEAN:
			return type == BOOLOID && (strategy == BTEqualStrategyNumber || strategy == NOT_EQUAL_STRATEGY);
		case KIND_TIMESTAMP:
			return type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID;
		case KIND_BYTEA:
			return type == BYTEAOID;
		case KIND_FLOAT:
		case KIND_JSON:
		case KIND_JSONB:
			return false;
	}
	return false;
}

/* column OP value or value OP column; `operator` is put the way round that the column stands on its left. */
static Column *
split_operands(const Planning *planning, List *args, Oid *operator, Node **value)
{
	Column	   *column;

	if (list_length(args) != 2)
		return NULL;
	column = usable_column(planning, linitial(args));
	*value = lsecond(args);
	if (column == NULL)
	{
		column = usable_column(planning, lsecond(args));
		*value = linitial(args);
		*operator = get_commutator(*operator);
	}
	return column != NULL && clause_is_free_of_columns(*value) ? column : NULL;
}

static Node *
plan_comparison(Planning *planning, OpExpr *clause, bool negated)
{
	Oid			operator = clause->opno;
	Node	   *value;
	Column	   *column = split_operands(planning, clause->args, &operator, &value);
	StrategyNumber strategy;

	if (column == NULL)
		return NULL;
	if (negated)
		operator = OidIsValid(operator) ? get_negator(operator) : InvalidOid;
	strategy = clause_strategy(operator, column->type);
	if (!is_exact(planning, column, strategy, value, exprType(value), clause->inputcollid))
		return NULL;
	return leaf_node(planning, strategy, column, value, 1);
}

static Node *
plan_distinct(Planning *planning, DistinctExpr *clause, bool negated)
{
	Oid			operator = clause->opno;
	Node	   *value;
	Column	   *column = split_operands(planning, clause->args, &operator, &value);
	StrategyNumber strategy;

	if (column == NULL || planning->map->replaces_unreadable)
		return NULL;
	strategy = clause_strategy(operator, column->type);
	if (strategy != BTEqualStrategyNumber
		|| !is_exact(planning, column, strategy, value, exprType(value), clause->inputcollid))
		return NULL;
	return leaf_node(planning, negated ? TEST_NOT_DISTINCT : TEST_DISTINCT, column, value, 1);
}

/* How many elements the array will have; -1 where only its evaluation tells. */
static int
elements_expected(Node *array)
{
	Const	   *constant;

	while (IsA(array, ArrayCoerceExpr))
		array = (Node *) ((ArrayCoerceExpr *) array)->arg;
	constant = (Const *) array;
	if (IsA(array, ArrayExpr) && !((ArrayExpr *) array)->multidims)
		return list_length(((ArrayExpr *) array)->elements);
	if (!IsA(array, Const))
		return -1;
	if (constant->constisnull)
		return 0;
	array = (Node *) DatumGetArrayTypeP(constant->constvalue);
	return ArrayGetNItems(ARR_NDIM((ArrayType *) array), ARR_DIMS((ArrayType *) array));
}

/* = ANY and <> ALL, of as many elements as fit; other operators on arrays are rare. */
static Node *
plan_array(Planning *planning, ScalarArrayOpExpr *clause, bool negated)
{
	Oid			operator = negated ? get_negator(clause->opno) : clause->opno;
	bool		any = negated ? !clause->useOr : clause->useOr;
	Column	   *column = usable_column(planning, linitial(clause->args));
	Node	   *array = lsecond(clause->args);
	StrategyNumber strategy;
	int			count;

	if (column == NULL || !clause_is_free_of_columns(array))
		return NULL;
	strategy = clause_strategy(operator, column->type);
	count = elements_expected(array);
	if (strategy != (any ? BTEqualStrategyNumber : NOT_EQUAL_STRATEGY) || count < 0 || count > FILTER_MAX_IN
		|| !is_exact(planning, column, strategy, array, get_element_type(exprType(array)), clause->inputcollid))
		return NULL;
	return leaf_node(planning, any ? TEST_IN : TEST_NOT_IN, column, array, count);
}

/* Every item has the table's keys, and in an index those of the index. */
static bool
is_never_null(const Column *column, ReadPath path)
{
	return column->role == COLUMN_AGGREGATE_ID || column->role == COLUMN_VERSION || is_key_of_path(column, path);
}

static Node *
plan_null_test(Planning *planning, NullTest *clause, bool negated)
{
	Column	   *column = clause_column((Node *) clause->arg, planning->relid, planning->map);
	bool		null = (clause->nulltesttype == IS_NULL) != negated;

	if (column == NULL || clause->argisrow || planning->map->replaces_unreadable)
		return NULL;
	if (is_never_null(column, planning->path))
		return leaf_node(planning, TEST_VALUE, NULL, makeBoolConst(!null, false), 1);
	return leaf_node(planning, null ? TEST_NULL : TEST_NOT_NULL, column, NULL, 0);
}

static Node *
boolean_leaf(Planning *planning, const Column *column, bool value)
{
	return leaf_node(planning, BTEqualStrategyNumber, column, makeBoolConst(value, false), 1);
}

/* IS TRUE, and so on, of a column or a condition. */
static Node *
plan_boolean_test(Planning *planning, BooleanTest *clause, bool negated)
{
	static const BoolTestType opposites[] = {
		[IS_TRUE] = IS_NOT_TRUE,[IS_NOT_TRUE] = IS_TRUE,
		[IS_FALSE] = IS_NOT_FALSE,[IS_NOT_FALSE] = IS_FALSE,
		[IS_UNKNOWN] = IS_NOT_UNKNOWN,[IS_NOT_UNKNOWN] = IS_UNKNOWN,
	};
	BoolTestType test = negated ? opposites[clause->booltesttype] : clause->booltesttype;
	Column	   *column = usable_column(planning, (Node *) clause->arg);

	/* Only what asks for a truth value that is known says nothing about NULL. */
	if (test == IS_TRUE || test == IS_FALSE)
		return plan_node(planning, (Node *) clause->arg, test == IS_FALSE);
	if (column == NULL || column->kind != KIND_BOOLEAN || planning->map->replaces_unreadable)
		return NULL;
	if (test == IS_UNKNOWN || test == IS_NOT_UNKNOWN)
		return leaf_node(planning, test == IS_UNKNOWN ? TEST_NULL : TEST_NOT_NULL, column, NULL, 0);
	return filter_tree_inner(FILTER_OR, list_make2(leaf_node(planning, TEST_NULL, column, NULL, 0),
											boolean_leaf(planning, column, test == IS_NOT_FALSE)));
}

static Node *
plan_bool_expr(Planning *planning, BoolExpr *clause, bool negated)
{
	List	   *children = NIL;
	ListCell   *cell;

	if (clause->boolop == NOT_EXPR)
		return plan_node(planning, linitial(clause->args), !negated);
	foreach(cell, clause->args)
	{
		Node	   *child = plan_node(planning, lfirst(cell), negated);

		if (child == NULL)
			return NULL;
		children = lappend(children, child);
	}
	return filter_tree_inner((clause->boolop == AND_EXPR) != negated ? FILTER_AND : FILTER_OR, children);
}

static Node *
plan_column(Planning *planning, Node *node, bool negated)
{
	Column	   *column = usable_column(planning, node);

	if (column == NULL || column->kind != KIND_BOOLEAN)
		return NULL;
	return boolean_leaf(planning, column, !negated);
}

/* A condition without columns, as in "$1 IS NULL OR a = $1". */
static Node *
plan_value(Planning *planning, Node *node, bool negated)
{
	if (negated)
		node = (Node *) makeBoolExpr(NOT_EXPR, list_make1(node), -1);
	return leaf_node(planning, TEST_VALUE, NULL, node, 1);
}

/* A tree that is true where the expression is TRUE, or, if negated, FALSE. */
static Node *
plan_node(Planning *planning, Node *node, bool negated)
{
	Node	   *tree = NULL;

	if (++planning->depth > MAX_DEPTH)
		return NULL;
	if (clause_is_free_of_columns(node))
		tree = plan_value(planning, node, negated);
	else
		switch (nodeTag(node))
		{
			case T_BoolExpr:
				tree = plan_bool_expr(planning, (BoolExpr *) node, negated);
				break;
			case T_OpExpr:
				tree = plan_comparison(planning, (OpExpr *) node, negated);
				break;
			case T_DistinctExpr:
				tree = plan_distinct(planning, (DistinctExpr *) node, negated);
				break;
			case T_ScalarArrayOpExpr:
				tree = plan_array(planning, (ScalarArrayOpExpr *) node, negated);
				break;
			case T_NullTest:
				tree = plan_null_test(planning, (NullTest *) node, negated);
				break;
			case T_BooleanTest:
				tree = plan_boolean_test(planning, (BooleanTest *) node, negated);
				break;
			default:
				tree = plan_column(planning, node, negated);
				break;
		}
	planning->depth--;
	return tree;
}

Node *
filter_plan(Expr *clause, Index relid, const ColumnMap *map, ReadPath path, List **values)
{
	Planning	planning = {.relid = relid, .map = map, .path = path, .values = *values};
	int			nvalues = list_length(*values);
	Node	   *tree = plan_node(&planning, (Node *) clause, false);

	if (tree != NULL && filter_tree_weight(tree) > FILTER_MAX_WEIGHT)
		tree = NULL;
	*values = tree != NULL ? planning.values : list_truncate(planning.values, nvalues);
	return tree;
}

size_t
filter_constant_bytes(List *values, int first)
{
	size_t		bytes = 0;

	for (int i = first; i < list_length(values); i++)
	{
		Node	   *value = list_nth(values, i);
		Const	   *constant = (Const *) value;

		if (IsA(value, ArrayExpr))
			bytes += filter_constant_bytes(((ArrayExpr *) value)->elements, 0);
		else if (IsA(value, Const) && !constant->constisnull && constant->constlen == -1)
			bytes += toast_raw_datum_size(constant->constvalue);
	}
	return bytes;
}
