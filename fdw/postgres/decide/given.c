/*
 * given.c: which rows are to be appended, and to which table?
 *
 * They come as they are to be stored. An INSERT's defaults, generated columns and triggers have no part in it; where a table has such
 * of which a row would have to know, it is refused.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "postgres/append/row.h"
#include "postgres/append/store_batch.h"
#include "postgres/core/compat.h"
#include "postgres/decide/given.h"
#include "postgres/session/task.h"
#include "postgres/table/table_cache.h"

static Oid
relation_of_rows(Oid array_type)
{
	Oid			element = get_element_type(array_type);
	Oid			relation = OidIsValid(element) ? get_typ_typrelid(element) : InvalidOid;

	if (!OidIsValid(relation) || !task_is_of_wrapper(relation))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"commits\" is no array of rows of a foreign table of dynamodb_es"),
				 errhint("Cast the rows to the row type of the foreign table, as in ARRAY[ROW(…)::commits].")));
	return relation;
}

static void
check_rights(Oid relation)
{
	AclResult	result = pg_class_aclcheck(relation, GetUserId(), ACL_INSERT);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FOREIGN_TABLE, get_rel_name(relation));
	task_check_select(relation);
}

static void
report_table(const GivenRows *given, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot append to foreign table \"%s\" by dynamodb_es_append", given->map->relation_name),
			 errdetail("%s", detail),
			 hint != NULL ? errhint("%s", hint) : 0));
}

static bool
has_insert_triggers(const TriggerDesc *triggers)
{
	return triggers != NULL
		&& (triggers->trig_insert_before_row || triggers->trig_insert_after_row || triggers->trig_insert_instead_row
			|| triggers->trig_insert_before_statement || triggers->trig_insert_after_statement);
}

static void
check_table(const GivenRows *given, Relation relation)
{
	store_batch_check_table(given->options, given->map);
	if (given->options->append_mode != APPEND_DENSE)
		report_table(given, "Its append_mode is not \"dense\": there is no counter to compare with.",
					 "Make the store dense.");
	if (given->options->append_at_commit)
		report_table(given, "Its rows are appended when the transaction commits.",
					 "Use dynamodb_es_expect, or a foreign table of the same store without append_at 'commit'.");
	if (has_insert_triggers(relation->trigdesc))
		report_table(given, "It has triggers for INSERT, which would not run.", NULL);
	if (compat_has_generated_columns(given->desc))
		report_table(given, "It has generated columns, which would not be computed.", NULL);
}

static void
take_elements(GivenRows *given, ArrayType *array)
{
	bool	   *nulls;

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE, &given->rows, &nulls, &given->nrows);
	for (int i = 0; i < given->nrows; i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a row of \"commits\" is NULL")));
	if (given->nrows > APPEND_DENSE_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for foreign table \"%s\" in one transaction", given->map->relation_name),
				 errdetail("DynamoDB takes %d commits and 4 MB at once; there are %d rows.", APPEND_DENSE_ROWS, given->nrows)));
}

GivenRows *
given_rows_new(Oid array_type, ArrayType *array)
{
	GivenRows  *given = palloc0(sizeof(GivenRows));
	const KnownTable *table;
	Relation	relation;

	given->relation = relation_of_rows(array_type);
	check_rights(given->relation);
	relation = table_open(given->relation, RowExclusiveLock);
	given->owner = relation->rd_rel->relowner;
	given->desc = CreateTupleDescCopyConstr(RelationGetDescr(relation));
	table = table_cache_use(relation, CurrentMemoryContext);
	given->map = table->map;
	given->options = &table->options;
	check_table(given, relation);
	table_close(relation, NoLock);
	take_elements(given, array);
	given->slot = MakeSingleTupleTableSlot(given->desc, &TTSOpsHeapTuple);
	return given;
}

static void
show_row(const GivenRows *given, int row)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(given->rows[row]);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	MemoryContext caller = MemoryContextSwitchTo(given->slot->tts_mcxt);	/* it frees what it holds */

	ItemPointerSetInvalid(&tuple.t_self);
	ExecForceStoreHeapTuple(heap_copytuple(&tuple), given->slot, true);
	MemoryContextSwitchTo(caller);
}

void
given_rows_fill(const GivenRows *given, RowBatch *batch)
{
	MemoryContext caller;

	batch_forget(batch);
	caller = MemoryContextSwitchTo(batch->context);
	for (int i = 0; i < given->nrows; i++)
	{
		show_row(given, i);
		batch->rows[batch->nrows++] = row_to_commit(given->map, APPEND_DENSE, given->slot);
	}
	MemoryContextSwitchTo(caller);
}

void
given_rows_return(const GivenRows *given, const RowBatch *batch, Tuplestorestate *result)
{
	for (int i = 0; i < given->nrows; i++)
	{
		show_row(given, i);
		row_update(given->map, &batch->rows[i].commit, given->slot, given->slot);
		tuplestore_puttupleslot(result, given->slot);
	}
}
