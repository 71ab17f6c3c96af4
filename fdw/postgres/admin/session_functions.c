/*
 * session_functions.c: what does this backend hold open at DynamoDB, and what has it sent there?
 *
 * The SQL functions that look at the session itself and not at a store. Nothing is sent from here, nothing secret is
 * shown, and nothing of other backends.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "postgres/session/connection.h"
#include "postgres/session/server_usage.h"

PG_FUNCTION_INFO_V1(dynamodb_es_connections);
PG_FUNCTION_INFO_V1(dynamodb_es_disconnect_all);
PG_FUNCTION_INFO_V1(dynamodb_es_stats);

enum
{
	CONNECTION_SERVER,
	CONNECTION_USER,
	CONNECTION_ENDPOINT,
	CONNECTION_REGION,
	CONNECTION_IN_FLIGHT,
	CONNECTION_IDLE,
	CONNECTION_IN_USE,
	CONNECTION_VALID,
	CONNECTION_COLUMNS
};

static Datum
text_or_null(const char *string)
{
	return string != NULL ? CStringGetTextDatum(string) : (Datum) 0;
}

Datum
dynamodb_es_connections(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, connections_describe())
	{
		const ConnectionState *state = lfirst(cell);
		char	   *user = OidIsValid(state->user) ? GetUserNameFromId(state->user, true) : "public";
		bool		nulls[CONNECTION_COLUMNS] = {
			[CONNECTION_USER] = user == NULL,
			[CONNECTION_ENDPOINT] = state->endpoint == NULL,
			[CONNECTION_REGION] = state->region == NULL,
		};
		Datum		values[CONNECTION_COLUMNS] = {
			[CONNECTION_SERVER] = CStringGetTextDatum(server_usage_name(state->server)),
			[CONNECTION_USER] = text_or_null(user),
			[CONNECTION_ENDPOINT] = text_or_null(state->endpoint),
			[CONNECTION_REGION] = text_or_null(state->region),
			[CONNECTION_IN_FLIGHT] = Int32GetDatum(state->in_flight),
			[CONNECTION_IDLE] = Int32GetDatum(state->idle),
			[CONNECTION_IN_USE] = BoolGetDatum(state->in_use),
			[CONNECTION_VALID] = BoolGetDatum(state->valid),
		};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
dynamodb_es_disconnect_all(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(connections_close_unused());
}

enum
{
	STATS_SERVER,
	STATS_REQUESTS,
	STATS_RETRIES,
	STATS_THROTTLES,
	STATS_BYTES_SENT,
	STATS_BYTES_RECEIVED,
	STATS_READ_UNITS,
	STATS_WRITE_UNITS,
	STATS_REQUESTS_ABANDONED,	/* since 1.1; where the function has no such column, it is left out */
	STATS_COLUMNS
};

Datum
dynamodb_es_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	HASH_SEQ_STATUS scan;
	const ServerUsage *server;

	InitMaterializedSRF(fcinfo, 0);
	server_usage_scan(&scan);
	while ((server = server_usage_next(&scan)) != NULL)
	{
		const Usage *usage = &server->usage;
		bool		nulls[STATS_COLUMNS] = {0};
		Datum		values[STATS_COLUMNS] = {
			[STATS_SERVER] = CStringGetTextDatum(NameStr(server->server_name)),
			[STATS_REQUESTS] = Int64GetDatum(usage->requests),
			[STATS_RETRIES] = Int64GetDatum(usage->retries),
			[STATS_THROTTLES] = Int64GetDatum(usage->throttles),
			[STATS_BYTES_SENT] = Int64GetDatum(usage->bytes_sent),
			[STATS_BYTES_RECEIVED] = Int64GetDatum(usage->bytes_received),
			[STATS_READ_UNITS] = Float8GetDatum(usage->read_units),
			[STATS_WRITE_UNITS] = Float8GetDatum(usage->write_units),
			[STATS_REQUESTS_ABANDONED] = Int64GetDatum(usage->abandoned),
		};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
