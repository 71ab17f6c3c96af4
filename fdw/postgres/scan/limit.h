/*
 * limit: how many rows of a scan will be taken, as far as that can be known before.
 *
 * Only a hint to the reading: it makes the first page as small as it can be. The executor's own Limit node stays and
 * decides.
 */
#ifndef DYNAMODB_ES_LIMIT_H
#define DYNAMODB_ES_LIMIT_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"

/* Zeroed: all rows. */
typedef struct RowLimit
{
	Node	   *count;			/* of the LIMIT above the scan; NULL: there is none */
	Node	   *offset;
	ExprState  *count_state;
	ExprState  *offset_state;
	int			more;			/* rows beside these two; without a LIMIT, those that will probably be taken */
	bool		is_certain;		/* no more are ever taken, save those that the scan itself drops; otherwise it is a guess */
} RowLimit;

/* At planning: the rows of a query that will probably be taken, where no LIMIT says: of a cursor, an EXISTS. 0: all. */
extern int	limit_first_rows(const PlannerInfo *root);

/* When the scan begins: what the plan above it says. `first_rows` is what limit_first_rows has found. */
extern RowLimit limit_find(ForeignScanState *node, int first_rows);

/* true when a node's rows will all be taken, as far as is known. */
extern bool limit_takes_all(const PlannedStmt *statement, const Plan *node, int first_rows);

/* The rows that the plan above will probably take; 0 for all. */
extern int64 limit_evaluate(const RowLimit *limit, ExprContext *econtext);

#endif
