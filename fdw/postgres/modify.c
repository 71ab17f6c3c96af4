/*
 * modify.c: how does a row become a commit, and what is the user told of it?
 *
 * All that can be checked is checked before an id is taken, so that a row that can never be stored costs no request. When a statement is
 * cancelled while a put is out, the message says that the commit may be stored all the same.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "postgres/compat.h"
#include "postgres/errors.h"
#include "postgres/json_text.h"
#include "postgres/modify.h"

enum
{
	INSERT_PLAN_SKIP_CONFLICTS
};

/* Attributes that the store writes by itself. */
static const char *const reserved_attributes[] = {COMMIT_ACTIVE, COMMIT_APPENDED_AT};

int
modify_possible(Relation relation)
{
	return 1 << CMD_INSERT;
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

/* An INSERT needs the columns that a commit cannot do without. */
static void
check_columns(const ColumnMap *map)
{
	static const ColumnRole needed[] = {COLUMN_AGGREGATE_ID, COLUMN_VERSION, COLUMN_EVENTS};
	static const char *const names[] = {"aggregate_id", "version", "events"};

	for (size_t i = 0; i < lengthof(needed); i++)
		if (map->by_role[needed[i]] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
					 errmsg("cannot insert into foreign table \"%s\" without a column for %s",
							map->relation_name, names[i])));
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
	if (plan->operation == CMD_INSERT)
		check_columns(column_map_new(relation));
	table_close(relation, NoLock);
	return list_make1(makeInteger(plan->onConflictAction == ONCONFLICT_NOTHING));
}

/* Triggers, check options of views and RETURNING see the row as it is stored. */
static bool
row_is_looked_at(const ResultRelInfo *target)
{
	return target->ri_projectReturning != NULL || target->ri_WithCheckOptions != NIL
		|| (target->ri_TrigDesc != NULL
			&& (target->ri_TrigDesc->trig_insert_after_row || target->ri_TrigDesc->trig_insert_new_table));
}

/* Do a view's check options look only at what the row has before it is stored? */
static bool
check_options_can_precede(const StoreInsert *insert, const ResultRelInfo *target)
{
	static const ColumnRole given_by_store[] = {COLUMN_COMMIT_ID, COLUMN_COMMITTED_AT};
	Index		index = target->ri_RootResultRelInfo != NULL
		? target->ri_RootResultRelInfo->ri_RangeTableIndex : target->ri_RangeTableIndex;
	Bitmapset  *used = NULL;
	ListCell   *cell;

	foreach(cell, target->ri_WithCheckOptions)
		pull_varattnos(lfirst_node(WithCheckOption, cell)->qual, index, &used);
	for (size_t i = 0; i < lengthof(given_by_store); i++)
	{
		const Column *column = insert->map->by_role[given_by_store[i]];

		if (column != NULL && bms_is_member(column->attnum - FirstLowInvalidHeapAttributeNumber, used))
			return false;
	}
	return !bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, used);
}

static StoreInsert *
insert_new(ResultRelInfo *target)
{
	Relation	relation = target->ri_RelationDesc;
	StoreInsert *insert = palloc0(sizeof(StoreInsert));

	insert->map = column_map_new(relation);
	check_columns(insert->map);
	insert->options = options_of_table(RelationGetRelid(relation));
	return insert;
}

static void
insert_connect(StoreInsert *insert, EState *estate, ResultRelInfo *target)
{
	ForeignTable *table = GetForeignTable(RelationGetRelid(target->ri_RelationDesc));

	insert->row_context = AllocSetContextCreate(estate->es_query_cxt, "dynamodb_es row", ALLOCSET_DEFAULT_SIZES);
	insert->tenure = tenure_new(estate->es_query_cxt,
								connection_acquire(compat_modify_user(estate, target), table->serverid));
}

void
modify_begin(ModifyTableState *state, ResultRelInfo *target, List *fdw_private, int subplan, int flags)
{
	EState	   *estate = state->ps.state;
	StoreInsert *insert = insert_new(target);

	insert->skip_conflicts = intVal(list_nth(fdw_private, INSERT_PLAN_SKIP_CONFLICTS)) != 0;
	target->ri_FdwState = insert;
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
	insert = insert_new(target);
	insert->skip_conflicts = plan != NULL && plan->onConflictAction == ONCONFLICT_NOTHING;
	target->ri_FdwState = insert;
	if (plan == NULL || !(estate->es_top_eflags & EXEC_FLAG_EXPLAIN_ONLY))
		insert_connect(insert, estate, target);
}

void
modify_end(EState *estate, ResultRelInfo *target)
{
	StoreInsert *insert = target->ri_FdwState;

	if (insert != NULL && insert->tenure != NULL)
		tenure_drop(insert->tenure);
}

