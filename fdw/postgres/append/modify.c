/*
 * modify.c: how does a row become a commit?
 *
 * Rows are appended in batches, or one by one where somebody looks at each.
 */
#include "postgres.h"

#include "access/table.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "utils/memutils.h"

#include "postgres/append/assigned.h"
#include "postgres/append/modify.h"
#include "postgres/append/row.h"
#include "postgres/append/store_batch.h"
#include "postgres/core/compat.h"
#include "postgres/core/errors.h"
#include "postgres/scan/scan.h"
#include "postgres/table/table_cache.h"

/* Rows wait in memory for the others of theirs: four batches keep the connections busy, and no more rows than that. */
#define BATCHES_AT_ONCE 4
#define MOST_ROWS_AT_ONCE 400
#define MOST_BYTES_GATHERED ((Size) 16 * 1024 * 1024)

enum
{
	INSERT_PLAN_SKIP_CONFLICTS
};

int
modify_possible(Relation relation)
{
	return 1 << CMD_INSERT;
}

/* A conflict is found at commit, when there is no row left to skip. */
static void
check_conflict_action(OnConflictAction action, const TableOptions *options, const char *relation_name)
{
	if (action != ONCONFLICT_NONE && options->append_at_commit)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot use ON CONFLICT with foreign table \"%s\"", relation_name),
				 errdetail("Its rows are appended when the transaction commits; conflicts are found only then.")));
}

static void
report_immutable(const char *command, const char *relation_name)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot %s foreign table \"%s\"", command, relation_name),
			 errdetail("Commits are immutable.")));
}

void
modify_truncate(List *relations, DropBehavior behavior, bool restart_sequences)
{
	report_immutable("truncate", RelationGetRelationName((Relation) linitial(relations)));
}

static void
plan_insert(Relation relation, const ModifyTable *plan, Index target, int subplan)
{
	const KnownTable *table = table_cache_use(relation, CurrentMemoryContext);

	store_batch_check_table(&table->options, table->map);
	check_conflict_action(plan->onConflictAction, &table->options, table->map->relation_name);
	if (table->options.append_at_commit && plan->returningLists != NIL)
		assigned_check_plan(table->map, list_nth_node(List, plan->returningLists, subplan), target);
}

List *
modify_plan(PlannerInfo *root, ModifyTable *plan, Index target, int subplan)
{
	RangeTblEntry *rte = planner_rt_fetch(target, root);
	Relation	relation = table_open(rte->relid, NoLock);
	const char *name = RelationGetRelationName(relation);

	if (plan->operation == CMD_UPDATE)
		report_immutable("update", name);
	if (plan->operation == CMD_DELETE)
		report_immutable("delete from", name);
	plan_insert(relation, plan, target, subplan);
	table_close(relation, NoLock);
	return list_make1(makeInteger(plan->onConflictAction == ONCONFLICT_NOTHING));
}

/* Triggers, check options of views and RETURNING see the row as it is stored. */
static bool
row_is_looked_at(const ResultRelInfo *target)
{
	return target->ri_projectReturning != NULL || target->ri_WithCheckOptions != NIL
		|| (target->ri_TrigDesc != NULL && target->ri_TrigDesc->trig_insert_after_row);
}

/* Triggers that see a COPY when it is over run before the foreign table is told of its end. */
static bool
copy_is_looked_at(const ResultRelInfo *target)
{
	const ResultRelInfo *copied_to = target->ri_RootResultRelInfo != NULL ? target->ri_RootResultRelInfo : target;

	return copied_to->ri_TrigDesc != NULL && copied_to->ri_TrigDesc->trig_insert_after_statement;
}

/*
 * Rows that are handed over at once. A batch's last puts, and the next one's ids, need not be waited for before more is
 * sent: so these are several batches, as long as they are small. One of dense mode is a transaction, and the next has to
 * wait for it.
 */
static int
rows_at_once(const TableOptions *options)
{
	int			several = Min(options->batch_size * BATCHES_AT_ONCE, MOST_ROWS_AT_ONCE);

	if (options->append_mode == APPEND_DENSE || options->batch_size == 1)
		return options->batch_size;
	return Max(options->batch_size, several);
}

static StoreInsert *
insert_new(ModifyTableState *state, ResultRelInfo *target, bool skip_conflicts)
{
	const KnownTable *table = table_cache_use(target->ri_RelationDesc, state->ps.state->es_query_cxt);
	StoreInsert *insert = palloc0(sizeof(StoreInsert));

	insert->node = &state->ps;
	insert->map = table->map;
	insert->options = table->options;
	store_batch_check_table(&insert->options, insert->map);
	insert->batch = store_batch_new(&insert->options, insert->map);
	insert->batch.settings.skip_conflicts = skip_conflicts;
	target->ri_FdwState = insert;
	return insert;
}

