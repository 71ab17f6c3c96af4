/*
 * filter_evaluate: which conditions DynamoDB can apply as a FilterExpression, meaning exactly what PostgreSQL means.
 *
 * Planning turns a clause into a tree. Execution turns the tree and its values into a Filter (dynamodb/filter.h). EXPLAIN turns
 * the tree into text. A filter saves the transfer of an item, not the capacity to read it.
 *
 * One thing differs from the same clause in PostgreSQL. A stored value that its column cannot show (an N in a text column, 10.5
 * in an integer one) is an error there. Here the item passes or does not pass; mostly it does not.
 */
#ifndef DYNAMODB_ES_FILTER_EVALUATE_H
#define DYNAMODB_ES_FILTER_EVALUATE_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "postgres/condition/filter_leaf.h"
#include "postgres/condition/filter_plan.h"

/*
 * Evaluates values and builds a Filter from them, all in the current memory context. `values` is the List that
 * filter_plan appended to, `states` the ExprStates of the same. An arm of AND or OR that does not matter any more is
 * not evaluated, as in PostgreSQL itself. A NULL tree is FILTER_ALL. Raises 54000 where the values have more than
 * FILTER_MAX_BYTES.
 */
extern FilterOutcome filter_evaluate(Node *tree, const ColumnMap *map, List *values, List *states, ExprContext *econtext,
									 const Filter **filter);

#endif
