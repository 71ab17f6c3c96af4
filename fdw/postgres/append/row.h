/*
 * row: rows of an INSERT as commits, and back.
 */
#ifndef DYNAMODB_ES_ROW_H
#define DYNAMODB_ES_ROW_H

#include "postgres.h"

#include "executor/tuptable.h"

#include "postgres/table/relation.h"
#include "store/append.h"

/* Raises HV005 when the table lacks a column that a commit of that mode cannot do without. */
extern void row_check_columns(const ColumnMap *map, AppendMode mode);

/*
 * The commit that a row is, checked; texts in the current memory context. Raises an error for a row that can never be
 * stored.
 */
extern AppendRow row_to_commit(const ColumnMap *map, AppendMode mode, TupleTableSlot *slot);

/*
 * Puts what was stored of a slot's row into the slot `shown`, which may be the same: the id, the version and the time
 * that the store gave, and times in milliseconds.
 */
extern void row_update(const ColumnMap *map, const Commit *commit, TupleTableSlot *slot, TupleTableSlot *shown);

/* Only with the times cut to milliseconds, as they will be stored. */
extern void row_cut_times(const ColumnMap *map, TupleTableSlot *slot, TupleTableSlot *shown);

#endif
