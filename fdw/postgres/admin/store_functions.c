/*
 * store_functions.c: what can be asked of a store in SQL, beside reading it and appending to it?
 *
 * Each takes the foreign table, by whose server and options the store is found, and goes by the user mapping of
 * whoever calls it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "postgres/core/arguments.h"
#include "postgres/core/encoding.h"
#include "postgres/session/task.h"

PG_FUNCTION_INFO_V1(dynamodb_es_create_tables);
PG_FUNCTION_INFO_V1(dynamodb_es_drop_tables);
PG_FUNCTION_INFO_V1(dynamodb_es_head);
PG_FUNCTION_INFO_V1(dynamodb_es_status);
PG_FUNCTION_INFO_V1(dynamodb_es_set_head);

/* Text in UTF-8, as a message shows it. */
static char *
shown(const char *string)
{
	return encoding_for_message(string, strlen(string), strlen(string));
}

Datum
dynamodb_es_create_tables(PG_FUNCTION_ARGS)
{
	Oid			relation = PG_GETARG_OID(0);
	StoreNames	names;
	TablesReport *report;

	PreventCommandIfReadOnly("dynamodb_es_create_tables()");
	task_check_wrapper(relation);
	task_check_owner(relation);
	report = task_run(relation, TABLES_CREATE, &names);
	if (!report->commit_table_done)
		ereport(NOTICE, (errmsg("DynamoDB table \"%s\" exists already, kept", names.commit_table)));
	if (!report->counter_table_done)
		ereport(NOTICE, (errmsg("DynamoDB table \"%s\" exists already, kept", names.counter_table)));
	if (report->counter_made)
		ereport(NOTICE,
				(errmsg("counter \"%s\" starts at the largest commit id there is, " INT64_FORMAT,
						shown(names.counter), report->head)));
	if (report->counter_raised)
		ereport(NOTICE,
				(errmsg("counter \"%s\" is raised from " INT64_FORMAT " to the largest commit id there is, " INT64_FORMAT,
						shown(names.counter), report->old_head, report->head)));
	PG_RETURN_VOID();
}

Datum
dynamodb_es_drop_tables(PG_FUNCTION_ARGS)
{
	Oid			relation = PG_GETARG_OID(0);
	StoreNames	names;
	TablesReport *report;

	PreventCommandIfReadOnly("dynamodb_es_drop_tables()");
	task_check_wrapper(relation);
	task_check_owner(relation);
	report = task_run(relation, TABLES_DROP, &names);
	if (!report->commit_table_done)
		ereport(NOTICE, (errmsg("DynamoDB table \"%s\" does not exist, skipping", names.commit_table)));
	if (report->counter_table_shared)
		ereport(NOTICE,
				(errmsg("DynamoDB table \"%s\" holds counters of other stores, kept", names.counter_table),
				 report->retiring_denied
				 ? errdetail("AWS denies dynamodb:UpdateItem, so counter \"%s\" counts as in use there, and the table will not go with the last store.",
							 shown(names.counter)) : 0));
	else if (!report->counter_table_done)
		ereport(NOTICE, (errmsg("DynamoDB table \"%s\" does not exist, skipping", names.counter_table)));
	PG_RETURN_VOID();
}

Datum
dynamodb_es_head(PG_FUNCTION_ARGS)
{
	Oid			relation = PG_GETARG_OID(0);
	StoreNames	names;

	task_check_wrapper(relation);
	task_check_select(relation);
	PG_RETURN_INT64(task_run(relation, TABLES_HEAD, &names)->head);
}

Datum
dynamodb_es_set_head(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"foreign_table", "head"};
	Oid			relation = PG_GETARG_OID(0);
	int64		head = PG_GETARG_INT64(1);
	StoreNames	names;
	TablesReport *report;

	arguments_check_given(fcinfo, arguments, lengthof(arguments));
	PreventCommandIfReadOnly("dynamodb_es_set_head()");
	task_check_wrapper(relation);
	task_check_owner(relation);
	if (head < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a counter cannot be set to " INT64_FORMAT, head),
				 errdetail("Commit ids start at 1.")));
	if (head == PG_INT64_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a counter cannot be set to " INT64_FORMAT, head),
				 errdetail("That would leave no commit id for later commits.")));
	report = task_raise(relation, head, &names);
	if (report->head > head)
		ereport(NOTICE,
				(errmsg("counter \"%s\" is at " INT64_FORMAT " already, kept", shown(names.counter), report->head)));
	PG_RETURN_INT64(report->head);
}

/* Of what DynamoDB says. */
static void
set_text(Datum *value, bool *isnull, const char *string)
{
	*isnull = string[0] == '\0';
	if (!*isnull)
		*value = CStringGetTextDatum(shown(string));
}

enum
{
	STATUS_COMMIT_TABLE,
	STATUS_COMMIT_TABLE_STATUS,
	STATUS_COMMIT_INDEX,
	STATUS_COMMIT_INDEX_STATUS,
	STATUS_COUNTER_TABLE,
	STATUS_COUNTER_TABLE_STATUS,
	STATUS_HEAD,
	STATUS_ITEM_COUNT,
	STATUS_TABLE_BYTES,
	STATUS_MAX_COMMIT_ID,		/* since 1.1; with 1.0's objects the row ends before it */
	STATUS_COLUMNS
};

Datum
dynamodb_es_status(PG_FUNCTION_ARGS)
{
	Oid			relation = PG_GETARG_OID(0);
	Datum		values[STATUS_COLUMNS] = {0};
	bool		nulls[STATUS_COLUMNS] = {0};
	StoreNames	names;
	TablesReport *report;
	TupleDesc	desc;

	task_check_wrapper(relation);
	task_check_select(relation);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	report = task_run(relation, TABLES_STATUS, &names);

	set_text(&values[STATUS_COMMIT_TABLE], &nulls[STATUS_COMMIT_TABLE], names.commit_table);
	set_text(&values[STATUS_COMMIT_TABLE_STATUS], &nulls[STATUS_COMMIT_TABLE_STATUS], report->commits.status);
	set_text(&values[STATUS_COMMIT_INDEX], &nulls[STATUS_COMMIT_INDEX], names.commit_index);
	set_text(&values[STATUS_COMMIT_INDEX_STATUS], &nulls[STATUS_COMMIT_INDEX_STATUS], report->commits.index_status);
	set_text(&values[STATUS_COUNTER_TABLE], &nulls[STATUS_COUNTER_TABLE], names.counter_table);
	set_text(&values[STATUS_COUNTER_TABLE_STATUS], &nulls[STATUS_COUNTER_TABLE_STATUS], report->counters.status);
	values[STATUS_HEAD] = Int64GetDatum(report->head);
	nulls[STATUS_HEAD] = !report->counters.exists;
	values[STATUS_ITEM_COUNT] = Int64GetDatum(report->item_count);
	nulls[STATUS_ITEM_COUNT] = report->item_count < 0;
	values[STATUS_TABLE_BYTES] = Int64GetDatum(report->table_bytes);
	nulls[STATUS_TABLE_BYTES] = report->table_bytes < 0;
	values[STATUS_MAX_COMMIT_ID] = Int64GetDatum(report->max_commit_id);
	nulls[STATUS_MAX_COMMIT_ID] = report->max_commit_id < 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
