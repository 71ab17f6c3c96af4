/*
 * known: what a row that waits for the commit does not have yet, and who may not look at it.
 */
#ifndef DYNAMODB_ES_KNOWN_H
#define DYNAMODB_ES_KNOWN_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"

#include "postgres/relation.h"

/*
 * The commit id is known at commit only; so are a version and a time that the row leaves out. Raises an error when
 * RETURNING wants one of them; when planning, as far as one can tell then.
 */
extern void known_check_plan(const ColumnMap *map, List *returning, Index target);

/* Likewise for a row: RETURNING, and check options of views. */
extern void known_check_row(const ColumnMap *map, const ResultRelInfo *target, TupleTableSlot *slot);

/* The range table index by which RETURNING and check options name their target, also where it is a partition. */
extern Index known_index(const ResultRelInfo *target);

#endif
