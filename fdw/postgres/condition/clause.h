/*
 * clause: what the parts of a condition are, as far as key conditions and filters both ask.
 */
#ifndef DYNAMODB_ES_CLAUSE_H
#define DYNAMODB_ES_CLAUSE_H

#include "postgres.h"

#include "access/stratnum.h"
#include "datatype/timestamp.h"
#include "nodes/primnodes.h"

#include "postgres/table/relation.h"

/* "<>", which is no strategy of a B-tree. */
#define NOT_EQUAL_STRATEGY (BTMaxStrategyNumber + 1)

/* The column that an expression is, or NULL; varchar columns come as text under a RelabelType. */
extern Column *clause_column(Node *node, Index relid, const ColumnMap *map);

/*
 * What the operator asks of a value of that type on its left, in terms of the type's own order: a B-tree strategy or
 * NOT_EQUAL_STRATEGY; InvalidStrategy where it is an operator of no such meaning.
 */
extern StrategyNumber clause_strategy(Oid operator, Oid type);

/* true for a function that makes a numeric or a double precision number of an integer, in the same order. */
extern bool clause_converts_integer(Oid function);

/* "<=", as DynamoDB and PostgreSQL write it. */
extern const char *clause_comparator(StrategyNumber strategy);

/* true for an expression that yields one value for a whole scan: nothing volatile, no SubPlan. It may hold Vars. */
extern bool clause_is_stable(Node *node);

/* Likewise, and it looks at no relation at all. */
extern bool clause_is_free_of_columns(Node *node);

/* smallint, integer, bigint, all of which B-tree operators compare with each other. */
extern bool clause_is_integer_type(Oid type);
extern int64 clause_integer(Datum value, Oid type);

/* A date or timestamp of any kind; one that lies outside becomes infinite, which is how PostgreSQL compares it. */
extern TimestampTz clause_timestamp(Datum value, Oid type);

/*
 * How many elements an array has, of whatever dimensions, and their type. They are made in the current memory context;
 * *nulls says which are NULL.
 */
extern int	clause_array_elements(Datum array, Oid *type, Datum **elements, bool **nulls);

/*
 * true where texts are ordered by their bytes: C, POSIX, and the default collation of a database that has one of
 * these.
 */
extern bool clause_collation_is_c(Oid collation);

#endif
