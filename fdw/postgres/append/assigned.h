/*
 * assigned: the values that the append assigns to a row, and who looks at them before it has. These are the commit id, and a
 * version and a time that the row leaves out.
 */
#ifndef DYNAMODB_ES_ASSIGNED_H
#define DYNAMODB_ES_ASSIGNED_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"

#include "postgres/table/relation.h"

/* The columns that RETURNING and the check options of views look at; sets as pull_varattnos makes them. */
typedef struct AssignedUses
{
	Bitmapset  *by_returning;
	Bitmapset  *by_check_options;
} AssignedUses;

/* Of a target that is ready for rows. In the current memory context. */
extern AssignedUses *assigned_uses_new(const ResultRelInfo *target);

/* A column that is used and that has no value yet; NULL: there is none. */
extern const Column *assigned_missing(const ColumnMap *map, const Bitmapset *used, TupleTableSlot *slot);

/*
 * For rows that wait for the commit: an error if RETURNING uses what is assigned only then. Called when planning, it finds
 * what can be told by then.
 */
extern void assigned_check_plan(const ColumnMap *map, List *returning, Index target);

/* Likewise for a row: RETURNING, and check options of views. */
extern void assigned_check_row(const ColumnMap *map, const AssignedUses *uses, TupleTableSlot *slot);

#endif
