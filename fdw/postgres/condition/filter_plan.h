/*
 * filter_plan: a clause as a filter's tree (filter_tree.h), if DynamoDB can apply it.
 */
#ifndef DYNAMODB_ES_FILTER_PLAN_H
#define DYNAMODB_ES_FILTER_PLAN_H

#include "postgres.h"

#include "nodes/primnodes.h"

#include "postgres/table/relation.h"
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

/*
 * A filter's values may have 1 MB in all, as DynamoDB Local has it; the documents say 2 MB. What would bring its constants
 * over a smaller bound is checked locally: "<>" sends a value twice, binary grows by a third, and there has to be room
 * for values that are known only when it is evaluated.
 */
#define FILTER_MAX_BYTES (1000 * 1000)
#define FILTER_MAX_CONSTANT_BYTES (300 * 1000)

/* Bytes of the constants among the values, from the one at that index on. */
extern size_t filter_constant_bytes(List *values, int first);

#endif