/* The row's value for a role, and whether there is one. */
static bool
row_value(const StoreInsert *insert, TupleTableSlot *slot, ColumnRole role, Datum *value)
{
	Column	   *column = insert->map->by_role[role];
	bool		isnull = true;

	if (column != NULL)
		*value = slot_getattr(slot, column->attnum, &isnull);
	return !isnull;
}

static void
report_missing(const StoreInsert *insert, ColumnRole role)
{
	ereport(ERROR,
			(errcode(ERRCODE_NOT_NULL_VIOLATION),
			 errmsg("null value in column \"%s\" of foreign table \"%s\"",
					insert->map->by_role[role]->name, insert->map->relation_name)));
}

static void
take_aggregate_id(const StoreInsert *insert, TupleTableSlot *slot, Commit *commit)
{
	AttributeValue text;
	Datum		value;

	if (!row_value(insert, slot, COLUMN_AGGREGATE_ID, &value))
		report_missing(insert, COLUMN_AGGREGATE_ID);
	text = column_write(insert->map->by_role[COLUMN_AGGREGATE_ID], value);
	commit->aggregate_id = text.text;
	commit->aggregate_id_length = text.length;
}

static void
take_version(const StoreInsert *insert, TupleTableSlot *slot, Commit *commit)
{
	Datum		value;

	if (!row_value(insert, slot, COLUMN_VERSION, &value))
		report_missing(insert, COLUMN_VERSION);
	commit->version = insert->map->by_role[COLUMN_VERSION]->type == INT4OID
		? DatumGetInt32(value) : DatumGetInt64(value);
}

static void
take_events(const StoreInsert *insert, TupleTableSlot *slot, Commit *commit)
{
	Column	   *column = insert->map->by_role[COLUMN_EVENTS];
	AttributeValue written;
	Datum		value;
	bool		is_array;

	if (!row_value(insert, slot, COLUMN_EVENTS, &value))
		report_missing(insert, COLUMN_EVENTS);
	if (column->kind == KIND_JSONB)
	{
		Jsonb	   *json = DatumGetJsonbP(value);

		is_array = JB_ROOT_IS_ARRAY(json) && !JB_ROOT_IS_SCALAR(json);
	}
	else
	{
		char	   *json = TextDatumGetCString(value);

		if (column->kind == KIND_TEXT)
			DirectFunctionCall1(json_in, CStringGetDatum(json));
		is_array = json_text_is_array(json);
	}
	if (!is_array)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of foreign table \"%s\" must be a JSON array",
						column->name, insert->map->relation_name)));
	written = column_write(column, value);
	commit->events = written.text;
	commit->events_length = written.length;
}

static void
take_times(const StoreInsert *insert, TupleTableSlot *slot, Commit *commit)
{
	Datum		value;

	if (row_value(insert, slot, COLUMN_COMMIT_ID, &value))
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("cannot insert a non-NULL value into column \"%s\" of foreign table \"%s\"",
						insert->map->by_role[COLUMN_COMMIT_ID]->name, insert->map->relation_name),
				 errdetail("The event store gives out commit ids.")));
	commit->committed_at_given = row_value(insert, slot, COLUMN_COMMITTED_AT, &value);
	if (commit->committed_at_given)
		commit->committed_at = insert->map->by_role[COLUMN_COMMITTED_AT]->kind == KIND_TIMESTAMP
			? timestamp_to_ms(DatumGetTimestampTz(value)) : DatumGetInt64(value);
}

static void
check_not_reserved(const StoreInsert *insert, const Column *column)
{
	for (size_t i = 0; i < lengthof(reserved_attributes); i++)
		if (strcmp(column->attribute, reserved_attributes[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_GENERATED_ALWAYS),
					 errmsg("cannot insert a non-NULL value into column \"%s\" of foreign table \"%s\"",
							column->name, insert->map->relation_name),
					 errdetail("The event store itself writes the attribute \"%s\".", column->attribute)));
}

static void
take_extra(const StoreInsert *insert, TupleTableSlot *slot, Commit *commit)
{
	Attribute  *extra = palloc(sizeof(Attribute) * Max(insert->map->natts, 1));

	for (int i = 0; i < insert->map->natts; i++)
	{
		Column	   *column = insert->map->columns[i];
		Datum		value;
		bool		isnull;

		if (column == NULL || column->role != COLUMN_EXTRA)
			continue;
		value = slot_getattr(slot, column->attnum, &isnull);
		if (isnull)
			continue;
		check_not_reserved(insert, column);
		extra[commit->nextra].name = column->attribute;
		extra[commit->nextra].value = column_write(column, value);
		commit->nextra++;
	}
	commit->extra = extra;
}

