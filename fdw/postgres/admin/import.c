/*
 * import.c: which commits tables are there, and how is each declared?
 *
 * Tables are found by what they are, not by their names. What DynamoDB cannot tell is which counter gives a table its
 * commit ids: that is an option of the statement, and the same for all tables of it.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "postgres/admin/import.h"
#include "postgres/core/compat.h"
#include "postgres/core/encoding.h"
#include "postgres/core/errors.h"
#include "postgres/session/tenure.h"
#include "postgres/table/options.h"
#include "store/discover.h"

#define REMOTE_SCHEMA "dynamodb"

/* The name that a DynamoDB table, whose name is ASCII, has in PostgreSQL. */
static void
local_name(char name[NAMEDATALEN], const char *table)
{
	strlcpy(name, table, NAMEDATALEN);
}

/* DiscoverSpec.wanted: LIMIT TO and EXCEPT, whose names the parser has cut as it will cut the table's. */
static bool
table_is_wanted(const char *table, void *arg)
{
	char		name[NAMEDATALEN];

	local_name(name, table);
	return IsImportableForeignTable(name, arg);
}

/* The names of LIMIT TO, when they are whole: no others need be asked for then. NULL otherwise. */
static const char **
tables_of_limit(const ImportForeignSchemaStmt *statement)
{
	const char **tables;
	ListCell   *cell;

	if (statement->list_type != FDW_IMPORT_SCHEMA_LIMIT_TO)
		return NULL;
	tables = palloc(sizeof(char *) * list_length(statement->table_list));
	foreach(cell, statement->table_list)
	{
		tables[foreach_current_index(cell)] = lfirst_node(RangeVar, cell)->relname;
		if (strlen(lfirst_node(RangeVar, cell)->relname) >= NAMEDATALEN - 1)
			return NULL;
	}
	return tables;
}

static void
append_option(StringInfo command, const char *separator, const char *name, const char *value)
{
	appendStringInfo(command, "%s%s %s", separator, name, quote_literal_cstr(value));
}

/* The command for `name`. Types are named so that no search_path can mean others by them. */
static char *
create_command(const char *name, const StoreNames *names, const ForeignServer *server, bool is_feed)
{
	StringInfoData command;

	initStringInfo(&command);
	appendStringInfo(&command,
					 "CREATE FOREIGN TABLE %s (\n"
					 "  commit_id bigint,\n"
					 "  committed_at timestamp with time zone,\n"
					 "  aggregate_id pg_catalog.text,\n"
					 "  version bigint,\n"
					 "  events pg_catalog.jsonb\n"
					 ") SERVER ",
					 quote_identifier(name));
	appendStringInfoString(&command, quote_identifier(server->servername));
	append_option(&command, " OPTIONS (", "commit_table", names->commit_table);
	append_option(&command, ", ", "commit_index", names->commit_index);
	append_option(&command, ", ", "counter_table", names->counter_table);
	append_option(&command, ", ", "counter", encoding_from_utf8(names->counter, strlen(names->counter)));
	if (is_feed)
		append_option(&command, ", ", "consistent_prefix", "true");
	appendStringInfoChar(&command, ')');
	return command.data;
}

static List *
create_commands(const DiscoveredTable *tables, size_t ntables, StoreNames names, const ForeignServer *server, bool feeds)
{
	List	   *commands = NIL;
	char		previous[NAMEDATALEN] = "";
	int			stores = 0;

	for (size_t i = 0; i < ntables; i++)
	{
		char		name[NAMEDATALEN];

		if (i > 0 && strcmp(tables[i].table, tables[i - 1].table) == 0)
			continue;			/* named twice in LIMIT TO */

		/* Tables come by name, so those that are cut to the same one follow each other. */
		local_name(name, tables[i].table);
		if (strcmp(name, previous) == 0)
		{
			ereport(WARNING,
					(errmsg("DynamoDB table \"%s\" is left out", tables[i].table),
					 errdetail("Cut to %d bytes, its name is that of another table.", NAMEDATALEN - 1),
					 errhint("Declare it with CREATE FOREIGN TABLE.")));
			continue;
		}
		strlcpy(previous, name, NAMEDATALEN);
		names.commit_table = tables[i].table;
		names.commit_index = tables[i].index;
		commands = lappend(commands, create_command(names.commit_table, &names, server, false));
		stores++;
		if (feeds)
			commands = lappend(commands, create_command(makeObjectName(names.commit_table, NULL, "feed"), &names, server, true));
	}
	if (commands == NIL)
		ereport(NOTICE,
				(errmsg("server \"%s\" has no commits table to import", server->servername),
				 errdetail("A commits table has the key (aggregateId, version) and an index with the key (active, commitId)."),
				 errhint("Check the options \"region\" and \"endpoint\" of the server.")));
	else
		ereport(NOTICE,
				(errmsg_plural("%d foreign table takes its commit ids from counter \"%s\" in DynamoDB table \"%s\"",
							   "all %d foreign tables take their commit ids from counter \"%s\" in DynamoDB table \"%s\"",
							   stores, stores,
							   encoding_from_utf8(names.counter, strlen(names.counter)), names.counter_table),
				 errhint("Where a table has a counter of its own, set its options \"counter_table\" and \"counter\" before you append.")));
	return commands;
}

List *
import_schema(ImportForeignSchemaStmt *statement, Oid server_oid)
{
	ForeignServer *server = GetForeignServer(server_oid);
	StoreNames	names = options_of_import(statement->options);
	const char **limit = tables_of_limit(statement);
	DiscoverSpec spec = {
		.tables = limit,
		.ntables = limit != NULL ? list_length(statement->table_list) : 0,
		.wanted = table_is_wanted,
		.arg = statement,
	};
	const DiscoveredTable *tables;
	size_t		ntables;
	Tenure	   *tenure;
	const Failure *failure;
	List	   *commands;

	if (strcmp(statement->remote_schema, REMOTE_SCHEMA) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				 errmsg("there is no schema \"%s\" in DynamoDB", statement->remote_schema),
				 errhint("Write IMPORT FOREIGN SCHEMA " REMOTE_SCHEMA ".")));

	/* Who imports a table owns it. */
	tenure = tenure_new(CurrentMemoryContext, connection_acquire(GetUserId(), server_oid, GetUserId()));
	tenure_hold(tenure, discover_start(tenure_client(tenure), &spec, NULL), &discover_operation);
	failure = tenure_run(tenure);
	if (failure != NULL)
		report_server_failure(failure, server->servername);
	if (discover_denied(tenure->operation) > 0)
		ereport(WARNING,
				(errmsg_plural("%zu DynamoDB table is left out", "%zu DynamoDB tables are left out",
							   discover_denied(tenure->operation), discover_denied(tenure->operation)),
				 errdetail("AWS denies dynamodb:DescribeTable.")));
	tables = discover_tables(tenure->operation, &ntables);
	commands = create_commands(tables, ntables, names, server, options_import_feeds(statement->options));
	tenure_drop(tenure);
	return commands;
}
