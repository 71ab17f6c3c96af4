/*
 * client: one identity at one endpoint: what its requests have in common. That is connections, credentials, the
 * service's time, how many requests it takes at once, and a descriptor to wait on. A request is a Call (call.h).
 */
#ifndef DYNAMODB_ES_CLIENT_H
#define DYNAMODB_ES_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/http.h"
#include "aws/provider.h"
#include "base/failure.h"
#include "base/journal.h"
#include "dynamodb/refusal.h"
#include "dynamodb/usage.h"
#include "dynamodb/window.h"

typedef struct Client Client;

typedef struct ClientSettings
{
	const char *endpoint;		/* "http://host:port" or "https://host", without a path; NULL: the region's own */
	const char *region;
	int			max_attempts;	/* tries of one request, at least 1 */
	bool		accept_gzip;	/* answers may come compressed */
	bool		endpoint_is_private;	/* PostgreSQL's own environment or files name it */
	bool		is_private;		/* so are its failures: it goes by the server's own AWS identity or region */
	Usage	   *totals;			/* what all requests cost is added here too: OPERATIONS of them; must outlive the client; or NULL */
	HttpSettings http;
} ClientSettings;

/* Copies everything. NULL with *failure filled in. */
extern Client *client_new(const ClientSettings *settings, const Identity *identity, Failure *failure);

/* Calls must have been freed before. NULL is allowed. */
extern void client_free(Client *client);

/*
 * How many requests of a kind to have under way at once: max_connections, and fewer while DynamoDB throttles. Whoever
 * sends many asks before each; a single request need not.
 */
extern int	client_window(const Client *client, Traffic traffic);

/* The time as DynamoDB has it, as far as it is known, ms since the epoch. */
extern int64_t client_time_ms(const Client *client);

/* From now on there are no more connections than that, nor requests of a kind; up to max_connections, at least 1. */
extern void client_limit_connections(Client *client, int most);

/* Has DynamoDB ever answered, be it by an error? */
extern bool client_was_answered(const Client *client);

/* For which tables this identity was refused BatchGetItem. The client's. */
extern Refusals *client_batch_refusals(Client *client);

/* What it does is written down here, as far as whoever reads it has set its level. The client's. */
extern Journal *client_journal(Client *client);

/* The descriptor to wait on: it is readable whenever client_pump has something to do. The client's. */
extern int	client_fd(const Client *client);

/* For display; they live as long as the client. */
extern const char *client_endpoint(const Client *client);
extern const char *client_region(const Client *client);

/* See http_client_in_flight and http_client_idle_connections. */
extern int	client_in_flight(const Client *client);
extern int	client_idle_connections(const Client *client);

/* The operation of most requests that are not done yet; OPERATIONS: there is none. */
extern int	client_awaited_operation(const Client *client);

/* The wait between these two is counted for that operation. */
extern bool client_await(Client *client);	/* see http_client_await */
extern void client_pump(Client *client);	/* see http_client_pump */
extern void client_poll(Client *client);	/* see http_client_poll */
extern void client_distrust_connections(Client *client);	/* see http_client_distrust */
extern void client_wake_at(Client *client, int64_t when);	/* see http_client_wake_at */

/* What its calls work with (call_context.h), the client's own. */
extern struct CallContext *client_call_context(Client *client);

#endif
