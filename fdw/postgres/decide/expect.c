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
#include "postgres/core/arguments.h"
#include "postgres/decide/position.h"
#include "postgres/session/task.h"
#include "postgres/table/table_cache.h"

PG_FUNCTION_INFO_V1(dynamodb_es_expect);

static void
check_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[] = {"foreign_table", "head"};

	arguments_check_given(fcinfo, names, lengthof(names));
	position_check(PG_GETARG_INT64(1));
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
	const KnownTable *known;
	RowBatch	batch;
	Oid			mapping;

	PreventCommandIfReadOnly("dynamodb_es_expect()");
	check_arguments(fcinfo);
	task_check_wrapper(relation);
	task_check_select(relation);
	table = table_open(relation, AccessShareLock);
	known = table_cache_use(table, CurrentMemoryContext);
	store_batch_check_table(&known->options, known->map);
	check_appends_at_commit(&known->options, known->map);
	batch = store_batch_new(&known->options, known->map);
	mapping = store_batch_connect(&batch, CurrentMemoryContext, &known->options, GetUserId(), table->rd_rel->relowner);
	deferred_expect(deferred_store_new(GetUserId(), known->options.server, mapping, table->rd_rel->relowner,
									   tenure_client(batch.tenure), known->map->relation_name),
					&batch, PG_GETARG_INT64(1));
	table_close(table, AccessShareLock);
	PG_RETURN_VOID();
}
