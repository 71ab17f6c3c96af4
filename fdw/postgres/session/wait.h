/*
 * wait: how a backend waits for the network.
 */
#ifndef DYNAMODB_ES_WAIT_H
#define DYNAMODB_ES_WAIT_H

#include "postgres.h"

#include "dynamodb/client.h"

/*
 * Waits until the client has something to do, and lets it do that. The only wait for the network that there is: a
 * cancel, a timeout or a termination ends it by an error. Call it whenever a step is PENDING.
 */
extern void wait_for_client(Client *client);

/* Waits for that long, or until the latch is set, likewise. */
extern void wait_for_time(int64 ms);

/* To be called before a client is freed: its descriptor may still be in the set of events. */
extern void wait_forget_client(const Client *client);

#endif
