/*
 * tuple.c: what does a row look like that has system columns but no place in a table?
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"

#include "postgres/table/tuple.h"

/* A tuple made by heap_form_tuple has a Datum's header where system columns stand. */
HeapTuple
tuple_form(TupleDesc desc, const Datum *values, const bool *nulls)
{
	HeapTuple	tuple = heap_form_tuple(desc, unconstify(Datum *, values), unconstify(bool *, nulls));

	HeapTupleHeaderSetXmax(tuple->t_data, InvalidTransactionId);
	HeapTupleHeaderSetXmin(tuple->t_data, InvalidTransactionId);
	HeapTupleHeaderSetCmin(tuple->t_data, FirstCommandId);
	return tuple;
}
