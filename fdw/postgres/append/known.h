/*
 * known: what a row does not have yet before it is stored, and who looks at it: its commit id, and a version and a time
 * that it leaves out.
 */
#ifndef DYNAMODB_ES_KNOWN_H
#define DYNAMODB_ES_KNOWN_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"

#include "postgres/table/relation.h"

/* The columns that RETURNING and the check options of views look at; sets as pull_varattnos makes them. */
typedef struct KnownUses
{
	Bitmapset  *by_returning;
	Bitmapset  *by_check_options;
} KnownUses;

/* Of a target that is ready for rows. In the current memory context. */
extern KnownUses *known_uses_new(const ResultRelInfo *target);

/* A column that is used and that the row does not have yet; NULL: there is none. */
extern const Column *known_missing(const ColumnMap *map, const Bitmapset *used, TupleTableSlot *slot);

/*
 * For rows that wait for the commit. Raises an error when RETURNING wants what is known only then; when planning, as far
 * as one can tell then.
 */
extern void known_check_plan(const ColumnMap *map, List *returning, Index target);

/* Likewise for a row: RETURNING, and check options of views. */
extern void known_check_row(const ColumnMap *map, const KnownUses *uses, TupleTableSlot *slot);

#endif
