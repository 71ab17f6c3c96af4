/*
 * arms.c: is this clause an OR, in whatever form?
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "postgres/condition/arms.h"
#include "postgres/condition/clause.h"

/* column = value AND …, for as many columns and values; NIL: they are not comparable so. */
static List *
row_equalities(List *columns, List *values)
{
	List	   *equalities = NIL;
	ListCell   *column;
	ListCell   *value;

	if (list_length(columns) != list_length(values))
		return NIL;
	forboth(column, columns, value, values)
	{
		Node	   *left = lfirst(column);
		Oid			equal = lookup_type_cache(exprType(left), TYPECACHE_EQ_OPR)->eq_opr;

		/* What compares rows has them compare only with their like. */
		if (!OidIsValid(equal) || exprType(lfirst(value)) != exprType(left))
			return NIL;
		equalities = lappend(equalities, make_opclause(equal, BOOLOID, false, (Expr *) left, lfirst(value), InvalidOid,
													   exprCollation(left)));
	}
	return equalities;
}

/* A constant row as a List of Const. */
static List *
constants_of_row(Datum row)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(row);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	Datum	   *values = palloc(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc(sizeof(bool) * desc->natts);
	List	   *constants = NIL;

	heap_deform_tuple(&tuple, desc, values, nulls);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		constants = lappend(constants, makeConst(column->atttypid, column->atttypmod, column->attcollation, column->attlen,
												 values[i], nulls[i], column->attbyval));
	}
	return constants;
}

/* The rows of a constant array, each as a List of Const; those that are NULL left out. */
static List *
rows_of_constant(const Const *array)
{
	Oid			type;
	Datum	   *elements;
	bool	   *nulls;
	int			count = array->constisnull ? 0 : clause_array_elements(array->constvalue, &type, &elements, &nulls);
	List	   *rows = NIL;

	for (int i = 0; i < count; i++)
		if (!nulls[i])
			rows = lappend(rows, constants_of_row(elements[i]));
	return rows;
}

/* The rows of an array that is written out, each as a List of expressions. NIL where it is not. */
static List *
rows_of_array(Node *array)
{
	List	   *rows = NIL;
	ListCell   *cell;

	if (IsA(array, Const))
		return rows_of_constant((Const *) array);
	if (!IsA(array, ArrayExpr))
		return NIL;
	foreach(cell, ((ArrayExpr *) array)->elements)
	{
		if (!IsA(lfirst(cell), RowExpr))
			return NIL;
		rows = lappend(rows, lfirst_node(RowExpr, cell)->args);
	}
	return rows;
}

/*
 * (column, …) = ANY (ARRAY[ROW(value, …), …]) as the arms of an OR. Rows with a NULL can be equal there, but no key is
 * NULL. NIL: it is nothing of that kind.
 */
static List *
arms_of_rows(const ScalarArrayOpExpr *operation)
{
	RowExpr    *columns = linitial(operation->args);
	List	   *arms = NIL;
	ListCell   *cell;

	if (!operation->useOr || operation->opno != RECORD_EQ_OP || !IsA(columns, RowExpr))
		return NIL;
	foreach(cell, rows_of_array(lsecond(operation->args)))
	{
		List	   *equalities = row_equalities(columns->args, lfirst(cell));

		if (equalities == NIL)
			return NIL;
		arms = lappend(arms, make_andclause(equalities));
	}
	return arms;
}

List *
arms_of_clause(Expr *clause)
{
	if (is_orclause(clause))
		return ((BoolExpr *) clause)->args;
	return IsA(clause, ScalarArrayOpExpr) ? arms_of_rows((ScalarArrayOpExpr *) clause) : NIL;
}
