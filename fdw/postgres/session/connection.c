/*
 * connection.c: which client does a statement use, and how long does it live?
 *
 * Clients are kept in a table by user mapping, because their connections and signing keys are worth keeping. A change
 * of the server or the mapping takes its client out of the table; it goes when the last operation on it has ended.
 *
 * Each has several file descriptors, and mappings can be many. So only a few clients are kept that nothing uses, none
 * that was never answered, and all their descriptors are acquired from PostgreSQL first: the rest remains its own.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "lib/ilist.h"
#include "storage/fd.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "dynamodb/window.h"
#include "postgres/core/errors.h"
#include "postgres/core/visibility.h"
#include "postgres/session/connection.h"
#include "postgres/session/descriptors.h"
#include "postgres/session/identity.h"
#include "postgres/session/server_usage.h"
#include "postgres/session/stat.h"
#include "postgres/session/tally.h"
#include "postgres/session/trace.h"
#include "postgres/session/wait.h"
#include "postgres/table/options.h"

/* What a client has beside sockets to DynamoDB: an epoll set, a timer, and the pair by which libcurl wakes itself. */
#define CLIENT_DESCRIPTORS 4

/* Clients that are kept while nothing uses them. */
#define MOST_UNUSED 8

struct Connection
{
	dlist_node	node;			/* in all_connections */
	Client	   *client;
	Oid			key;			/* in the table: its user mapping */
	Oid			server;
	Oid			user;			/* of the user mapping; InvalidOid: PUBLIC */
	int			max_connections;	/* to DynamoDB, where descriptors allow */
	int			fixed_descriptors;	/* not for those */
	int			descriptors;	/* acquired from PostgreSQL */
	int			references;
	bool		in_table;
	bool		region_is_private;	/* it is that of PostgreSQL's own environment or files */
	bool		endpoint_is_private;	/* likewise, or it has the region in it */
	Tally		tally;			/* its client counts into it */
};

typedef struct ConnectionEntry
{
	Oid			mapping;		/* hash key */
	Connection *connection;		/* NULL: none yet */
	uint32		mapping_hash;	/* of the syscache entries that it was made from */
	uint32		server_hash;
} ConnectionEntry;

static HTAB *connections = NULL;
static dlist_head all_connections = DLIST_STATIC_INIT(all_connections);	/* those not used for the longest time first */

static uint64 changes = 0;		/* of servers and user mappings, that we have been told of */

/* Sockets beyond the first leave room for the first ones of other clients. */
static int
descriptors_to_spread(void)
{
	return max_safe_fds / 8;
}

static void
descriptors_give_back(Connection *connection, int kept)
{
	for (; connection->descriptors > kept; connection->descriptors--)
		descriptor_release();
}

static void
connection_free_if_unused(Connection *connection)
{
	if (connection->references == 0 && !connection->in_table)
	{
		wait_forget_client(connection->client);
		client_free(connection->client);
		tally_end(&connection->tally);
		dlist_delete(&connection->node);
		descriptors_give_back(connection, 0);
		free(connection);
	}
}

/* Takes it out of the table. */
static void
connection_forget(Connection *connection)
{
	hash_search(connections, &connection->key, HASH_REMOVE, NULL);
	connection->in_table = false;
	connection_free_if_unused(connection);
}

static bool
is_unused(const Connection *connection)
{
	return connection->references == 0 && connection->in_table;
}

/* Closes the one that has not been used for the longest time. false: all are in use. */
static bool
connections_close_longest_unused(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &all_connections)
	{
		Connection *connection = dlist_container(Connection, node, iter.cur);

		if (!is_unused(connection))
			continue;
		connection_forget(connection);
		return true;
	}
	return false;
}

/* The last one may stay however many sockets it has: a session that uses one mapping keeps its connections. */
static bool
unused_are_too_many(void)
{
	int			count = 0;
	int			descriptors = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &all_connections)
	{
		const Connection *connection = dlist_container(Connection, node, iter.cur);

		if (!is_unused(connection))
			continue;
		count++;
		descriptors += connection->descriptors;
	}
	return count > MOST_UNUSED || (count > 1 && descriptors > descriptors_to_spread() / 2);
}

static void
sockets_acquire(Connection *connection, int sockets, int most_acquired)
{
	while (connection->descriptors < connection->fixed_descriptors + sockets && descriptors_acquired() < most_acquired
		   && descriptor_acquire())
		connection->descriptors++;
}

/*
 * For as many sockets as it may come to use. Fewer will do; false: not even one. Those beyond what every endpoint needs
 * leave some for other clients that are used at the same time.
 */
static bool
descriptors_acquire(Connection *connection)
{
	int			least = connection->fixed_descriptors + 1;

	while (connection->descriptors < least && descriptor_acquire())
		connection->descriptors++;
	if (connection->descriptors < least)
		return false;
	sockets_acquire(connection, Min(connection->max_connections, WINDOW_USUAL), descriptors_to_spread());
	sockets_acquire(connection, connection->max_connections, descriptors_to_spread() / 3 * 2);
	return true;
}

