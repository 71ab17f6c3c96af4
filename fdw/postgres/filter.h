/*
 * filter: which conditions DynamoDB can apply as a FilterExpression, meaning exactly what PostgreSQL means.
 *
 * Planning turns a clause into a tree, execution the tree and its values into a Filter (dynamodb/filter.h), EXPLAIN
 * the tree into text. A filter spares the transfer of an item, not the capacity to read it.
 *
 * One thing differs from the same clause applied locally: a stored value that its column cannot show (an N in a text
 * column, 10.5 in an integer one) is an error there, whereas here such an item simply passes or not; mostly not.
 */
#ifndef DYNAMODB_ES_POSTGRES_FILTER_H
#define DYNAMODB_ES_POSTGRES_FILTER_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "nodes/primnodes.h"

#include "dynamodb/filter.h"
#include "postgres/relation.h"
#include "store/read.h"

/*
 * The most that the trees of one scan may weigh together, so that they stay within DynamoDB's 300 operators and 4 KB.
 */
#define FILTER_MAX_WEIGHT 120

/*
 * A tree for the clause, made of Lists and Integers and so fit for fdw_private; NULL when the clause has to stay
 * local on that path, or weighs more than FILTER_MAX_WEIGHT by itself. The values that it is to be compared with are
 * appended to *values, and it holds their indexes there; they are expressions without columns, to become part of
 * fdw_exprs.
 */
extern Node *filter_plan(Expr *clause, Index relid, const ColumnMap *map, ReadPath path, List **values);

/* About the number of operators and functions that DynamoDB will count. */
extern int	filter_weight(Node *tree);

/*
 * A filter's values may have 1 MB in all, as DynamoDB Local has it; the documents say 2 MB. What would bring its constants
 * over a smaller bound is checked locally: "<>" sends a value twice, binary grows by a third, and there has to be room
 * for values that are known only when it is evaluated.
 */
#define FILTER_MAX_BYTES (1000 * 1000)
#define FILTER_MAX_CONSTANT_BYTES (300 * 1000)

/* Bytes of the constants among the values, from the one at that index on. */
extern size_t filter_constant_bytes(List *values, int first);

/* One tree for all of them; NULL for NIL. */
extern Node *filter_and(List *trees);

typedef enum FilterOutcome
{
	FILTER_SOME,				/* *filter decides */
	FILTER_ALL,					/* every item passes; *filter is NULL */
	FILTER_NONE					/* no item can pass: there is nothing to ask for; *filter is NULL */
} FilterOutcome;

/*
 * Evaluates values and builds a Filter from them, all in the current memory context. `values` is the List that
 * filter_plan appended to, `states` the ExprStates of the same. An arm of AND or OR that does not matter any more is
 * not evaluated, as in PostgreSQL itself. A NULL tree is FILTER_ALL. Raises 54000 where the values have more than
 * FILTER_MAX_BYTES.
 */
extern FilterOutcome filter_evaluate(Node *tree, const ColumnMap *map, List *values, List *states, ExprContext *econtext,
									 const Filter **filter);

/* "committedAt < '…' AND (x = 5 OR …)": attributes by their own names, values deparsed. For a tree that is not NULL. */
extern char *filter_text(Node *tree, const ColumnMap *map, List *values, List *deparse_context);

#endif
