/*
 * tally: what the requests of one connection have cost since it was last told to those who add up: the session, the statement, and the
 * whole server (stat.h).
 */
#ifndef DYNAMODB_ES_TALLY_H
#define DYNAMODB_ES_TALLY_H

#include "postgres.h"

#include "lib/ilist.h"

#include "dynamodb/operation.h"
#include "dynamodb/usage.h"

typedef struct Tally
{
	dlist_node	node;			/* of all tallies */
	Oid			server;
	NameData	server_name;
	Oid			role;			/* that uses the connection */
	Usage	   *session;		/* the sum of the server's in this session */
	Usage		usage[OPERATIONS];	/* not told yet */
} Tally;

/* *tally is all zeroes; `session` outlives it. */
extern void tally_begin(Tally *tally, Oid server, const char *server_name, Usage *session);

/* What comes from now on is this role's; what another one has counted is told. */
extern void tally_use(Tally *tally, Oid role);

/* Tells what was counted. These raise no error and take no memory. */
extern void tally_tell(Tally *tally);
extern void tally_tell_all(void);

/* Tells, and ends it. */
extern void tally_end(Tally *tally);

/* Tells what all have counted; the sum of what was told since the last call of this. */
extern Usage tally_take_statement(void);

#endif
