/*
 * connection: one client of the layers below for each server and user mapping, kept from one statement to the next.
 */
#ifndef DYNAMODB_ES_CONNECTION_H
#define DYNAMODB_ES_CONNECTION_H

#include "postgres.h"

#include "dynamodb/client.h"

typedef struct Connection Connection;

/*
 * The connection of a user to a server: a reference, to be given back. Sends nothing. An ALTER of server or mapping
 * makes the next statement get a new one; whoever holds the old one keeps it to the end.
 */
extern Connection *connection_acquire(Oid user, Oid server);
extern void connection_release(Connection *connection);
extern Client *connection_client(Connection *connection);

#endif
