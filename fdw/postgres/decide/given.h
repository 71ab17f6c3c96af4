/*
 * given: the rows that dynamodb_es_append is given, and the foreign table that they are rows of.
 */
#ifndef DYNAMODB_ES_DECIDE_GIVEN_H
#define DYNAMODB_ES_DECIDE_GIVEN_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/array.h"
#include "utils/tuplestore.h"

#include "postgres/append/batch.h"
#include "postgres/table/options.h"
#include "postgres/table/relation.h"

typedef struct GivenRows
{
	Oid			relation;
	Oid			owner;			/* of the table */
	TupleDesc	desc;
	const ColumnMap *map;
	const TableOptions *options;
	Datum	   *rows;			/* composite */
	int			nrows;
	TupleTableSlot *slot;		/* in which one of them is looked at */
} GivenRows;

/*
 * The table is locked as for an INSERT, until the transaction ends. Raises an error for what is no array of rows of a foreign
 * table of this wrapper, for a table that is not appended to in this way, and for a user who may not. In the current memory context.
 */
extern GivenRows *given_rows_new(Oid array_type, ArrayType *array);

/* The rows as new ones of the batch, which has room for them: checked, and without ids. */
extern void given_rows_fill(const GivenRows *given, RowBatch *batch);

/* The rows as they are stored. */
extern void given_rows_return(const GivenRows *given, const RowBatch *batch, Tuplestorestate *result);

#endif
