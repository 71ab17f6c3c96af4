/*
 * stat_functions.c: who sees what of the counts of the whole server?
 *
 * As in pg_stat_activity: members of pg_read_all_stats see all rows, others those of roles whose rights they have.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "dynamodb/operation.h"
#include "postgres/core/price.h"
#include "postgres/session/stat.h"
#include "postgres/session/tally.h"

PG_FUNCTION_INFO_V1(dynamodb_es_stat);
PG_FUNCTION_INFO_V1(dynamodb_es_stat_statements);
PG_FUNCTION_INFO_V1(dynamodb_es_stat_reset);

#define MOST_COLUMNS 20

/* One row that grows from left to right. */
typedef struct Columns
{
	int			count;
	Datum		values[MOST_COLUMNS];
	bool		nulls[MOST_COLUMNS];
} Columns;

static void
add_value(Columns *columns, Datum value, bool is_null)
{
	Assert(columns->count < MOST_COLUMNS);
	columns->values[columns->count] = value;
	columns->nulls[columns->count++] = is_null;
}

static void
add_text(Columns *columns, const char *text_or_null)
{
	add_value(columns, text_or_null != NULL ? CStringGetTextDatum(text_or_null) : (Datum) 0, text_or_null == NULL);
}

static void
add_count(Columns *columns, int64 count)
{
	add_value(columns, Int64GetDatum(count), false);
}

static void
add_float(Columns *columns, double number)
{
	add_value(columns, Float8GetDatum(number), false);
}

static void
add_price(Columns *columns, const Usage *usage)
{
	double		price;
	bool		is_known = price_of(usage, &price);

	add_value(columns, Float8GetDatum(price), !is_known);
}

static bool
is_of_others(const StatKey *key)
{
	return key->database == InvalidOid;
}

static char *
role_name(const StatKey *key)
{
	return is_of_others(key) ? NULL : GetUserNameFromId(key->role, true);
}

static char *
database_name(const StatKey *key)
{
	return is_of_others(key) ? NULL : get_database_name(key->database);
}

static bool
is_visible(const StatRow *row)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS)
		|| (!is_of_others(&row->key) && has_privs_of_role(GetUserId(), row->key.role));
}

static void
require_memory(void)
{
	if (!stat_attach())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dynamodb_es must be loaded via \"shared_preload_libraries\" to count for the whole server"),
				 errdetail("From PostgreSQL 17 on it counts without that, too."),
				 errhint("dynamodb_es_stats() has the counts of this session.")));
}

/* Of what was counted so far, this session's own included. */
static void
return_rows(FunctionCallInfo fcinfo, StatTable table, void (*describe) (const StatRow *row, Columns *columns))
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	StatRow    *rows;
	int			count;

	require_memory();
	tally_tell_all();
	InitMaterializedSRF(fcinfo, 0);
	rows = stat_read(table, &count);
	for (int i = 0; i < count; i++)
	{
		Columns		columns = {0};

		if (!is_visible(&rows[i]))
			continue;
		describe(&rows[i], &columns);
		tuplestore_putvalues(result->setResult, result->setDesc, columns.values, columns.nulls);
	}
}

static void
describe_operation(const StatRow *row, Columns *columns)
{
	const Usage *usage = &row->usage;
	bool		is_known = !is_of_others(&row->key);

	add_text(columns, database_name(&row->key));
	add_text(columns, is_known ? NameStr(row->server_name) : NULL);
	add_text(columns, role_name(&row->key));
	add_text(columns, is_known ? operation_name((Operation) row->key.operation) : NULL);
	add_count(columns, usage->requests);
	add_count(columns, usage->retries);
	add_count(columns, usage->throttles);
	add_count(columns, usage->abandoned);
	add_count(columns, usage->conflicts);
	add_count(columns, usage->unknown_fates);
	add_float(columns, usage->read_units);
	add_float(columns, usage->write_units);
	add_price(columns, usage);
	add_count(columns, usage->bytes_sent);
	add_count(columns, usage->bytes_received);
	add_float(columns, usage->waited_us / 1000.0);
	add_value(columns, TimestampTzGetDatum(row->since), false);
}

Datum
dynamodb_es_stat(PG_FUNCTION_ARGS)
{
	return_rows(fcinfo, STAT_OPERATIONS, describe_operation);
	return (Datum) 0;
}

static void
describe_statement(const StatRow *row, Columns *columns)
{
	const Usage *usage = &row->usage;

	add_text(columns, database_name(&row->key));
	add_text(columns, role_name(&row->key));
	add_value(columns, Int64GetDatum((int64) row->key.query), is_of_others(&row->key));
	add_count(columns, row->executions);
	add_count(columns, usage->requests);
	add_float(columns, usage->read_units);
	add_float(columns, usage->write_units);
	add_price(columns, usage);
	add_float(columns, usage->waited_us / 1000.0);
	add_value(columns, TimestampTzGetDatum(row->since), false);
}

Datum
dynamodb_es_stat_statements(PG_FUNCTION_ARGS)
{
	return_rows(fcinfo, STAT_STATEMENTS, describe_statement);
	return (Datum) 0;
}

/* What this session has counted is told first, so that it is forgotten with the rest. */
Datum
dynamodb_es_stat_reset(PG_FUNCTION_ARGS)
{
	require_memory();
	tally_tell_all();
	stat_reset();
	PG_RETURN_VOID();
}
