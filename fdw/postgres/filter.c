/*
 * filter.c: may DynamoDB drop an item because of this clause?
 *
 * WHERE keeps the rows for which it is TRUE. DynamoDB knows no third truth value, so NOT is carried down to the leaves when the tree is made
 * (De Morgan holds with NULL too), and each leaf means "is TRUE": false of an absent attribute unless it asks for absence. A
 * comparison in DynamoDB is false of an absent attribute and of one of another type, except "<>", in whose place stand "<" and ">".
 *
 * What a leaf may be depends on the column's kind. Numbers are exact on both sides, except for float columns, whose values are rounded when
 * read. Texts order by their UTF-8 bytes, so only the collations C and POSIX agree; uuid and bytea by their bytes, too. Equality of texts
 * is that of bytes under any deterministic collation. Texts take part only where the server's encoding is UTF8 (others have characters
 * with two forms in it), and not varchar(n), since reading that cuts blanks off the end.
 *
 * Some engines take an empty string or a false for nothing in IN and attribute_type, so these never see one: "=" and ">=" say the same.
 *
 * A value may lie where no stored one can: a moment between two milliseconds, infinity, an empty aggregate id. Such a value is replaced by
 * its nearest neighbour below, and the comparison by the one that means the same.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/timestamp.h"

#include "postgres/clause.h"
#include "postgres/compat.h"
#include "postgres/filter.h"

/* Of the tree; DynamoDB's limit is 32, and a leaf can be three deep. */
#define MAX_DEPTH 20

/* A B-tree strategy or NOT_EQUAL_STRATEGY, which compare with one value, or one of these. */
enum
{
	TEST_IN = NOT_EQUAL_STRATEGY + 1,	/* = ANY (array) */
	TEST_NOT_IN,				/* <> ALL (array) */
	TEST_NULL,
	TEST_NOT_NULL,
	TEST_DISTINCT,
	TEST_NOT_DISTINCT,
	TEST_VALUE					/* no column: a boolean value alone */
};

/* A leaf is an IntList; an inner node is a List of an Integer, FILTER_AND or FILTER_OR, and its children. */
enum
{
	LEAF_TEST,
	LEAF_ATTNUM,				/* 0 for TEST_VALUE */
	LEAF_VALUE,					/* its index; -1: none */
	LEAF_NVALUES				/* elements of an array, else 1 */
};

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

static Node *
inner_node(FilterKind kind, List *children)
{
	return (Node *) lcons(makeInteger(kind), children);
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
	const char *text = DatumGetCString(DirectFunctionCall1(numeric_out, value));

	return number_is_storable(text, strlen(text));
}

/* The elements of an array; *nulls says which are NULL. */
static int
array_elements(Datum array, Datum **elements, bool **nulls)
{
	ArrayType  *whole = DatumGetArrayTypeP(array);
	int16		length;
	bool		by_value;
	char		alignment;
	int			count;

	get_typlenbyvalalign(ARR_ELEMTYPE(whole), &length, &by_value, &alignment);
	deconstruct_array(whole, ARR_ELEMTYPE(whole), length, by_value, alignment, elements, nulls, &count);
	return count;
}

/* true for a constant, or an array of constants, that DynamoDB can hold digit by digit. */
static bool
is_storable_constant(Node *value)
{
	Const	   *constant = (Const *) value;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (!IsA(value, Const))
		return false;
	if (constant->constisnull)
		return true;
	if (constant->consttype == NUMERICOID)
		return numeric_is_storable(constant->constvalue);
	count = array_elements(constant->constvalue, &elements, &nulls);
	for (int i = 0; i < count; i++)
		if (!nulls[i] && !numeric_is_storable(elements[i]))
			return false;
	return true;
}

static bool
text_is_comparable(const Column *column, StrategyNumber strategy, Oid collation)
{
	if (GetDatabaseEncoding() != PG_UTF8 || column->typmod >= 0 || !OidIsValid(collation))
		return false;
	if (strategy == BTEqualStrategyNumber || strategy == NOT_EQUAL_STRATEGY)
		return get_collation_isdeterministic(collation);
	return collation == C_COLLATION_OID || collation == POSIX_COLLATION_OID;
}

