/*
 * trace: what a client has done, in PostgreSQL's log.
 */
#ifndef DYNAMODB_ES_TRACE_H
#define DYNAMODB_ES_TRACE_H

#include "postgres.h"

#include "dynamodb/client.h"

/*
 * Reports what has happened since the last time: at DEBUG1 retries, throttles and renewals of credentials, at DEBUG2 each
 * request. To be called wherever a step has been taken and an error may be raised; it costs a comparison or two while
 * neither level is wanted. What happens later is written down as far as it is wanted now.
 */
extern void trace_client(Client *client);

#endif