/* The commit that a row is, checked; texts in the current memory context. */
static Commit
commit_of_row(const StoreInsert *insert, TupleTableSlot *slot)
{
	Commit		commit = {0};
	Failure		failure;

	take_aggregate_id(insert, slot, &commit);
	take_version(insert, slot, &commit);
	take_times(insert, slot, &commit);
	take_events(insert, slot, &commit);
	take_extra(insert, slot, &commit);
	if (!commit_check(&commit, &failure))
		ereport(ERROR,
				(errcode(failure.kind == FAILURE_TOO_LARGE
						 ? ERRCODE_PROGRAM_LIMIT_EXCEEDED : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a row cannot be stored as a commit in foreign table \"%s\"", insert->map->relation_name),
				 errdetail_internal("%s", failure.message)));
	return commit;
}

/* An error has ended the wait: where a put is out, its message has to say so. */
static void
report_interrupted(AppendOperation *append, MemoryContext context)
{
	ErrorData  *error;

	if (append_fate(append) != APPEND_UNKNOWN)
		PG_RE_THROW();
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	error->detail = psprintf("A commit with %s, commit id " INT64_FORMAT " may have been stored all the same.",
							 describe_commit(append_commit(append)), append_commit(append)->commit_id);
	ReThrowError(error);
}

static StepResult
await_append(StoreInsert *insert, AppendOperation *append)
{
	MemoryContext context = CurrentMemoryContext;
	volatile StepResult result = STEP_PENDING;

	PG_TRY();
	{
		while ((result = append_step(append)) == STEP_PENDING)
			wait_for_client(tenure_client(insert->tenure));
	}
	PG_CATCH();
	{
		report_interrupted(append, context);
	}
	PG_END_TRY();
	return result;
}

/* Replaces the slot's row by what was stored: the id and the time that the store gave, and times in milliseconds. */
static void
return_row(const StoreInsert *insert, const Commit *commit, TupleTableSlot *slot)
{
	TupleDesc	desc = slot->tts_tupleDescriptor;
	Column	   *commit_id = insert->map->by_role[COLUMN_COMMIT_ID];
	Column	   *committed_at = insert->map->by_role[COLUMN_COMMITTED_AT];
	Datum	   *values = palloc(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc(sizeof(bool) * desc->natts);

	slot_getallattrs(slot);
	memcpy(values, slot->tts_values, sizeof(Datum) * desc->natts);
	memcpy(nulls, slot->tts_isnull, sizeof(bool) * desc->natts);
	for (int i = 0; i < insert->map->natts; i++)
	{
		Column	   *column = insert->map->columns[i];

		if (column != NULL && column->kind == KIND_TIMESTAMP && !nulls[i])
			values[i] = TimestampTzGetDatum(timestamp_from_ms(timestamp_to_ms(DatumGetTimestampTz(values[i]))));
	}
	if (commit_id != NULL)
	{
		values[commit_id->attnum - 1] = Int64GetDatum(commit->commit_id);
		nulls[commit_id->attnum - 1] = false;
	}
	if (committed_at != NULL)
	{
		values[committed_at->attnum - 1] = committed_at->kind == KIND_TIMESTAMP
			? TimestampTzGetDatum(timestamp_from_ms(commit->committed_at)) : Int64GetDatum(commit->committed_at);
		nulls[committed_at->attnum - 1] = false;
	}
	MemoryContextSwitchTo(slot->tts_mcxt);
	ExecForceStoreHeapTuple(heap_form_tuple(desc, values, nulls), slot, true);
}

/* true when the row was stored, false when its version exists and that is to be passed over. */
static bool
append_row(StoreInsert *insert, TupleTableSlot *slot, bool return_row_wanted)
{
	Commit		commit = commit_of_row(insert, slot);
	AppendOperation *append = append_start(tenure_client(insert->tenure), &insert->options.names, &commit,
										   &insert->usage);

	tenure_hold(insert->tenure, append, (void (*) (void *)) append_free);
	if (await_append(insert, append) == STEP_DONE)
	{
		if (return_row_wanted)
			return_row(insert, append_commit(append), slot);
		return true;
	}
	if (append_failure(append)->kind == FAILURE_CONDITION && insert->skip_conflicts)
		return false;
	report_append_failure(append_failure(append), insert->map->relation_name, append_commit(append));
}

TupleTableSlot *
modify_insert(EState *estate, ResultRelInfo *target, TupleTableSlot *slot, TupleTableSlot *plan_slot)
{
	StoreInsert *insert = target->ri_FdwState;
	MemoryContext caller;
	bool		stored;

	MemoryContextReset(insert->row_context);
	/* PostgreSQL checks them after the insert, when a commit cannot be taken back. */
	if (target->ri_WithCheckOptions != NIL && check_options_can_precede(insert, target))
		ExecWithCheckOptions(WCO_VIEW_CHECK, target, slot, estate);
	caller = MemoryContextSwitchTo(insert->row_context);
	stored = append_row(insert, slot, row_is_looked_at(target));
	MemoryContextSwitchTo(caller);
	tenure_drop(insert->tenure);
	return stored ? slot : NULL;
}
