/*
 * send: what a scan sends of its clauses.
 */
#ifndef DYNAMODB_ES_SEND_H
#define DYNAMODB_ES_SEND_H

#include "postgres.h"

#include "nodes/pathnodes.h"

#include "postgres/condition/pushdown.h"
#include "postgres/scan/scan_plan.h"
#include "postgres/table/options.h"

/* What planning knows of a relation: rel->fdw_private. */
typedef struct RelationState
{
	ColumnMap  *map;
	TableOptions options;
	List	   *conditions;		/* of KeyCondition *, from the relation's own restrictions */
	bool		analyzed;		/* the planner has statistics */
	double		table_rows;
	double		item_bytes;		/* of one item with all that it has, on average */
} RelationState;

/*
 * Sends what can be sent of the clauses: fills in the plan's conditions and filter and *values. The clauses (bare
 * expressions) that are to be checked here, and in *recheck those that were sent; with the option "unreadable" a clause may
 * be both.
 */
extern List *send_clauses(RelOptInfo *rel, const RelationState *state, List *clauses, ScanPlan *plan,
						  List **values, List **recheck);

#endif
