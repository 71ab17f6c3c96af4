/*
 * key_set: the integers that conditions on a sort key leave, as disjoint ranges.
 */
#ifndef DYNAMODB_ES_KEY_SET_H
#define DYNAMODB_ES_KEY_SET_H

#include "postgres.h"

#include "access/stratnum.h"

#include "store/range.h"

/* Ascending, without neighbours, in the memory context of who made it. All zeroes: nothing. */
typedef struct KeySet
{
	KeyRange   *ranges;
	size_t		nranges;
} KeySet;

/* All integers. */
extern KeySet key_set_everything(void);

/*
 * Those that compare so with a value of type smallint, integer, bigint, numeric, real or double precision. With the last
 * three, integers are compared as PostgreSQL compares them: as numeric, or rounded to double precision. With a date or a
 * timestamp they are compared as milliseconds since the epoch.
 */
extern KeySet key_set_compared(StrategyNumber strategy, Datum value, Oid type);

/* Those that are equal to an element of an array; a NULL is equal to none. */
extern KeySet key_set_of_array(Datum array);

/*
 * Reads gaps along where that bills less: ranges that are near to each other become one. An item has so many bytes, and is
 * billed by 4 KB, of all that one request reads.
 */
extern KeySet key_set_span_gaps(KeySet set, int item_bytes);

/* What reading so many items at once bills, in such units. */
extern double key_set_units(double items, int item_bytes);

/* Those in both; those in any. */
extern KeySet key_set_and(KeySet a, KeySet b);
extern KeySet key_set_union(const KeySet *sets, size_t nsets);

#endif
