/*
 * expect.c: dynamodb_es_expect: at which head was it decided what this transaction appends?
 */
#include "postgres.h"

#include "access/table.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "postgres/append/deferred.h"
#include "postgres/append/store_batch.h"
#include "postgres/session/task.h"

PG_FUNCTION_INFO_V1(dynamodb_es_expect);

static void
check_arguments(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must not be NULL", PG_ARGISNULL(0) ? "foreign_table" : "head")));
	if (PG_GETARG_INT64(1) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a commit id cannot be " INT64_FORMAT, PG_GETARG_INT64(1)),
				 errdetail("Commit ids start at 1; 0 is a store without commits.")));
}

static void
check_appends_at_commit(const TableOptions *options, const ColumnMap *map)
{
	if (!options->append_at_commit)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot expect a head of foreign table \"%s\" at the commit of the transaction", map->relation_name),
				 errdetail("Its rows are appended when their statement ends."),
				 errhint("Use dynamodb_es_append, or set the option \"append_at\" to \"commit\".")));
}

Datum
dynamodb_es_expect(PG_FUNCTION_ARGS)
{
	Oid			relation = PG_GETARG_OID(0);
	Relation	table;
	ColumnMap  *map;
	TableOptions options;
	RowBatch	batch;
	Oid			mapping;

	check_arguments(fcinfo);
	task_check_wrapper(relation);
	task_check_select(relation);
	table = table_open(relation, AccessShareLock);
	map = column_map_new(table);
	options = options_of_table(relation);
	store_batch_check_table(&options, map);
	check_appends_at_commit(&options, map);
	batch = store_batch_new(&options, map);
	mapping = store_batch_connect(&batch, CurrentMemoryContext, &options, GetUserId(), table->rd_rel->relowner);
	deferred_expect(deferred_store_new(GetUserId(), options.server, mapping, table->rd_rel->relowner,
									   tenure_client(batch.tenure), map->relation_name),
					&batch, PG_GETARG_INT64(1));
	table_close(table, AccessShareLock);
	PG_RETURN_VOID();
}
