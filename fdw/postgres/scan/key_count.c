/*
 * key_count.c: how many keys? See key_count.h.
 */
#include "postgres.h"

#include "utils/array.h"

#include "postgres/scan/key_count.h"

#define DEFAULT_ARRAY_LENGTH 10

static double
values_in(const KeyTerm *term)
{
	Const	   *array = (Const *) term->value;

	if (!term->is_array)
		return 1;
	if (IsA(array, Const) && !array->constisnull)
	{
		ArrayType  *values = DatumGetArrayTypeP(array->constvalue);

		return Max(ArrayGetNItems(ARR_NDIM(values), ARR_DIMS(values)), 1);
	}
	if (IsA(array, ArrayExpr))
		return Max(list_length(((ArrayExpr *) array)->elements), 1);
	return DEFAULT_ARRAY_LENGTH;
}

/* The rows of a condition that names keys by rows; 0: it does not. */
static double
rows_of(const KeyCondition *condition)
{
	const KeyTerm *first = linitial(linitial(condition->arms));

	return first->aggregate_field != 0 ? values_in(first) : 0;
}

/* The values that an arm names of a key; 0: none. */
static double
values_of_arm(List *arm, bool is_aggregate)
{
	double		values = 0;
	ListCell   *cell;

	foreach(cell, arm)
	{
		const KeyTerm *term = lfirst(cell);

		if ((term->role == COLUMN_AGGREGATE_ID) == is_aggregate && term->strategy == BTEqualStrategyNumber
			&& (values == 0 || values_in(term) < values))
			values = values_in(term);
	}
	return values;
}

double
key_count_aggregates(const KeyCondition *condition)
{
	double		aggregates = 0;
	ListCell   *arm;

	foreach(arm, condition->arms)
		aggregates += values_of_arm(lfirst(arm), true);
	return aggregates;
}

/* The versions, or for a condition on aggregates the commits, that it names; 0 where one of its arms names none. */
static double
keys_of_condition(const KeyCondition *condition)
{
	double		keys = 0;
	ListCell   *arm;

	if (rows_of(condition) > 0)
		return rows_of(condition);
	foreach(arm, condition->arms)
	{
		double		values = values_of_arm(lfirst(arm), false);

		if (values == 0)
			return 0;
		keys += values * (condition->role == COLUMN_AGGREGATE_ID ? values_of_arm(lfirst(arm), true) : 1);
	}
	return keys;
}

double
key_count_single(List *conditions)
{
	KeyCondition *aggregate = pushdown_aggregate_condition(conditions);
	double		keys = 0;
	ListCell   *cell;

	foreach(cell, conditions)
	{
		const KeyCondition *condition = lfirst(cell);
		double		named = aggregate != NULL ? keys_of_condition(condition) : 0;

		if (condition->role == COLUMN_VERSION)
			named *= key_count_aggregates(aggregate);
		if (named > 0 && (keys == 0 || named < keys))
			keys = named;
	}
	return keys > 1 ? keys : 0;
}

bool
key_count_has_list(List *conditions)
{
	ListCell   *cell;

	foreach(cell, conditions)
	{
		const KeyCondition *condition = lfirst(cell);
		ListCell   *arm;

		if (condition->role == COLUMN_COMMITTED_AT)
			continue;			/* it is no key */
		if (rows_of(condition) > 1)
			return true;
		foreach(arm, condition->arms)
		{
			double		values = values_of_arm(lfirst(arm), false);

			if (values > 1 || (values > 0 && list_length(condition->arms) > 1))
				return true;
		}
	}
	return false;
}
