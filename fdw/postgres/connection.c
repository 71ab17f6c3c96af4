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
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "postgres/connection.h"
#include "postgres/errors.h"
#include "postgres/identity.h"
#include "postgres/options.h"
#include "postgres/wait.h"

/* An epoll set, a timer, the pair by which libcurl wakes itself, and a socket: what a client has as soon as it is used. */
#define CLIENT_DESCRIPTORS 5

struct Connection
{
	dlist_node	node;			/* in all_connections */
	Client	   *client;
	Oid			server;
	Oid			user;			/* of the user mapping; InvalidOid: PUBLIC */
	int			descriptors;	/* counted as external to PostgreSQL */
	int			references;
	bool		in_table;
	bool		region_is_private;	/* it is that of PostgreSQL's own environment or files */
	bool		endpoint_is_private;	/* likewise, or it has the region in it */
};

typedef struct ConnectionEntry
{
	Oid			mapping;		/* hash key */
	Connection *connection;		/* NULL: none yet */
	uint32		mapping_hash;	/* of the syscache entries that it was made from */
	uint32		server_hash;
} ConnectionEntry;

static HTAB *connections = NULL;
static dlist_head all_connections = DLIST_STATIC_INIT(all_connections);

/* ServerUsage by server. Clients point into its entries, which are never removed. */
static HTAB *usages = NULL;
static uint64 changes = 0;		/* of servers and user mappings, that we have been told of */
static int	reserved_descriptors = 0;	/* of all connections */

/*
 * PostgreSQL closes files of its own to keep so many descriptors free. What all clients may use for their sockets
 * beyond the first is bounded, because it refuses wait event sets once a third of the descriptors are not its own.
 */
static void
descriptors_reserve(Connection *connection, int sockets)
{
	int			limit = max_safe_fds / 6;
	int			more = Min(sockets - 1, limit - reserved_descriptors - CLIENT_DESCRIPTORS);

	connection->descriptors = CLIENT_DESCRIPTORS + Max(more, 0);
	for (int i = 0; i < connection->descriptors; i++)
		ReserveExternalFD();
	reserved_descriptors += connection->descriptors;
}

static void
descriptors_release(const Connection *connection)
{
	for (int i = 0; i < connection->descriptors; i++)
		ReleaseExternalFD();
	reserved_descriptors -= connection->descriptors;
}

static void
connection_free_if_unused(Connection *connection)
{
	if (connection->references == 0 && !connection->in_table)
	{
		wait_forget_client(connection->client);
		client_free(connection->client);
		dlist_delete(&connection->node);
		descriptors_release(connection);
		free(connection);
	}
}

static void
entry_forget_connection(ConnectionEntry *entry)
{
	Connection *connection = entry->connection;

	entry->connection = NULL;
	connection->in_table = false;
	connection_free_if_unused(connection);
}

/*
 * Syscache callback: a server or a user mapping has changed; 0 stands for all of them. An entry without a connection
 * stays: somebody may be about to fill it in.
 */
static void
connections_invalidate(Datum arg, int cache, uint32 hash)
{
	HASH_SEQ_STATUS scan;
	ConnectionEntry *entry;

	changes++;
	hash_seq_init(&scan, connections);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		bool		is_meant = hash == 0 || hash == (cache == USERMAPPINGOID ? entry->mapping_hash : entry->server_hash);

		if (!is_meant || entry->connection == NULL)
			continue;
		entry_forget_connection(entry);
		hash_search(connections, &entry->mapping, HASH_REMOVE, NULL);
	}
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
connection_new(const ForeignServer *server, Oid mapping, const MappingOptions *options)
{
	ClientSettings settings = options_of_server(server, options->profile);
	Identity	identity = {.keys = mapping_has_keys(options) ? &options->keys : NULL, .profile = options->profile};
	Failure		failure;
	Connection *connection;
	Oid			user = user_of_mapping(mapping);

	settings.total = usage_of_server(server);
	connection = calloc(1, sizeof(Connection));
	if (connection == NULL)
		report_out_of_memory();
	connection->region_is_private = settings.is_private;
	connection->endpoint_is_private = settings.endpoint_is_private || (settings.is_private && settings.endpoint == NULL);
	settings.is_private = settings.is_private || settings.endpoint_is_private || identity.keys == NULL;
	/* Beside those to DynamoDB there may be one for credentials. */
	descriptors_reserve(connection, settings.http.max_connections + (identity.keys == NULL));
	connection->client = client_new(&settings, &identity, &failure);
	if (connection->client == NULL)
	{
		descriptors_release(connection);
		free(connection);
		ereport(ERROR,
				(errcode(failure.kind == FAILURE_MEMORY ? ERRCODE_OUT_OF_MEMORY : ERRCODE_FDW_ERROR),
				 errmsg("could not connect to server \"%s\"", server->servername),
				 errdetail_internal("%s", words_of_failure(&failure))));
	}
	connection->server = server->serverid;
	connection->user = user;
	dlist_push_tail(&all_connections, &connection->node);
	return connection;
}

/* Reading the catalogs may bring news of a change to what was read a moment before: then it is read again. */
static Connection *
connection_new_current(Oid user, Oid server_oid, Oid table_owner)
{
	for (;;)
	{
		uint64		seen = changes;
		UserMapping *mapping = GetUserMapping(user, server_oid);
		ForeignServer *server = GetForeignServer(server_oid);
		MappingOptions options = options_of_mapping(mapping);
		Connection *connection;

		check_identity(&options, server, table_owner, user);
		connection = connection_new(server, mapping->umid, &options);
		if (seen == changes)
			return connection;
		connection_free_if_unused(connection);
	}
}

Connection *
connection_acquire(Oid user, Oid server_oid, Oid table_owner)
{
	UserMapping *mapping = GetUserMapping(user, server_oid);
	ForeignServer *server = GetForeignServer(server_oid);
	MappingOptions options = options_of_mapping(mapping);
	ConnectionEntry *entry;
	bool		found;

	/* At each statement: one mapping serves many users and tables, and a superuser may cease to be one. */
	check_identity(&options, server, table_owner, user);
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
		entry->connection = connection_new_current(user, server_oid, table_owner);
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

/* Without a look into the catalogs on the way: that might bring invalidations, and they free connections. */
List *
connections_describe(void)
{
	List	   *states = NIL;
	dlist_iter	iter;
	bool		all_is_visible = identity_is_visible();

	dlist_foreach(iter, &all_connections)
	{
		const Connection *connection = dlist_container(Connection, node, iter.cur);
		ConnectionState *state = palloc(sizeof(ConnectionState));

		*state = (ConnectionState)
		{
			.server = connection->server,
			.user = connection->user,
			.endpoint = connection->endpoint_is_private && !all_is_visible ? NULL
				: pstrdup(client_endpoint(connection->client)),
			.region = connection->region_is_private && !all_is_visible ? NULL
				: pstrdup(client_region(connection->client)),
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

/*
 * The names are looked up only afterwards: that may bring invalidations, which take entries out of the table, and a
 * scan of it bears no more than the loss of the entry that it is at.
 */
bool
connections_close_unused(void)
{
	HASH_SEQ_STATUS scan;
	ConnectionEntry *entry;
	List	   *kept = NIL;
	ListCell   *cell;
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
			kept = lappend_oid(kept, entry->connection->server);
			continue;
		}
		entry_forget_connection(entry);
		closed = true;
	}
	foreach(cell, kept)
		ereport(WARNING, (errmsg("cannot close the connections to server \"%s\", which are in use",
								 connection_server_name(lfirst_oid(cell)))));
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
