/*
 * access.c: as whom are the tables of projections accessed?
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "postgres/projection/access.h"
#include "postgres/session/task.h"

/* There are about fifteen, and as many again where the extension has moved to another schema. */
#define MOST_PREPARED 32

Oid
projection_schema(void)
{
	Relation	extensions = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			schema = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("dynamodb_es"));
	scan = systable_beginscan(extensions, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
	if (!OidIsValid(schema) || !OidIsValid(get_relname_relid(PASSED_TABLE, schema)))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("this database has no projections"),
						errhint("Run CREATE EXTENSION dynamodb_es, or ALTER EXTENSION dynamodb_es UPDATE.")));
	return schema;
}

void
access_begin(Access *access)
{
	Oid			schema = projection_schema();

	access->caller = CurrentMemoryContext;
	access->schema = pstrdup(quote_identifier(get_namespace_name(schema)));
	GetUserIdAndSecContext(&access->user, &access->context);
	SetUserIdAndSecContext(task_owner(get_relname_relid(PROJECTION_TABLE, schema)),
						   access->context | SECURITY_LOCAL_USERID_CHANGE);
	access->nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	SPI_connect();
	access->has_pushed = !ActiveSnapshotSet();
	if (access->has_pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
}

void
access_end(Access *access)
{
	if (access->has_pushed)
		PopActiveSnapshot();
	SPI_finish();
	AtEOXact_GUC(false, access->nest_level);
	SetUserIdAndSecContext(access->user, access->context);
	pfree(access->schema);
}

void
arguments_add(Arguments *arguments, Oid type, Datum value)
{
	arguments->types[arguments->count] = type;
	arguments->values[arguments->count] = value;
	arguments->nulls[arguments->count++] = ' ';
}

void
arguments_add_text(Arguments *arguments, const char *string)
{
	arguments_add(arguments, TEXTOID, string != NULL ? CStringGetTextDatum(string) : (Datum) 0);
	if (string == NULL)
		arguments->nulls[arguments->count - 1] = 'n';
}

void
arguments_add_int64(Arguments *arguments, int64 value)
{
	arguments_add(arguments, INT8OID, Int64GetDatum(value));
}

/* The statements that have been planned, the newest first: to plan one takes longer than to run it. */
typedef struct Prepared
{
	char	   *sql;
	SPIPlanPtr	plan;
} Prepared;

static Prepared prepared[MOST_PREPARED];

static SPIPlanPtr
prepare(const char *sql, Arguments *arguments)
{
	Prepared	made = {.plan = SPI_prepare(sql, arguments->count, arguments->types)};
	Prepared   *last = &prepared[MOST_PREPARED - 1];

	if (made.plan == NULL || SPI_keepplan(made.plan) != 0)
		elog(ERROR, "could not access projections: %s", SPI_result_code_string(SPI_result));
	made.sql = MemoryContextStrdup(TopMemoryContext, sql);
	if (last->plan != NULL)
	{
		SPI_freeplan(last->plan);
		pfree(last->sql);
	}
	memmove(&prepared[1], &prepared[0], sizeof(Prepared) * (MOST_PREPARED - 1));
	prepared[0] = made;
	return made.plan;
}

static SPIPlanPtr
plan_of(const char *sql, Arguments *arguments)
{
	for (int i = 0; i < MOST_PREPARED && prepared[i].plan != NULL; i++)
		if (strcmp(prepared[i].sql, sql) == 0)
			return prepared[i].plan;
	return prepare(sql, arguments);
}

uint64
access_execute(const char *sql, Arguments *arguments)
{
	int			result = SPI_execute_plan(plan_of(sql, arguments), arguments->values, arguments->nulls, false, 0);

	if (result < 0)
		elog(ERROR, "could not access projections: %s", SPI_result_code_string(result));
	return SPI_processed;
}

uint64
access_change(const char *sql, Arguments *arguments)
{
	Access		access;
	uint64		count;

	access_begin(&access);
	count = access_execute(psprintf(sql, access.schema, access.schema), arguments);
	access_end(&access);
	return count;
}

Datum
result_value(int row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

int64
result_int64(int row, int column)
{
	bool		isnull;
	Datum		value = result_value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

int32
result_int32(int row, int column)
{
	bool		isnull;
	Datum		value = result_value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

bool
result_bool(int row, int column)
{
	bool		isnull;
	Datum		value = result_value(row, column, &isnull);

	return !isnull && DatumGetBool(value);
}

char	   *
result_text(int row, int column)
{
	bool		isnull;
	Datum		value = result_value(row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}
