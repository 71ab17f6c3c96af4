/*
 * keys.c: which items do the values of a statement ask for?
 *
 * All conditions on a sort key, however many, become one set of disjoint ranges: bounds are folded, the values of
 * arrays sorted, intersected and joined where they are neighbours. Aggregate ids are taken once each.
 */
#include "postgres.h"

#include "common/int.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "postgres/condition/clause.h"
#include "postgres/core/encoding.h"
#include "postgres/scan/keys.h"

/* The integers that the conditions on a sort key leave. */
typedef struct KeySet
{
	KeyRange	bounds;
	bool		has_values;		/* only these; otherwise all within the bounds */
	int64	   *values;			/* ascending, each once */
	int			nvalues;
} KeySet;

/* Narrows the bounds by one more condition. false when nothing is left. */
static bool
bounds_add(KeyRange *bounds, StrategyNumber strategy, int64 value)
{
	if ((strategy == BTLessStrategyNumber && pg_sub_s64_overflow(value, 1, &value))
		|| (strategy == BTGreaterStrategyNumber && pg_add_s64_overflow(value, 1, &value)))
		return false;
	if (strategy >= BTEqualStrategyNumber && (!bounds->has_lower || bounds->lower < value))
	{
		bounds->has_lower = true;
		bounds->lower = value;
	}
	if (strategy <= BTEqualStrategyNumber && (!bounds->has_upper || bounds->upper > value))
	{
		bounds->has_upper = true;
		bounds->upper = value;
	}
	return key_range_is_possible(bounds);
}

static int
compare_integers(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* The elements of an array that are not NULL. */
static Datum *
array_elements(Datum array, Oid *type, int *count)
{
	Datum	   *elements;
	bool	   *nulls;
	int			all = clause_array_elements(array, type, &elements, &nulls);

	*count = 0;
	for (int i = 0; i < all; i++)
		if (!nulls[i])
			elements[(*count)++] = elements[i];
	return elements;
}

/* Keeps those of the set's values that the sorted list has too. */
static void
values_intersect(KeySet *set, const int64 *values, int nvalues)
{
	int			kept = 0;

	for (int i = 0, j = 0; i < set->nvalues && j < nvalues;)
	{
		if (set->values[i] < values[j])
			i++;
		else if (set->values[i] > values[j])
			j++;
		else
		{
			set->values[kept++] = values[j];
			i++;
			j++;
		}
	}
	set->nvalues = kept;
}

static void
set_add_array(KeySet *set, Datum array)
{
	Oid			type;
	int			count;
	Datum	   *elements = array_elements(array, &type, &count);
	int64	   *values = palloc(sizeof(int64) * Max(count, 1));
	int			nvalues = 0;

	for (int i = 0; i < count; i++)
		values[i] = clause_integer(elements[i], type);
	qsort(values, count, sizeof(int64), compare_integers);
	for (int i = 0; i < count; i++)
		if (i == 0 || values[i] != values[i - 1])
			values[nvalues++] = values[i];
	if (set->has_values)
		values_intersect(set, values, nvalues);
	else
	{
		set->has_values = true;
		set->values = values;
		set->nvalues = nvalues;
	}
}

static bool
in_bounds(const KeyRange *bounds, int64 value)
{
	return (!bounds->has_lower || value >= bounds->lower) && (!bounds->has_upper || value <= bounds->upper);
}

/* The set as ranges, ascending; neighbours are one. */
static const KeyRange *
set_ranges(const KeySet *set, size_t *nranges)
{
	KeyRange   *ranges = palloc0(sizeof(KeyRange) * Max(set->nvalues, 1));
	size_t		n = 0;

	if (!set->has_values)
		ranges[n++] = set->bounds;
	for (int i = 0; i < set->nvalues; i++)
	{
		int64		value = set->values[i];

		if (!in_bounds(&set->bounds, value))
			continue;
		if (n > 0 && ranges[n - 1].upper == value - 1)
			ranges[n - 1].upper = value;
		else
			ranges[n++] = (KeyRange)
		{
			.has_lower = true, .has_upper = true, .lower = value, .upper = value
		};
	}
	*nranges = n;
	return ranges;
}

/* An aggregate id as DynamoDB has it. false when it can be no key. */
static bool
aggregate_id_of(FmgrInfo *output, Datum value, AggregateId *id)
{
	char	   *text = OutputFunctionCall(output, value);

	id->text = encoding_to_utf8(text, strlen(text));
	id->length = strlen(id->text);
	return id->length > 0 && id->length <= MAX_AGGREGATE_ID_BYTES;
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(((const AggregateId *) a)->text, ((const AggregateId *) b)->text);
}

static void
spec_add_aggregates(ReadSpec *spec, Datum value, Oid type, bool is_array)
{
	int			count = 1;
	Datum	   *elements = is_array ? array_elements(value, &type, &count) : &value;
	AggregateId *ids = palloc(sizeof(AggregateId) * Max(count, 1));
	int			nids = 0;
	Oid			function;
	bool		varlena;
	FmgrInfo	output;

	getTypeOutputInfo(type, &function, &varlena);
	fmgr_info(function, &output);
	for (int i = 0; i < count; i++)
		if (aggregate_id_of(&output, elements[i], &ids[nids]))
			nids++;
	qsort(ids, nids, sizeof(AggregateId), compare_ids);
	spec->naggregates = 0;
	for (int i = 0; i < nids; i++)
		if (i == 0 || compare_ids(&ids[i], &ids[spec->naggregates - 1]) != 0)
			ids[spec->naggregates++] = ids[i];
	spec->aggregates = ids;
}

bool
keys_evaluate(const ScanPlan *plan, List *value_exprs, List *value_states, ExprContext *econtext, ReadSpec *spec)
{
	KeySet		set = {0};

	for (int i = 0; i < list_length(plan->condition_roles); i++)
	{
		Oid			type = exprType(list_nth(value_exprs, i));
		bool		is_array = list_nth_int(plan->condition_arrays, i) != 0;
		bool		isnull;
		Datum		value = ExecEvalExpr((ExprState *) list_nth(value_states, i), econtext, &isnull);

		if (isnull)
			return false;
		if (list_nth_int(plan->condition_roles, i) == COLUMN_AGGREGATE_ID)
			spec_add_aggregates(spec, value, type, is_array);
		else if (is_array)
			set_add_array(&set, value);
		else if (!bounds_add(&set.bounds, list_nth_int(plan->condition_strategies, i), clause_integer(value, type)))
			return false;
	}
	spec->ranges = set_ranges(&set, &spec->nranges);
	return spec->nranges > 0 && (spec->path != READ_AGGREGATE || spec->naggregates > 0);
}