static void
insert_connect(StoreInsert *insert, EState *estate, ResultRelInfo *target)
{
	Oid			server = insert->options.server;
	Oid			user = compat_modify_user(estate, target);
	Oid			owner = target->ri_RelationDesc->rd_rel->relowner;
	Oid			mapping = store_batch_connect(&insert->batch, estate->es_query_cxt, &insert->options, user, owner);
	const Client *client = tenure_client(insert->batch.tenure);

	insert->batch.rows = MemoryContextAlloc(estate->es_query_cxt, sizeof(AppendRow) * rows_at_once(&insert->options));
	if (insert->options.append_at_commit)
		insert->deferred = deferred_store_new(user, server, mapping, owner, client, insert->map->relation_name);
}

void
modify_begin(ModifyTableState *state, ResultRelInfo *target, List *fdw_private, int subplan, int flags)
{
	EState	   *estate = state->ps.state;
	StoreInsert *insert = insert_new(state, target, intVal(list_nth(fdw_private, INSERT_PLAN_SKIP_CONFLICTS)) != 0);

	if (!(flags & EXEC_FLAG_EXPLAIN_ONLY))
		insert_connect(insert, estate, target);
}

void
modify_begin_routed(ModifyTableState *state, ResultRelInfo *target)
{
	EState	   *estate = state->ps.state;
	ModifyTable *plan = castNode(ModifyTable, state->ps.plan);	/* NULL for COPY */
	StoreInsert *insert;

	if (plan != NULL && plan->operation == CMD_UPDATE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot move rows into foreign table \"%s\"", RelationGetRelationName(target->ri_RelationDesc))));
	/* PostgreSQL would refuse it too, but only once the commit is stored. */
	if (state->mt_transition_capture != NULL && state->mt_transition_capture->tcs_insert_new_table)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot collect transition tuples from foreign table \"%s\"",
						RelationGetRelationName(target->ri_RelationDesc))));
	insert = insert_new(state, target, plan != NULL && plan->onConflictAction == ONCONFLICT_NOTHING);
	check_conflict_action(plan != NULL ? plan->onConflictAction : ONCONFLICT_NONE, &insert->options,
						  insert->map->relation_name);
	insert->gathers = plan == NULL && !compat_copy_makes_batches() && modify_batch_size(target) > 1
		&& !copy_is_looked_at(target);
	if (plan == NULL || !(estate->es_top_eflags & EXEC_FLAG_EXPLAIN_ONLY))
		insert_connect(insert, estate, target);
}

/* Row by row where somebody looks at each row before the next one comes. */
int
modify_batch_size(ResultRelInfo *target)
{
	StoreInsert *insert = target->ri_FdwState;

	if (insert->options.append_at_commit)
		return 1;				/* nothing is sent that would be better sent together */
	if (row_is_looked_at(target) || (target->ri_TrigDesc != NULL && target->ri_TrigDesc->trig_insert_before_row))
		return 1;
	return rows_at_once(&insert->options);
}

static void
add_row(StoreInsert *insert, TupleTableSlot *slot)
{
	MemoryContext caller = MemoryContextSwitchTo(insert->batch.context);

	insert->batch.rows[insert->batch.nrows] = row_to_commit(insert->map, insert->options.append_mode, slot);
	insert->batch.nrows++;
	MemoryContextSwitchTo(caller);
}

static void
remember_own(StoreInsert *insert)
{
	for (int i = 0; i < insert->batch.nrows; i++)
		if (insert->batch.rows[i].fate == APPEND_STORED)
			hash_search(insert->own, &insert->batch.rows[i].commit.commit_id, HASH_ENTER, NULL);
}

/* What the statement reads of the table from now on must not show what it appends. A COPY reads nothing. */
static void
append_rows(StoreInsert *insert)
{
	if (!insert->has_appended && insert->node->plan != NULL)
		insert->own = scan_collect_all(insert->node);
	insert->has_appended = true;
	batch_append(&insert->batch);
	if (insert->own != NULL)
		remember_own(insert);
}

/* Keeps the row for later; appends when there are enough. */
static void
gather_row(StoreInsert *insert, TupleTableSlot *slot)
{
	add_row(insert, slot);
	if (insert->batch.nrows < rows_at_once(&insert->options)
		&& MemoryContextMemAllocated(insert->batch.context, true) < MOST_BYTES_GATHERED)
		return;
	append_rows(insert);
	batch_forget(&insert->batch);
}

