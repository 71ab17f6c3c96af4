/*
 * filter_leaf: the leaves of a filter's tree (filter_tree.h) as conditions of DynamoDB.
 */
#ifndef DYNAMODB_ES_FILTER_LEAF_H
#define DYNAMODB_ES_FILTER_LEAF_H

#include "postgres.h"

#include "dynamodb/filter.h"
#include "postgres/table/relation.h"

typedef enum FilterOutcome
{
	FILTER_SOME,				/* *filter decides */
	FILTER_ALL,					/* every item passes; *filter is NULL */
	FILTER_NONE					/* no item can pass: there is nothing to ask for; *filter is NULL */
} FilterOutcome;

/*
 * A leaf's test of a column, as a Filter in the current memory context. `value` is what its
 * expression, of that type, has come to; isnull for the tests without one.
 */
extern FilterOutcome filter_leaf(Column *column, int test, Datum value, Oid type, bool isnull, const Filter **filter);

/* An AND, OR or NOT of a List of Filter *. */
extern const Filter *filter_inner(FilterKind kind, List *children);

#endif
