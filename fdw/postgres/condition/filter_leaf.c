/*
 * filter_leaf.c: how does a test of one column read in DynamoDB?
 *
 * A comparison there is false of an absent attribute and of one of another type, except "<>", in whose place stand
 * "<" and ">". Some engines take an empty string or a false for nothing in IN and attribute_type, so these never see
 * one: "=" and ">=" say the same.
 *
 * A value may lie where no stored one can: a moment between two milliseconds, infinity, an empty aggregate id. Such a
 * value is replaced by its nearest neighbour below, and the comparison by the one that means the same.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/timestamp.h"

#include "postgres/condition/filter_leaf.h"
#include "postgres/condition/filter_tree.h"
#include "postgres/core/compat.h"
#include "postgres/table/column_kind.h"

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
			return timestamp_operand(clause_timestamp(value, type));
		case KIND_TEXT:
			return text_operand(column, value);
		case KIND_BYTEA:
			return bytea_operand(column, value);
		case KIND_UUID:
		case KIND_NUMERIC:
		case KIND_FLOAT:
		case KIND_BOOLEAN:
		case KIND_JSON:
		case KIND_JSONB:
			break;
	}
	return (Operand) {.value = column_write(column, value)};
}

static Filter *
make_filter(FilterKind kind, const Column *column)
{
	Filter	   *filter = palloc0(sizeof(Filter));

	filter->kind = kind;
	filter->attribute = column != NULL ? column->attribute : NULL;
	return filter;
}

const Filter *
filter_inner(FilterKind kind, List *children)
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
	return filter_inner(FILTER_NOT, list_make1(unconstify(Filter *, filter)));
}

static const Filter *
make_both(FilterKind kind, const Filter *left, const Filter *right)
{
	return filter_inner(kind, list_make2(unconstify(Filter *, left), unconstify(Filter *, right)));
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
	AttributeValue least = {.type = kind_rule(column->kind)->stored, .text = ""};

	if (least.type == ATTRIBUTE_N)
		return make_type(column, ATTRIBUTE_N);
	if (least.type == ATTRIBUTE_BOOL)
		return make_both(FILTER_OR, make_boolean(column, true), make_boolean(column, false));
	/* A key is never empty, nor to be compared with something that is. */
	return column->role == COLUMN_AGGREGATE_ID ? make_type(column, ATTRIBUTE_S) : make_compare(column, ">=", &least);
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
			return make_compare(column, clause_comparator(strategy), &operand->value);
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

/* Equal to one of these, at least one. */
static const Filter *
make_in(const Column *column, const AttributeValue *values, int count)
{
	AttributeValue *listed = palloc(sizeof(AttributeValue) * count);
	List	   *arms = NIL;
	bool		apart[2] = {false, false};	/* has an arm of its own: true; false or the empty string */
	Filter	   *in;
	int			nlisted = 0;

	for (int i = 0; i < count; i++)
	{
		if (column->kind != KIND_BOOLEAN && values[i].length > 0)
			listed[nlisted++] = values[i];
		else if (!apart[values[i].boolean])
		{
			arms = lappend(arms, unconstify(Filter *, make_compare(column, "=", &values[i])));
			apart[values[i].boolean] = true;
		}
	}
	if (nlisted > 0)
	{
		in = make_filter(FILTER_IN, column);
		in->values = listed;
		in->nvalues = nlisted;
		arms = lappend(arms, in);
	}
	return filter_inner(FILTER_OR, arms);
}

static FilterOutcome
evaluate_array(Column *column, bool negated, Datum array, const Filter **filter)
{
	Oid			type;
	Datum	   *elements;
	bool	   *nulls;
	int			nelements = clause_array_elements(array, &type, &elements, &nulls);
	AttributeValue *values = palloc(sizeof(AttributeValue) * Max(nelements, 1));
	int			count = 0;		/* of those that an item can be equal to */
	bool		has_null = false;

	/* PostgreSQL looks at the array first: <> ALL of an empty one is true even of NULL. */
	if (nelements == 0)
		return negated ? FILTER_ALL : FILTER_NONE;
	for (int i = 0; i < nelements; i++)
	{
		Operand		operand;

		if (nulls[i])
		{
			has_null = true;
			continue;
		}
		operand = make_operand(column, elements[i], type);
		if (operand.position == POSITION_AT)
			values[count++] = operand.value;
	}
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

FilterOutcome
filter_leaf(Column *column, int test, Datum value, Oid type, bool isnull, const Filter **filter)
{
	Operand		operand;

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

	operand = make_operand(column, value, type);
	if (test == TEST_DISTINCT)
		*filter = make_both(FILTER_OR, make_null(column), evaluate_compare(column, NOT_EQUAL_STRATEGY, &operand));
	else
		*filter = evaluate_compare(column, test == TEST_NOT_DISTINCT ? BTEqualStrategyNumber : test, &operand);
	return *filter != NULL ? FILTER_SOME : FILTER_NONE;
}