/* Found out at the first row: when the insert begins, PostgreSQL has not set them up yet. */
static const AssignedUses *
uses_of_target(StoreInsert *insert, EState *estate, const ResultRelInfo *target)
{
	MemoryContext caller;

	if (insert->uses == NULL)
	{
		caller = MemoryContextSwitchTo(estate->es_query_cxt);
		insert->uses = assigned_uses_new(target);
		MemoryContextSwitchTo(caller);
	}
	return insert->uses;
}

/* PostgreSQL checks them after the insert, when a commit cannot be taken back. */
static void
check_options(const StoreInsert *insert, EState *estate, ResultRelInfo *target, TupleTableSlot *slot)
{
	row_cut_times(insert->map, slot, slot);
	ExecWithCheckOptions(WCO_VIEW_CHECK, target, slot, estate);
}

/* The slot in which the row is looked at. A partition's may come in one that knows no system columns. */
static TupleTableSlot *
slot_to_show(StoreInsert *insert, EState *estate, const ResultRelInfo *target, TupleTableSlot *slot)
{
	MemoryContext caller;

	if (TTS_IS_HEAPTUPLE(slot))
		return slot;
	if (insert->shown == NULL)
	{
		caller = MemoryContextSwitchTo(estate->es_query_cxt);
		insert->shown = ExecInitExtraTupleSlot(estate, RelationGetDescr(target->ri_RelationDesc), &TTSOpsHeapTuple);
		MemoryContextSwitchTo(caller);
	}
	return insert->shown;
}

/* Keeps the row until the transaction commits. The slot in which it is looked at. */
static TupleTableSlot *
defer_row(StoreInsert *insert, EState *estate, ResultRelInfo *target, TupleTableSlot *slot)
{
	TupleTableSlot *shown;

	assigned_check_row(insert->map, uses_of_target(insert, estate, target), slot);
	if (target->ri_WithCheckOptions != NIL)
		check_options(insert, estate, target, slot);
	batch_forget(&insert->batch);
	add_row(insert, slot);
	deferred_keep(insert->deferred, &insert->batch);
	if (!row_is_looked_at(target))
		return slot;
	shown = slot_to_show(insert, estate, target, slot);
	row_cut_times(insert->map, slot, shown);
	return shown;
}

TupleTableSlot *
modify_insert(EState *estate, ResultRelInfo *target, TupleTableSlot *slot, TupleTableSlot *plan_slot)
{
	StoreInsert *insert = target->ri_FdwState;
	TupleTableSlot *shown = slot;

	if (insert->deferred != NULL)
		return defer_row(insert, estate, target, slot);
	if (insert->gathers)
	{
		gather_row(insert, slot);
		return slot;
	}
	batch_forget(&insert->batch);
	if (target->ri_WithCheckOptions != NIL
		&& assigned_missing(insert->map, uses_of_target(insert, estate, target)->by_check_options, slot) == NULL)
		check_options(insert, estate, target, slot);
	add_row(insert, slot);
	append_rows(insert);
	if (insert->batch.rows[0].skipped)
	{
		InstrCountTuples2(insert->node, 1);
		return NULL;
	}
	if (row_is_looked_at(target))
	{
		shown = slot_to_show(insert, estate, target, slot);
		row_update(insert->map, &insert->batch.rows[0].commit, slot, shown);
	}
	return shown;
}

TupleTableSlot **
modify_insert_batch(EState *estate, ResultRelInfo *target, TupleTableSlot **slots, TupleTableSlot **plan_slots,
					int *nslots)
{
	StoreInsert *insert = target->ri_FdwState;
	TupleTableSlot **stored;
	int			nstored = 0;

	batch_forget(&insert->batch);
	stored = MemoryContextAlloc(insert->batch.context, sizeof(TupleTableSlot *) * *nslots);
	for (int i = 0; i < *nslots; i++)
		add_row(insert, slots[i]);
	append_rows(insert);
	for (int i = 0; i < *nslots; i++)
		if (!insert->batch.rows[i].skipped)
			stored[nstored++] = slots[i];
	InstrCountTuples2(insert->node, *nslots - nstored);
	*nslots = nstored;
	return stored;
}

void
modify_settle(StoreInsert *insert)
{
	if (insert->batch.tenure != NULL)
		batch_raise(&insert->batch);
}

void
modify_end(EState *estate, ResultRelInfo *target)
{
	StoreInsert *insert = target->ri_FdwState;

	modify_settle(insert);
	if (insert->batch.tenure == NULL)
		return;
	batch_wake(&insert->batch);
	tenure_drop(insert->batch.tenure);
}

void
modify_end_routed(EState *estate, ResultRelInfo *target)
{
	StoreInsert *insert = target->ri_FdwState;

	if (insert->gathers && insert->batch.nrows > 0)
	{
		append_rows(insert);
		batch_forget(&insert->batch);
	}
	modify_end(estate, target);
}
