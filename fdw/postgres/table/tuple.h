/*
 * tuple: rows that are not stored in PostgreSQL, as tuples.
 */
#ifndef DYNAMODB_ES_TUPLE_H
#define DYNAMODB_ES_TUPLE_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

/* A tuple that can be asked for its system columns: there is nothing in them, so all but tableoid are zero. */
extern HeapTuple tuple_form(TupleDesc desc, const Datum *values, const bool *nulls);

#endif
