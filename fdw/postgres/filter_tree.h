/*
 * filter_tree: what a filter's tree is made of, for the files that make it (filter_plan.c), read it (filter.c) and
 * turn its leaves into conditions (filter_leaf.c). Everybody else sees a Node (filter.h).
 */
#ifndef DYNAMODB_ES_FILTER_TREE_H
#define DYNAMODB_ES_FILTER_TREE_H

#include "postgres.h"

#include "postgres/clause.h"
#include "postgres/filter.h"

/* What a leaf tests: a B-tree strategy or NOT_EQUAL_STRATEGY, which compare with one value, or one of these. */
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

/* filter_plan.c: an AND or OR. */
extern Node *filter_tree_inner(FilterKind kind, List *children);

/*
 * filter_leaf.c: a leaf's test of a column, as a Filter in the current memory context. `value` is what its
 * expression, of that type, has come to; isnull for the tests without one.
 */
extern FilterOutcome filter_leaf(Column *column, int test, Datum value, Oid type, bool isnull, const Filter **filter);

/* An AND, OR or NOT of a List of Filter *. */
extern const Filter *filter_inner(FilterKind kind, List *children);

#endif
