/*
 * connection: one client of the layers below for each server and user mapping, kept from one statement to the next.
 */
#ifndef DYNAMODB_ES_CONNECTION_H
#define DYNAMODB_ES_CONNECTION_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "dynamodb/client.h"

typedef struct Connection Connection;

/*
 * The connection of a user to a server, for a foreign table of that owner: a reference, to be given back. Sends nothing.
 * An ALTER of server or mapping makes the next statement get a new one; whoever holds the old one keeps it to the end.
 */
extern Connection *connection_acquire(Oid user, Oid server, Oid table_owner);
/* One more reference, to be given back by itself. */
extern Connection *connection_share(Connection *connection);
extern void connection_release(Connection *connection);
extern Client *connection_client(Connection *connection);
extern Oid	connection_mapping(const Connection *connection);	/* the user mapping that it was made from */

/* Where requests of that kind are counted until the sums are told (tally.h). */
extern Usage *connection_usage(Connection *connection, Operation operation);

/* For display. */
typedef struct ConnectionState
{
	Oid			server;
	Oid			user;			/* that the user mapping is for; InvalidOid: PUBLIC */
	char	   *endpoint;		/* NULL: not for this user, see identity_is_visible */
	char	   *region;			/* likewise */
	int			in_flight;		/* requests */
	int			idle;			/* connections that no request needs */
	bool		in_use;			/* by a statement or a cursor */
	bool		valid;			/* false: outdated, and kept only for who uses it */
} ConnectionState;

/* A List of ConnectionState, one for each connection of this backend. */
extern List *connections_describe(void);

/* Closes all connections that nothing uses; a WARNING for each other one, which is kept. true: it has closed one. */
extern bool connections_close_unused(void);

#endif
