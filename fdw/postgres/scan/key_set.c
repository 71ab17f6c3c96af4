/*
 * key_set.c: which integers compare so with a value?
 *
 * A value that is no integer stands between two integers. If integers are rounded for the comparison, several may equal it. So
 * two integers are found: the first that is not less than the value, and the last that is not greater. All comparisons are
 * with these two.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "postgres/condition/clause.h"
#include "postgres/scan/key_set.h"
#include "postgres/table/relation.h"

/* DynamoDB bills what a request reads by so many bytes. */
#define BILLED_BYTES 4096.0

/* Where a value stands among the integers. */
typedef struct Place
{
	bool		has_first;		/* false: all integers are less */
	bool		has_last;		/* false: all are greater */
	int64		first;			/* that is not less */
	int64		last;			/* that is not greater */
} Place;

/* Of numbers that are not integers, and of an integer: as one of them is compared with the other. */
static int
compare_integer(int64 integer, Datum value, Oid type)
{
	Numeric		numeric;
	int			order;

	switch (type)
	{
		case NUMERICOID:
			numeric = int64_to_numeric(integer);
			order = DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(numeric), value));
			pfree(numeric);
			return order;
		case FLOAT4OID:
			return DatumGetInt32(DirectFunctionCall2(btfloat84cmp, Float8GetDatum((float8) integer), value));
		case FLOAT8OID:
			return DatumGetInt32(DirectFunctionCall2(btfloat8cmp, Float8GetDatum((float8) integer), value));
	}
	elog(ERROR, "unexpected type %u of a key's value", type);
}

/* The first integer that compares with the value as 0 or more (as more than 0 with `beyond`); false: none does. */
static bool
first_integer(Datum value, Oid type, bool beyond, int64 *first)
{
	int64		low = PG_INT64_MIN;
	int64		high = PG_INT64_MAX;

	if (compare_integer(high, value, type) < (beyond ? 1 : 0))
		return false;
	while (low < high)
	{
		int64		middle = (low & high) + ((low ^ high) >> 1);	/* their mean, rounded down */

		if (compare_integer(middle, value, type) < (beyond ? 1 : 0))
			low = middle + 1;
		else
			high = middle;
	}
	*first = low;
	return true;
}

/* Milliseconds: a moment may lie between two, or, being infinite, above or below all of them. */
static Place
place_of_moment(TimestampTz moment)
{
	Place		place = {.has_first = !TIMESTAMP_IS_NOEND(moment), .has_last = !TIMESTAMP_IS_NOBEGIN(moment)};

	if (TIMESTAMP_NOT_FINITE(moment))
	{
		place.first = PG_INT64_MIN;
		place.last = PG_INT64_MAX;
		return place;
	}
	place.last = timestamp_to_ms(moment);
	place.first = place.last + (moment % 1000 != 0);
	return place;
}

static Place
place_of(Datum value, Oid type)
{
	Place		place = {.has_first = true, .has_last = true};
	int64		beyond;

	if (type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID)
		return place_of_moment(clause_timestamp(value, type));
	if (clause_is_integer_type(type))
	{
		place.first = place.last = clause_integer(value, type);
		return place;
	}
	place.has_first = first_integer(value, type, false, &place.first);
	if (!first_integer(value, type, true, &beyond))
		place.last = PG_INT64_MAX;
	else if (beyond == PG_INT64_MIN)
		place.has_last = false;
	else
		place.last = beyond - 1;
	return place;
}

static KeySet
set_of_range(KeyRange range)
{
	KeySet		set = {.ranges = palloc(sizeof(KeyRange)), .nranges = 1};

	if (!key_range_is_possible(&range))
		return (KeySet) {0};
	set.ranges[0] = range;
	return set;
}

KeySet
key_set_everything(void)
{
	return set_of_range((KeyRange) {0});
}

static KeySet
up_to(int64 upper)
{
	return set_of_range((KeyRange) {.has_upper = true, .upper = upper});
}

static KeySet
from(int64 lower)
{
	return set_of_range((KeyRange) {.has_lower = true, .lower = lower});
}

/* The integers that are equal to a value; false: none is. */
static bool
equal_range(Datum value, Oid type, KeyRange *range)
{
	Place		place = place_of(value, type);

	*range = (KeyRange) {.has_lower = true, .lower = place.first, .has_upper = true, .upper = place.last};
	return place.has_first && place.has_last && key_range_is_possible(range);
}

KeySet
key_set_compared(StrategyNumber strategy, Datum value, Oid type)
{
	static const KeySet nothing = {0};
	Place		place = place_of(value, type);
	KeyRange	equal;

	switch (strategy)
	{
		case BTLessStrategyNumber:
			return !place.has_first ? key_set_everything() : place.first == PG_INT64_MIN ? nothing : up_to(place.first - 1);
		case BTLessEqualStrategyNumber:
			return place.has_last ? up_to(place.last) : nothing;
		case BTEqualStrategyNumber:
			return equal_range(value, type, &equal) ? set_of_range(equal) : nothing;
		case BTGreaterEqualStrategyNumber:
			return place.has_first ? from(place.first) : nothing;
		case BTGreaterStrategyNumber:
			return !place.has_last ? key_set_everything() : place.last == PG_INT64_MAX ? nothing : from(place.last + 1);
	}
	elog(ERROR, "unexpected comparison %d of a key", strategy);
}

