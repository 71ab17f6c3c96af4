/*
 * modify: INSERT and COPY into a foreign table.
 */
#ifndef DYNAMODB_ES_MODIFY_H
#define DYNAMODB_ES_MODIFY_H

#include "postgres.h"

#include "foreign/fdwapi.h"

#include "postgres/append/batch.h"
#include "postgres/append/deferred.h"
#include "postgres/append/assigned.h"
#include "postgres/table/options.h"
#include "postgres/table/relation.h"

/* ResultRelInfo.ri_FdwState */
typedef struct StoreInsert
{
	PlanState  *node;			/* of the statement */
	ColumnMap  *map;
	TableOptions options;
	RowBatch	batch;			/* its tenure is NULL for an EXPLAIN that runs nothing */
	DeferredStore *deferred;	/* where rows wait for the commit; NULL: none do */
	AssignedUses *uses;			/* NULL: not looked for yet */
	TupleTableSlot *shown;		/* for rows that come in a slot without system columns; NULL: none has come */
	bool		has_appended;	/* or is about to */
	HTAB	   *own;			/* see scan_collect_all */
	bool		gathers;		/* a COPY whose rows the core passes on one by one: append them in batches all the same */
} StoreInsert;

extern List *modify_plan(PlannerInfo *root, ModifyTable *plan, Index target, int subplan);
extern void modify_begin(ModifyTableState *state, ResultRelInfo *target, List *fdw_private, int subplan, int flags);
extern int	modify_batch_size(ResultRelInfo *target);
extern TupleTableSlot *modify_insert(EState *estate, ResultRelInfo *target, TupleTableSlot *slot,
									 TupleTableSlot *plan_slot);
extern TupleTableSlot **modify_insert_batch(EState *estate, ResultRelInfo *target, TupleTableSlot **slots,
											TupleTableSlot **plan_slots, int *nslots);

/*
 * For EXPLAIN ANALYZE, which looks after the last row and before the end: sends what the end would have to send, so that it is counted.
 */
extern void modify_settle(StoreInsert *insert);
extern void modify_end(EState *estate, ResultRelInfo *target);

/* COPY, and rows that a partitioned table routes here. */
extern void modify_begin_routed(ModifyTableState *state, ResultRelInfo *target);
extern void modify_end_routed(EState *estate, ResultRelInfo *target);

/* INSERT alone: commits are immutable. */
extern int	modify_possible(Relation relation);
extern void modify_truncate(List *relations, DropBehavior behavior, bool restart_sequences);

#endif
