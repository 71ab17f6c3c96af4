/*
 * connection.c: which client does a statement use, and how long does it live?
 *
 * Clients are kept in a table by user mapping, because their connections and signing keys are worth keeping. A change
 * of the server or the mapping takes its client out of the table; it goes when the last operation on it has ended.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "storage/fd.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "postgres/connection.h"
#include "postgres/errors.h"
#include "postgres/identity.h"
#include "postgres/options.h"

/* An epoll set, a timer and one socket, as a rule: PostgreSQL keeps so many fewer files open for each client. */
#define CLIENT_DESCRIPTORS 3

struct Connection
{
	Client	   *client;
	int			references;
	bool		in_table;
};

typedef struct ConnectionEntry
{
	Oid			mapping;		/* hash key */
	Connection *connection;		/* NULL: none yet, or outdated */
	uint32		mapping_hash;	/* of the syscache entries that it was made from */
	uint32		server_hash;
} ConnectionEntry;

static HTAB *connections = NULL;

static void
connection_free_if_unused(Connection *connection)
{
	if (connection->references == 0 && !connection->in_table)
	{
		client_free(connection->client);
		free(connection);
		for (int i = 0; i < CLIENT_DESCRIPTORS; i++)
			ReleaseExternalFD();
	}
}

static void
entry_forget_connection(ConnectionEntry *entry)
{
	Connection *connection = entry->connection;

	entry->connection = NULL;
	if (connection == NULL)
		return;
	connection->in_table = false;
	connection_free_if_unused(connection);
}

/* Syscache callback: a server or a user mapping has changed; 0 stands for all of them. */
static void
connections_invalidate(Datum arg, int cache, uint32 hash)
{
	HASH_SEQ_STATUS scan;
	ConnectionEntry *entry;

	hash_seq_init(&scan, connections);
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (hash == 0 || (cache == FOREIGNSERVEROID && entry->server_hash == hash)
			|| (cache == USERMAPPINGOID && entry->mapping_hash == hash))
			entry_forget_connection(entry);
}

static void
connections_init(void)
{
	HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(ConnectionEntry)};

	connections = hash_create("dynamodb_es connections", 8, &control, HASH_ELEM | HASH_BLOBS);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, connections_invalidate, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, connections_invalidate, (Datum) 0);
}

static Connection *
connection_new(const ForeignServer *server, const MappingOptions *options)
{
	ClientSettings settings = options_of_server(server, options->profile);
	Identity	identity = {.keys = mapping_has_keys(options) ? &options->keys : NULL, .profile = options->profile};
	Failure		failure;
	Connection *connection = calloc(1, sizeof(Connection));

	if (connection == NULL)
		report_out_of_memory();
	connection->client = client_new(&settings, &identity, &failure);
	if (connection->client == NULL)
	{
		free(connection);
		ereport(ERROR,
				(errcode(failure.kind == FAILURE_MEMORY ? ERRCODE_OUT_OF_MEMORY : ERRCODE_FDW_ERROR),
				 errmsg("could not connect to server \"%s\"", server->servername),
				 errdetail_internal("%s", failure.message)));
	}
	for (int i = 0; i < CLIENT_DESCRIPTORS; i++)
		ReserveExternalFD();
	return connection;
}

Connection *
connection_acquire(Oid user, Oid server_oid)
{
	UserMapping *mapping = GetUserMapping(user, server_oid);
	ForeignServer *server = GetForeignServer(server_oid);
	MappingOptions options = options_of_mapping(mapping);
	ConnectionEntry *entry;
	bool		found;

	/* At each statement: one PUBLIC mapping serves many users, and a superuser may cease to be one. */
	check_identity(&options, server, user);
	if (connections == NULL)
		connections_init();
	entry = hash_search(connections, &mapping->umid, HASH_ENTER, &found);
	if (!found)
	{
		/* The entry stays if no connection can be made, and is looked at when something changes. */
		entry->connection = NULL;
		entry->mapping_hash = GetSysCacheHashValue1(USERMAPPINGOID, ObjectIdGetDatum(mapping->umid));
		entry->server_hash = GetSysCacheHashValue1(FOREIGNSERVEROID, ObjectIdGetDatum(server_oid));
	}
	if (entry->connection == NULL)
	{
		entry->connection = connection_new(server, &options);
		entry->connection->in_table = true;
	}
	entry->connection->references++;
	return entry->connection;
}

void
connection_release(Connection *connection)
{
	connection->references--;
	connection_free_if_unused(connection);
}

Client *
connection_client(Connection *connection)
{
	return connection->client;
}
