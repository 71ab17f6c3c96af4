/*
 * functions.c: what can be asked of a store in SQL, beside reading it and appending to it?
 *
 * Each takes the foreign table, by whose server and options the store is found, and goes by the user mapping of
 * whoever calls it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "postgres/compat.h"
#include "postgres/encoding.h"
#include "postgres/errors.h"
#include "postgres/options.h"
#include "postgres/wait.h"
#include "store/tables.h"

PG_FUNCTION_INFO_V1(dynamodb_es_create_tables);
PG_FUNCTION_INFO_V1(dynamodb_es_drop_tables);
PG_FUNCTION_INFO_V1(dynamodb_es_head);
PG_FUNCTION_INFO_V1(dynamodb_es_status);

static void
check_owner(Oid relation)
{
	if (!compat_owns_relation(relation, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FOREIGN_TABLE, get_rel_name(relation));
}

static Oid
owner_of(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relation);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

static void
check_select(Oid relation)
{
	AclResult	result = pg_class_aclcheck(relation, GetUserId(), ACL_SELECT);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FOREIGN_TABLE, get_rel_name(relation));
}

static void
check_wrapper(Oid relation)
{
	static const char handler_name[] = "dynamodb_es_handler";
	ForeignDataWrapper *wrapper;
	char	   *handler = NULL;

	if (get_rel_relkind(relation) == RELKIND_FOREIGN_TABLE)
	{
		wrapper = GetForeignDataWrapper(GetForeignServer(GetForeignTable(relation)->serverid)->fdwid);
		handler = OidIsValid(wrapper->fdwhandler) ? get_func_name(wrapper->fdwhandler) : NULL;
	}
	if (handler == NULL || strcmp(handler, handler_name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a foreign table of dynamodb_es",
						get_rel_name(relation) != NULL ? get_rel_name(relation) : psprintf("%u", relation))));
}

static void
free_tables(void *operation)
{
	tables_free(operation);
}

/* Runs a task to its end. The report lives in the current memory context. */
static TablesReport *
run_task(Oid relation, TablesTask task, StoreNames *names)
{
	TableOptions options = options_of_table(relation);
	Tenure	   *tenure = tenure_new(CurrentMemoryContext,
									connection_acquire(GetUserId(), options.server, owner_of(relation)));
	TablesReport *report = palloc(sizeof(TablesReport));
	TablesOperation *operation;
	StepResult	result;

	*names = options.names;
	operation = tables_start(tenure_client(tenure), names, task, NULL);
	tenure_hold(tenure, operation, free_tables);
	while ((result = tables_step(operation)) == STEP_PENDING)
		wait_for_client(tenure_client(tenure));
	if (result == STEP_FAILED)
		report_failure(tables_failure(operation), get_rel_name(relation));
	*report = *tables_report(operation);
	tenure_drop(tenure);
	return report;
}

Datum
dynamodb_es_create_tables(PG_FUNCTION_ARGS)
{
	Oid			relation = PG_GETARG_OID(0);
	StoreNames	names;
	TablesReport *report;

	PreventCommandIfReadOnly("dynamodb_es_create_tables()");
	check_wrapper(relation);
	check_owner(relation);
	report = run_task(relation, TABLES_CREATE, &names);
	if (!report->commit_table_done)
		ereport(NOTICE, (errmsg("DynamoDB table \"%s\" exists already, kept", names.commit_table)));
	if (!report->counter_table_done)
		ereport(NOTICE, (errmsg("DynamoDB table \"%s\" exists already, kept", names.counter_table)));
	if (report->counter_made)
		ereport(NOTICE,
				(errmsg("counter \"%s\" starts at the largest commit id there is, " INT64_FORMAT,
						encoding_for_message(names.counter, strlen(names.counter), strlen(names.counter)), report->head)));
	PG_RETURN_VOID();
}

Datum
dynamodb_es_drop_tables(PG_FUNCTION_ARGS)
{
	Oid			relation = PG_GETARG_OID(0);
	StoreNames	names;
	TablesReport *report;

	PreventCommandIfReadOnly("dynamodb_es_drop_tables()");
	check_wrapper(relation);
	check_owner(relation);
	report = run_task(relation, TABLES_DROP, &names);
	if (!report->commit_table_done)
		ereport(NOTICE, (errmsg("DynamoDB table \"%s\" does not exist, skipping", names.commit_table)));
	if (report->counter_table_shared)
		ereport(NOTICE, (errmsg("DynamoDB table \"%s\" holds counters of other stores, kept", names.counter_table)));
	else if (!report->counter_table_done)
		ereport(NOTICE, (errmsg("DynamoDB table \"%s\" does not exist, skipping", names.counter_table)));
	PG_RETURN_VOID();
}

Datum
dynamodb_es_head(PG_FUNCTION_ARGS)
{
	Oid			relation = PG_GETARG_OID(0);
	StoreNames	names;

	check_wrapper(relation);
	check_select(relation);
	PG_RETURN_INT64(run_task(relation, TABLES_HEAD, &names)->head);
}

/* Of what DynamoDB says. */
static void
set_text(Datum *value, bool *isnull, const char *text)
{
	*isnull = text[0] == '\0';
	if (!*isnull)
		*value = CStringGetTextDatum(encoding_for_message(text, strlen(text), strlen(text)));
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

	check_wrapper(relation);
	check_select(relation);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	report = run_task(relation, TABLES_STATUS, &names);

	set_text(&values[STATUS_COMMIT_TABLE], &nulls[STATUS_COMMIT_TABLE], names.commit_table);
	set_text(&values[STATUS_COMMIT_TABLE_STATUS], &nulls[STATUS_COMMIT_TABLE_STATUS], report->commit_table_status);
	set_text(&values[STATUS_COMMIT_INDEX], &nulls[STATUS_COMMIT_INDEX], names.commit_index);
	set_text(&values[STATUS_COMMIT_INDEX_STATUS], &nulls[STATUS_COMMIT_INDEX_STATUS], report->index_status);
	set_text(&values[STATUS_COUNTER_TABLE], &nulls[STATUS_COUNTER_TABLE], names.counter_table);
	set_text(&values[STATUS_COUNTER_TABLE_STATUS], &nulls[STATUS_COUNTER_TABLE_STATUS],
			 report->counter_table_status);
	values[STATUS_HEAD] = Int64GetDatum(report->head);
	nulls[STATUS_HEAD] = report->counter_table_status[0] == '\0';
	values[STATUS_ITEM_COUNT] = Int64GetDatum(report->item_count);
	nulls[STATUS_ITEM_COUNT] = report->item_count < 0;
	values[STATUS_TABLE_BYTES] = Int64GetDatum(report->table_bytes);
	nulls[STATUS_TABLE_BYTES] = report->table_bytes < 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