/* Does the comparison with a value of that type (for an array: of its elements) mean the same in DynamoDB? */
static bool
is_exact(const Column *column, StrategyNumber strategy, Node *value, Oid type, Oid collation)
{
	if (strategy == InvalidStrategy)
		return false;
	switch (column->kind)
	{
		case KIND_TEXT:
			return (type == TEXTOID || type == VARCHAROID) && text_is_comparable(column, strategy, collation);
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
	strategy = clause_strategy(operator, column);
	if (!is_exact(column, strategy, value, exprType(value), clause->inputcollid))
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

	if (column == NULL)
		return NULL;
	strategy = clause_strategy(operator, column);
	if (strategy != BTEqualStrategyNumber
		|| !is_exact(column, strategy, value, exprType(value), clause->inputcollid))
		return NULL;
	return leaf_node(planning, negated ? TEST_NOT_DISTINCT : TEST_DISTINCT, column, value, 1);
}

/* How many elements the array will have; -1 where only its evaluation tells. */
static int
elements_expected(Node *array)
{
	Const	   *constant = (Const *) array;

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
	strategy = clause_strategy(operator, column);
	count = elements_expected(array);
	if (strategy != (any ? BTEqualStrategyNumber : NOT_EQUAL_STRATEGY) || count < 0 || count > FILTER_MAX_IN
		|| !is_exact(column, strategy, array, get_element_type(exprType(array)), clause->inputcollid))
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

	if (column == NULL || clause->argisrow)
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
	if (column == NULL || column->kind != KIND_BOOLEAN)
		return NULL;
	if (test == IS_UNKNOWN || test == IS_NOT_UNKNOWN)
		return leaf_node(planning, test == IS_UNKNOWN ? TEST_NULL : TEST_NOT_NULL, column, NULL, 0);
	return inner_node(FILTER_OR, list_make2(leaf_node(planning, TEST_NULL, column, NULL, 0),
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
	return inner_node((clause->boolop == AND_EXPR) != negated ? FILTER_AND : FILTER_OR, children);
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

	if (tree != NULL && filter_weight(tree) > FILTER_MAX_WEIGHT)
		tree = NULL;
	*values = tree != NULL ? planning.values : list_truncate(planning.values, nvalues);
	return tree;
}

static int
leaf_weight(List *leaf)
{
	switch (list_nth_int(leaf, LEAF_TEST))
	{
		case TEST_VALUE:
			return 0;
		case NOT_EQUAL_STRATEGY:
			return 4;
		case TEST_NULL:
		case TEST_NOT_NULL:
			return 5;
		case TEST_DISTINCT:
		case TEST_NOT_DISTINCT:
			return 8;
		case TEST_IN:
			return 4 + list_nth_int(leaf, LEAF_NVALUES) / 2;
		case TEST_NOT_IN:
			return 8 + list_nth_int(leaf, LEAF_NVALUES) / 2;
		default:
			return 2;
	}
}

int
filter_weight(Node *tree)
{
	int			weight = 0;

	if (IsA(tree, IntList))
		return leaf_weight((List *) tree);
	for (int i = 1; i < list_length((List *) tree); i++)
		weight += filter_weight(list_nth((List *) tree, i));
	return weight;
}

Node *
filter_and(List *trees)
{
	if (list_length(trees) <= 1)
		return trees == NIL ? NULL : linitial(trees);
	return inner_node(FILTER_AND, list_copy(trees));
}

typedef struct Evaluation
{
	const ColumnMap *map;
	List	   *values;
	List	   *states;
	ExprContext *econtext;
} Evaluation;

/* Where a value lies among those that can be stored. */
typedef enum Position
{
	POSITION_AT,				/* it is one of them */
	POSITION_ABOVE,				/* just above one, below the next */
	POSITION_FIRST,				/* below all of them */
	POSITION_LAST				/* above all of them */
} Position;

typedef struct Operand
{
	Position	position;
	AttributeValue value;		/* POSITION_AT, POSITION_ABOVE */
} Operand;

/* A date or timestamp of any kind; one that lies outside becomes infinite, which is how PostgreSQL compares it. */
static TimestampTz
timestamp_of(Datum value, Oid type)
{
	int			overflow;

	switch (type)
	{
		case DATEOID:
			return date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
		case TIMESTAMPOID:
			return timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow);
		default:
			return DatumGetTimestampTz(value);
	}
}

static Operand
timestamp_operand(TimestampTz timestamp)
{
	Operand		operand = {0};

	if (TIMESTAMP_IS_NOBEGIN(timestamp))
		operand.position = POSITION_FIRST;
	else if (TIMESTAMP_IS_NOEND(timestamp))
		operand.position = POSITION_LAST;
	else
	{
		operand.position = timestamp % 1000 == 0 ? POSITION_AT : POSITION_ABOVE;
		operand.value = attribute_int64(timestamp_to_ms(timestamp), palloc(24));
	}
	return operand;
}

/* A text longer than any item sorts directly behind what an item has room for. No aggregate id is empty. */
static Operand
text_operand(Column *column, Datum value)
{
	Operand		operand = {.value = column_write(column, value)};

	if (operand.value.length == 0 && column->role == COLUMN_AGGREGATE_ID)
		operand.position = POSITION_FIRST;
	if (operand.value.length > MAX_ITEM_BYTES)
	{
		operand.position = POSITION_ABOVE;
		operand.value.length = pg_encoding_mbcliplen(PG_UTF8, operand.value.text, operand.value.length, MAX_ITEM_BYTES);
	}
	return operand;
}

/* Likewise; base64 comes in groups of four for three bytes. */
static Operand
bytea_operand(Column *column, Datum value)
{
	Operand		operand = {.value = column_write(column, value)};

	if (operand.value.length > MAX_ITEM_BYTES / 3 * 4)
	{
		operand.position = POSITION_ABOVE;
		operand.value.length = MAX_ITEM_BYTES / 3 * 4;
	}
	return operand;
}

static Operand
make_operand(Column *column, Datum value, Oid type)
{
	switch (column->kind)
	{
		case KIND_INTEGER:
			return (Operand) {.value = attribute_int64(clause_integer(value, type), palloc(24))};
		case KIND_TIMESTAMP:
			return timestamp_operand(timestamp_of(value, type));
		case KIND_TEXT:
			return text_operand(column, value);
		case KIND_BYTEA:
			return bytea_operand(column, value);
		default:
			return (Operand) {.value = column_write(column, value)};
	}
}

static Filter *
make_filter(FilterKind kind, const Column *column)
{
	Filter	   *filter = palloc0(sizeof(Filter));

	filter->kind = kind;
	filter->attribute = column != NULL ? column->attribute : NULL;
	return filter;
}

/* Of a List of Filter *. */
static const Filter *
make_inner(FilterKind kind, List *children)
{
	Filter	   *filter = make_filter(kind, NULL);
	const Filter **array = palloc(sizeof(Filter *) * list_length(children));

	for (int i = 0; i < list_length(children); i++)
		array[i] = list_nth(children, i);
	filter->children = array;
	filter->nchildren = list_length(children);
	return filter;
}

static const Filter *
make_type(const Column *column, AttributeType type)
{
	Filter	   *filter = make_filter(FILTER_TYPE, column);

	filter->type = type;
	return filter;
}

static const Filter *
make_not(const Filter *filter)
{
	return make_inner(FILTER_NOT, list_make1(unconstify(Filter *, filter)));
}

static const Filter *
make_both(FilterKind kind, const Filter *left, const Filter *right)
{
	return make_inner(kind, list_make2(unconstify(Filter *, left), unconstify(Filter *, right)));
}

static const Filter *
make_null(const Column *column)
{
	return make_both(FILTER_OR, make_not(make_filter(FILTER_EXISTS, column)), make_type(column, ATTRIBUTE_NULL));
}

static const Filter *
make_not_null(const Column *column)
{
	return make_both(FILTER_AND, make_filter(FILTER_EXISTS, column), make_not(make_type(column, ATTRIBUTE_NULL)));
}

static const Filter *
make_compare(const Column *column, const char *comparator, const AttributeValue *value)
{
	Filter	   *filter = make_filter(FILTER_COMPARE, column);
	AttributeValue *copy = palloc(sizeof(AttributeValue));

	*copy = *value;
	filter->comparator = comparator;
	filter->values = copy;
	filter->nvalues = 1;
	return filter;
}

static const Filter *
make_boolean(const Column *column, bool value)
{
	AttributeValue written = attribute_boolean(value);

	return make_compare(column, "=", &written);
}

/* Not NULL, and of the type that the column reads. */
static const Filter *
make_present(const Column *column)
{
	AttributeValue least = {.text = ""};

	switch (column->kind)
	{
		case KIND_INTEGER:
		case KIND_NUMERIC:
		case KIND_FLOAT:
		case KIND_TIMESTAMP:
			return make_type(column, ATTRIBUTE_N);
		case KIND_BOOLEAN:
			return make_both(FILTER_OR, make_boolean(column, true), make_boolean(column, false));
		case KIND_BYTEA:
			least.type = ATTRIBUTE_B;
			break;
		default:
			least.type = ATTRIBUTE_S;
			break;
	}
	/* A key is never empty, nor to be compared with something that is. */
	return column->role == COLUMN_AGGREGATE_ID ? make_type(column, ATTRIBUTE_S) : make_compare(column, ">=", &least);
}

static const char *
comparator_of(StrategyNumber strategy)
{
	static const char *const comparators[] = {
		[BTLessStrategyNumber] = "<",
		[BTLessEqualStrategyNumber] = "<=",
		[BTEqualStrategyNumber] = "=",
		[BTGreaterEqualStrategyNumber] = ">=",
		[BTGreaterStrategyNumber] = ">",
		[NOT_EQUAL_STRATEGY] = "<>",
	};

	return comparators[strategy];
}

static bool
asks_for_less(StrategyNumber strategy)
{
	return strategy == BTLessStrategyNumber || strategy == BTLessEqualStrategyNumber;
}

static bool
asks_for_greater(StrategyNumber strategy)
{
	return strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber;
}

/* Both "<>" and present. */
static const Filter *
make_other(const Column *column, const AttributeValue *value)
{
	if (column->kind == KIND_BOOLEAN)
		return make_boolean(column, !value->boolean);
	return make_both(FILTER_OR, make_compare(column, "<", value), make_compare(column, ">", value));
}

/* NULL where it is true of no item. */
static const Filter *
evaluate_compare(const Column *column, StrategyNumber strategy, const Operand *operand)
{
	switch (operand->position)
	{
		case POSITION_AT:
			if (strategy == NOT_EQUAL_STRATEGY)
				return make_other(column, &operand->value);
			return make_compare(column, comparator_of(strategy), &operand->value);
		case POSITION_ABOVE:
			if (asks_for_less(strategy))
				return make_compare(column, "<=", &operand->value);
			if (asks_for_greater(strategy))
				return make_compare(column, ">", &operand->value);
			break;
		case POSITION_FIRST:
			if (asks_for_greater(strategy))
				return make_present(column);
			break;
		case POSITION_LAST:
			if (asks_for_less(strategy))
				return make_present(column);
			break;
	}
	return strategy == NOT_EQUAL_STRATEGY ? make_present(column) : NULL;
}

/* The elements that an item can be equal to; *has_null: one of them is NULL. */
static int
array_operands(Column *column, Datum array, AttributeValue **values, bool *has_null)
{
	Oid			type = ARR_ELEMTYPE(DatumGetArrayTypeP(array));
	Datum	   *elements;
	bool	   *nulls;
	int			count = array_elements(array, &elements, &nulls);
	int			kept = 0;

	*values = palloc(sizeof(AttributeValue) * Max(count, 1));
	*has_null = false;
	for (int i = 0; i < count; i++)
	{
		Operand		operand;

		if (nulls[i])
		{
			*has_null = true;
			continue;
		}
		operand = make_operand(column, elements[i], type);
		if (operand.position == POSITION_AT)
			(*values)[kept++] = operand.value;
	}
	return kept;
}

static bool
array_is_empty(Datum array)
{
	ArrayType  *whole = DatumGetArrayTypeP(array);

	return ArrayGetNItems(ARR_NDIM(whole), ARR_DIMS(whole)) == 0;
}

/* Equal to one of these, at least one. */
static const Filter *
make_in(const Column *column, const AttributeValue *values, int count)
{
	AttributeValue *listed = palloc(sizeof(AttributeValue) * count);
	List	   *arms = NIL;
	Filter	   *in;
	int			nlisted = 0;

	for (int i = 0; i < count; i++)
		if (column->kind == KIND_BOOLEAN || values[i].length == 0)
			arms = lappend(arms, unconstify(Filter *, make_compare(column, "=", &values[i])));
		else
			listed[nlisted++] = values[i];
	if (nlisted > 0)
	{
		in = make_filter(FILTER_IN, column);
		in->values = listed;
		in->nvalues = nlisted;
		arms = lappend(arms, in);
	}
	return make_inner(FILTER_OR, arms);
}

static FilterOutcome
evaluate_array(Column *column, bool negated, Datum array, const Filter **filter)
{
	AttributeValue *values;
	bool		has_null;
	int			count;

	/* PostgreSQL looks at the array first: <> ALL of an empty one is true even of NULL. */
	if (array_is_empty(array))
		return negated ? FILTER_ALL : FILTER_NONE;
	count = array_operands(column, array, &values, &has_null);
	if (negated ? has_null : count == 0)
		return FILTER_NONE;
	if (!negated)
		*filter = make_in(column, values, count);
	else if (count == 0)
		*filter = make_present(column);
	else
		*filter = make_both(FILTER_AND, make_present(column), make_not(make_in(column, values, count)));
	return FILTER_SOME;
}

static FilterOutcome
evaluate_leaf(Evaluation *evaluation, List *leaf, const Filter **filter)
{
	int			test = list_nth_int(leaf, LEAF_TEST);
	int			attnum = list_nth_int(leaf, LEAF_ATTNUM);
	int			index = list_nth_int(leaf, LEAF_VALUE);
	Column	   *column = attnum > 0 ? evaluation->map->columns[attnum - 1] : NULL;
	bool		isnull = true;
	Datum		value = (Datum) 0;
	Operand		operand = {0};

	if (index >= 0)
		value = ExecEvalExpr((ExprState *) list_nth(evaluation->states, index), evaluation->econtext, &isnull);
	if (test == TEST_VALUE)
		return !isnull && DatumGetBool(value) ? FILTER_ALL : FILTER_NONE;
	if (test == TEST_NULL || (test == TEST_NOT_DISTINCT && isnull))
	{
		*filter = make_null(column);
		return FILTER_SOME;
	}
	if (test == TEST_NOT_NULL || (test == TEST_DISTINCT && isnull))
	{
		*filter = make_not_null(column);
		return FILTER_SOME;
	}
	if (isnull)
		return FILTER_NONE;
	if (test == TEST_IN || test == TEST_NOT_IN)
		return evaluate_array(column, test == TEST_NOT_IN, value, filter);

	operand = make_operand(column, value, exprType(list_nth(evaluation->values, index)));
	if (test == TEST_DISTINCT)
		*filter = make_both(FILTER_OR, make_null(column), evaluate_compare(column, NOT_EQUAL_STRATEGY, &operand));
	else
		*filter = evaluate_compare(column, test == TEST_NOT_DISTINCT ? BTEqualStrategyNumber : test, &operand);
	return *filter != NULL ? FILTER_SOME : FILTER_NONE;
}

static FilterOutcome
evaluate_node(Evaluation *evaluation, List *node, const Filter **filter)
{
	List	   *children = NIL;
	FilterKind	kind;
	FilterOutcome decisive;		/* of one child, for all of them */

	if (IsA(node, IntList))
		return evaluate_leaf(evaluation, node, filter);
	kind = intVal(linitial(node));
	decisive = kind == FILTER_AND ? FILTER_NONE : FILTER_ALL;
	for (int i = 1; i < list_length(node); i++)
	{
		const Filter *child = NULL;
		FilterOutcome outcome = evaluate_node(evaluation, list_nth(node, i), &child);

		if (outcome == decisive)
			return outcome;
		if (outcome == FILTER_SOME)
			children = lappend(children, unconstify(Filter *, child));
	}
	if (children == NIL)
		return kind == FILTER_AND ? FILTER_ALL : FILTER_NONE;
	*filter = make_inner(kind, children);
	return FILTER_SOME;
}

FilterOutcome
filter_evaluate(Node *tree, const ColumnMap *map, List *values, List *states, ExprContext *econtext,
				const Filter **filter)
{
	Evaluation	evaluation = {.map = map, .values = values, .states = states, .econtext = econtext};
	FilterOutcome outcome;

	*filter = NULL;
	if (tree == NULL)
		return FILTER_ALL;
	outcome = evaluate_node(&evaluation, (List *) tree, filter);
	if (outcome != FILTER_SOME)
		*filter = NULL;
	return outcome;
}

typedef struct Printing
{
	const ColumnMap *map;
	List	   *values;
	List	   *context;
	StringInfoData out;
} Printing;

static void
print_leaf(Printing *printing, List *leaf)
{
	int			test = list_nth_int(leaf, LEAF_TEST);
	int			attnum = list_nth_int(leaf, LEAF_ATTNUM);
	int			index = list_nth_int(leaf, LEAF_VALUE);
	const char *value = "";

	if (index >= 0)
		value = deparse_expression(list_nth(printing->values, index), printing->context, false, false);
	if (attnum > 0)
	{
		const char *attribute = printing->map->columns[attnum - 1]->attribute;

		appendStringInfo(&printing->out, "%s ", pg_any_to_server(attribute, strlen(attribute), PG_UTF8));
	}
	switch (test)
	{
		case TEST_IN:
			appendStringInfo(&printing->out, "= ANY (%s)", value);
			break;
		case TEST_NOT_IN:
			appendStringInfo(&printing->out, "<> ALL (%s)", value);
			break;
		case TEST_NULL:
			appendStringInfoString(&printing->out, "IS NULL");
			break;
		case TEST_NOT_NULL:
			appendStringInfoString(&printing->out, "IS NOT NULL");
			break;
		case TEST_DISTINCT:
			appendStringInfo(&printing->out, "IS DISTINCT FROM %s", value);
			break;
		case TEST_NOT_DISTINCT:
			appendStringInfo(&printing->out, "IS NOT DISTINCT FROM %s", value);
			break;
		case TEST_VALUE:
			appendStringInfoString(&printing->out, value);
			break;
		default:
			appendStringInfo(&printing->out, "%s %s", comparator_of(test), value);
			break;
	}
}

static void
print_node(Printing *printing, List *node, bool outermost)
{
	if (IsA(node, IntList))
	{
		print_leaf(printing, node);
		return;
	}
	if (!outermost)
		appendStringInfoChar(&printing->out, '(');
	for (int i = 1; i < list_length(node); i++)
	{
		if (i > 1)
			appendStringInfoString(&printing->out, intVal(linitial(node)) == FILTER_AND ? " AND " : " OR ");
		print_node(printing, list_nth(node, i), false);
	}
	if (!outermost)
		appendStringInfoChar(&printing->out, ')');
}

char *
filter_text(Node *tree, const ColumnMap *map, List *values, List *deparse_context)
{
	Printing	printing = {.map = map, .values = values, .context = deparse_context};

	initStringInfo(&printing.out);
	print_node(&printing, (List *) tree, true);
	return printing.out.data;
}