static void
report_no_descriptors(const char *server_name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("no file descriptor is left for connections to server \"%s\"", server_name),
			 errdetail("Connections that are in use have %d of the %d that PostgreSQL's limits allow them in a session.",
					   descriptors_acquired(), descriptors_allowed()),
			 errhint("Close cursors that read from other servers, or raise \"max_files_per_process\" and the operating system's limit.")));
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
		connection_forget(entry->connection);
	}
}

static void
connections_init(void)
{
	HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(ConnectionEntry)};

	(void) stat_attach();
	connections = hash_create("dynamodb_es connections", 8, &control, HASH_ELEM | HASH_BLOBS);
	descriptors_free_by(connections_close_longest_unused);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, connections_invalidate, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, connections_invalidate, (Datum) 0);
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
	Usage	   *session = server_usage_of(server);

	if (identity.keys == NULL || settings.endpoint == NULL || strncmp(settings.endpoint, "https:", 6) == 0)
		settings.http.ca_file = options_ca_file(server, options->profile);
	connection = calloc(1, sizeof(Connection));
	if (connection == NULL)
		report_out_of_memory();
	settings.totals = connection->tally.usage;
	connection->region_is_private = settings.is_private;
	connection->endpoint_is_private = settings.endpoint_is_private || (settings.is_private && settings.endpoint == NULL);
	settings.is_private = settings.is_private || settings.endpoint_is_private || identity.keys == NULL;
	connection->server = server->serverid;
	connection->user = user;
	connection->max_connections = settings.http.max_connections;
	/* Beside those to DynamoDB there may be a socket for credentials. */
	connection->fixed_descriptors = CLIENT_DESCRIPTORS + (identity.keys == NULL);
	if (!descriptors_acquire(connection))
	{
		descriptors_give_back(connection, 0);
		free(connection);
		report_no_descriptors(server->servername);
	}
	do
		connection->client = client_new(&settings, &identity, &failure);
	while (connection->client == NULL && failure.kind != FAILURE_MEMORY && connections_close_longest_unused());
	if (connection->client == NULL)
	{
		descriptors_give_back(connection, 0);
		free(connection);
		ereport(ERROR,
				(errcode(failure.kind == FAILURE_MEMORY ? ERRCODE_OUT_OF_MEMORY : ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not connect to server \"%s\"", server->servername),
				 errdetail_internal("%s", words_of_failure(&failure))));
	}
	dlist_push_tail(&all_connections, &connection->node);
	tally_begin(&connection->tally, server->serverid, server->servername, session);
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

/* One reference more. The first one since it was last used acquires descriptors anew. */
static void
connection_use(Connection *connection, const char *server_name)
{
	connection->references++;	/* so that it is none of those that may be closed for it */
	if (connection->references > 1)
		return;
	if (!descriptors_acquire(connection))
	{
		connection_release(connection);
		report_no_descriptors(server_name);
	}
	client_limit_connections(connection->client, connection->descriptors - connection->fixed_descriptors);
}

Connection *
connection_acquire(Oid user, Oid server_oid, Oid table_owner)
{
	UserMapping *mapping = GetUserMapping(user, server_oid);
	ForeignServer *server = GetForeignServer(server_oid);
	MappingOptions options = options_of_mapping(mapping);
	ConnectionEntry *entry;
	Connection *connection;
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
		entry->connection->key = entry->mapping;
		entry->connection->in_table = true;
	}
	connection = entry->connection;
	connection_use(connection, server->servername);
	tally_use(&connection->tally, user);
	trace_client(connection->client);
	return connection;
}

/* Its sockets stay open for the next statement, and counted; those that it might have opened are for others now. */
static void
connection_rest(Connection *connection)
{
	dlist_delete(&connection->node);
	dlist_push_tail(&all_connections, &connection->node);
	descriptors_give_back(connection, connection->fixed_descriptors + client_idle_connections(connection->client));
	while (unused_are_too_many())
		connections_close_longest_unused();
}

Connection *
connection_share(Connection *connection)
{
	connection->references++;
	return connection;
}

void
connection_release(Connection *connection)
{
	connection->references--;
	/* A utility statement that fails has ended already (statement.c) when its memory goes, and the connection with it. */
	tally_tell(&connection->tally);
	if (connection->references > 0)
		return;
	if (!connection->in_table)
		connection_free_if_unused(connection);
	else if (client_was_answered(connection->client))
		connection_rest(connection);
	else
		connection_forget(connection);
}

Oid
connection_mapping(const Connection *connection)
{
	return connection->key;
}

Client *
connection_client(Connection *connection)
{
	return connection->client;
}

Usage *
connection_usage(Connection *connection, Operation operation)
{
	return &connection->tally.usage[operation];
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

/*
 * The names are looked up only after the scan of the table. A look-up may bring invalidations, which remove entries, and during a
 * scan no entry may be removed but the one that the scan is at.
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
		connection_forget(entry->connection);
		closed = true;
	}
	foreach(cell, kept)
		ereport(WARNING, (errmsg("cannot close the connections to server \"%s\", which are in use",
								 server_usage_name(lfirst_oid(cell)))));
	return closed;
}