/* true when `a` begins before `b`. */
static bool
begins_before(const KeyRange *a, const KeyRange *b)
{
	return b->has_lower && (!a->has_lower || a->lower < b->lower);
}

static bool
ends_before(const KeyRange *a, const KeyRange *b)
{
	return a->has_upper && (!b->has_upper || a->upper < b->upper);
}

/* Is there no integer between the end of one and the beginning of the other, which begins later? */
static bool
touches(const KeyRange *earlier, const KeyRange *later)
{
	return !earlier->has_upper || !later->has_lower || earlier->upper == PG_INT64_MAX || later->lower <= earlier->upper + 1;
}

/* Adds a range that begins no earlier than the last one of the set, which has room for it. */
static void
set_append(KeySet *set, const KeyRange *range)
{
	KeyRange   *last = set->nranges > 0 ? &set->ranges[set->nranges - 1] : NULL;

	if (last == NULL || !touches(last, range))
		set->ranges[set->nranges++] = *range;
	else if (ends_before(last, range))
	{
		last->has_upper = range->has_upper;
		last->upper = range->upper;
	}
}

static KeySet
set_with_room(size_t nranges)
{
	return (KeySet) {.ranges = palloc(sizeof(KeyRange) * Max(nranges, 1))};
}

KeySet
key_set_and(KeySet a, KeySet b)
{
	KeySet		set = set_with_room(a.nranges + b.nranges);
	size_t		i = 0;
	size_t		j = 0;

	while (i < a.nranges && j < b.nranges)
	{
		const KeyRange *later = begins_before(&a.ranges[i], &b.ranges[j]) ? &b.ranges[j] : &a.ranges[i];
		const KeyRange *sooner = ends_before(&a.ranges[i], &b.ranges[j]) ? &a.ranges[i] : &b.ranges[j];
		KeyRange	both = {
			.has_lower = later->has_lower, .lower = later->lower, .has_upper = sooner->has_upper, .upper = sooner->upper,
		};

		if (key_range_is_possible(&both))
			set.ranges[set.nranges++] = both;
		if (sooner == &a.ranges[i])
			i++;
		else
			j++;
	}
	return set;
}

static int
compare_ranges(const void *a, const void *b)
{
	const KeyRange *x = a;
	const KeyRange *y = b;

	return begins_before(x, y) ? -1 : begins_before(y, x);
}

/* Takes over ranges in any order. */
static KeySet
set_of_ranges(KeyRange *ranges, size_t nranges)
{
	KeySet		set = {.ranges = ranges};

	qsort(ranges, nranges, sizeof(KeyRange), compare_ranges);
	for (size_t i = 0; i < nranges; i++)
	{
		KeyRange	range = ranges[i];

		set_append(&set, &range);
	}
	return set;
}

KeySet
key_set_union(const KeySet *sets, size_t nsets)
{
	size_t		nranges = 0;
	KeyRange   *ranges;

	for (size_t i = 0; i < nsets; i++)
		nranges += sets[i].nranges;
	ranges = palloc(sizeof(KeyRange) * Max(nranges, 1));
	nranges = 0;
	for (size_t i = 0; i < nsets; i++)
		for (size_t j = 0; j < sets[i].nranges; j++)
			ranges[nranges++] = sets[i].ranges[j];
	return set_of_ranges(ranges, nranges);
}

KeySet
key_set_of_array(Datum array)
{
	Oid			type;
	Datum	   *elements;
	bool	   *nulls;
	int			count = clause_array_elements(array, &type, &elements, &nulls);
	KeyRange   *ranges = palloc(sizeof(KeyRange) * Max(count, 1));
	size_t		nranges = 0;

	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!nulls[i] && equal_range(elements[i], type, &ranges[nranges]))
			nranges++;
	}
	return set_of_ranges(ranges, nranges);
}

static double
keys_between(int64 first, int64 last)
{
	return (double) last - (double) first + 1;
}

double
key_set_units(double items, int item_bytes)
{
	return ceil(items * item_bytes / BILLED_BYTES);
}

KeySet
key_set_span_gaps(KeySet set, int item_bytes)
{
	size_t		kept = 0;

	for (size_t i = 1; i < set.nranges; i++)
	{
		KeyRange   *last = &set.ranges[kept];
		const KeyRange *next = &set.ranges[i];

		if (last->has_lower && next->has_upper
			&& key_set_units(keys_between(last->lower, next->upper), item_bytes)
			< key_set_units(keys_between(last->lower, last->upper), item_bytes)
			+ key_set_units(keys_between(next->lower, next->upper), item_bytes))
			last->upper = next->upper;
		else
			set.ranges[++kept] = *next;
	}
	set.nranges = set.nranges > 0 ? kept + 1 : 0;
	return set;
}
