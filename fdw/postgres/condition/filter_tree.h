/*
 * filter_tree: what a filter's tree is made of, for the files that make it (filter_plan.c), evaluate it (filter_evaluate.c) and
 * turn its leaves into conditions (filter_leaf.c). Everybody else sees a Node.
 */
#ifndef DYNAMODB_ES_FILTER_TREE_H
#define DYNAMODB_ES_FILTER_TREE_H

#include "postgres.h"

#include "dynamodb/filter.h"
#include "postgres/condition/clause.h"
#include "postgres/table/relation.h"

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

/* An AND or OR; takes over the list. */
extern Node *filter_tree_inner(FilterKind kind, List *children);

/* About the number of operators and functions that DynamoDB will count. */
extern int	filter_tree_weight(Node *tree);

/* One tree for all of them; NULL for NIL. */
extern Node *filter_tree_and(List *trees);

/* "committedAt < '…' AND (x = 5 OR …)": attributes by their own names, values deparsed. For a tree that is not NULL. */
extern char *filter_tree_text(Node *tree, const ColumnMap *map, List *values, List *deparse_context);

#endif
