/*
 * server_usage: what this session has sent to each server since it began, whatever became of its connections.
 */
#ifndef DYNAMODB_ES_SERVER_USAGE_H
#define DYNAMODB_ES_SERVER_USAGE_H

#include "postgres.h"

#include "foreign/foreign.h"
#include "utils/hsearch.h"

#include "dynamodb/usage.h"

typedef struct ServerUsage
{
	Oid			server;			/* hash key */
	NameData	server_name;	/* when it was last connected to */
	Usage		usage;
} ServerUsage;

/* The sum of a server, to count into: it stays where it is until the session ends. */
extern Usage *server_usage_of(const ForeignServer *server);

/* The name of a server that was connected to, or the last one it had. */
extern char *server_usage_name(Oid server);

/* One after the other, all that was counted so far included. The caller reads them to the end. */
extern void server_usage_scan(HASH_SEQ_STATUS *scan);
extern const ServerUsage *server_usage_next(HASH_SEQ_STATUS *scan);

#endif
