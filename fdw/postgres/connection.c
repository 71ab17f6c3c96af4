/*
 * connection.c: which client does a statement use, and how long does it live?
 *
 * Clients are kept in a table by user mapping, because their connections and signing keys are worth keeping. A change
 * of the server or the mapping takes its client out of the table; it goes when the last operation on it has ended.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "lib/ilist.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "postgres/connection.h"
#include "postgres/errors.h"
#include "postgres/options.h"

/* An epoll set, a timer and one socket, as a rule: PostgreSQL keeps so many fewer files open for each client. */
#define CLIENT_DESCRIPTORS 3

struct Connection
{
	dlist_node	node;			/* in all_connections */
	Client	   *client;
	Oid			server;
	Oid			user;			/* of the user mapping; InvalidOid: PUBLIC */
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
static dlist_head all_connections = DLIST_STATIC_INIT(all_connections);

/* ServerUsage by server. Clients point into its entries, which are never removed. */
static HTAB *usages = NULL;

static void
connection_free_if_unused(Connection *connection)
{
	if (connection->references == 0 && !connection->in_table)
	{
		client_free(connection->client);
		dlist_delete(&connection->node);
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
	HASHCTL		usage_control = {.keysize = sizeof(Oid), .entrysize = sizeof(ServerUsage)};

	usages = hash_create("dynamodb_es usage", 8, &usage_control, HASH_ELEM | HASH_BLOBS);
	connections = hash_create("dynamodb_es connections", 8, &control, HASH_ELEM | HASH_BLOBS);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, connections_invalidate, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, connections_invalidate, (Datum) 0);
}

static Usage *
usage_of_server(const ForeignServer *server)
{
	bool		found;
	ServerUsage *usage = hash_search(usages, &server->serverid, HASH_ENTER, &found);

	if (!found)
		memset(&usage->usage, 0, sizeof(usage->usage));
	namestrcpy(&usage->server_name, server->servername);
	return &usage->usage;
}

/* GetUserMapping names the user that it was asked for, also where the mapping is PUBLIC's. */
static Oid
user_of_mapping(Oid mapping)
{
	HeapTuple	tuple = SearchSysCache1(USERMAPPINGOID, ObjectIdGetDatum(mapping));
	Oid			user = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		user = ((Form_pg_user_mapping) GETSTRUCT(tuple))->umuser;
		ReleaseSysCache(tuple);
	}
	return user;
}

static Connection *
connection_new(const ForeignServer *server, const UserMapping *mapping)
{
	ClientSettings settings = options_of_server(server);
	Credentials credentials = options_credentials(server, mapping);
	Failure		failure;
	Connection *connection;
	Oid			user = user_of_mapping(mapping->umid);

	settings.total = usage_of_server(server);
	connection = calloc(1, sizeof(Connection));
	if (connection == NULL)
		report_out_of_memory();
	connection->client = client_new(&settings, &credentials, &failure);
	if (connection->client == NULL)
	{
		free(connection);
		ereport(ERROR,
				(errcode(failure.kind == FAILURE_MEMORY ? ERRCODE_OUT_OF_MEMORY : ERRCODE_FDW_ERROR),
				 errmsg("could not connect to server \"%s\"", server->servername),
				 errdetail_internal("%s", failure.message)));
	}
	connection->server = server->serverid;
	connection->user = user;
	dlist_push_tail(&all_connections, &connection->node);
	for (int i = 0; i < CLIENT_DESCRIPTORS; i++)
		ReserveExternalFD();
	return connection;
}

Connection *
connection_acquire(Oid user, Oid server_oid)
{
	UserMapping *mapping = GetUserMapping(user, server_oid);
	ConnectionEntry *entry;
	bool		found;

	if (connections == NULL)
		connections_init();
	entry = hash_search(connections, &mapping->umid, HASH_ENTER, &found);
	if (!found)
		entry->connection = NULL;
	if (entry->connection == NULL)
	{
		entry->connection = connection_new(GetForeignServer(server_oid), mapping);
		entry->connection->in_table = true;
		entry->mapping_hash = GetSysCacheHashValue1(USERMAPPINGOID, ObjectIdGetDatum(mapping->umid));
		entry->server_hash = GetSysCacheHashValue1(FOREIGNSERVEROID, ObjectIdGetDatum(server_oid));
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

/* Without a look into the catalogs on the way: that might bring invalidations, and they free connections. */
List *
connections_describe(void)
{
	List	   *states = NIL;
	dlist_iter	iter;

	dlist_foreach(iter, &all_connections)
	{
		const Connection *connection = dlist_container(Connection, node, iter.cur);
		ConnectionState *state = palloc(sizeof(ConnectionState));

		*state = (ConnectionState)
		{
			.server = connection->server,
			.user = connection->user,
			.endpoint = pstrdup(client_endpoint(connection->client)),
			.region = pstrdup(client_region(connection->client)),
			.in_flight = client_in_flight(connection->client),
			.idle = client_idle_connections(connection->client),
			.in_use = connection->references > 0,
			.valid = connection->in_table,
		};
		states = lappend(states, state);
	}
	return states;
}

char *
connection_server_name(Oid server)
{
	ForeignServer *found = GetForeignServerExtended(server, FSV_MISSING_OK);
	const ServerUsage *usage = found != NULL ? NULL : hash_search(usages, &server, HASH_FIND, NULL);

	return found != NULL ? found->servername : pstrdup(NameStr(usage->server_name));
}

bool
connections_close_unused(void)
{
	HASH_SEQ_STATUS scan;
	ConnectionEntry *entry;
	bool		closed = false;

	if (connections == NULL)
		return false;
	hash_seq_init(&scan, connections);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->connection == NULL)
			continue;
		if (entry->connection->references > 0)
		{
			ereport(WARNING, (errmsg("cannot close the connections to server \"%s\", which are in use",
									 connection_server_name(entry->connection->server))));
			continue;
		}
		entry_forget_connection(entry);
		closed = true;
	}
	return closed;
}

void
server_usage_scan(HASH_SEQ_STATUS *scan)
{
	if (connections == NULL)
		connections_init();
	hash_seq_init(scan, usages);
}

const ServerUsage *
server_usage_next(HASH_SEQ_STATUS *scan)
{
	return hash_seq_search(scan);
}
