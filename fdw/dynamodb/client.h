/*
 * client: one identity at one endpoint. Signs requests, sends them, reads the answers, and counts what they cost.
 *
 * A Call is one request, from start to the parsed answer, with the retries that it may take. Calls of one client run
 * side by side, as many as max_connections.
 */
#ifndef DYNAMODB_ES_CLIENT_H
#define DYNAMODB_ES_CLIENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "aws/http.h"
#include "aws/provider.h"
#include "base/buffer.h"
#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/page.h"
#include "dynamodb/request.h"

typedef struct Client Client;
typedef struct Call Call;

typedef struct ClientSettings
{
	const char *endpoint;		/* "http://host:port" or "https://host", without a path; NULL: the region's own */
	const char *region;
	int			max_attempts;	/* tries of one request, at least 1 */
	bool		accept_gzip;	/* answers may come compressed */
	struct Usage *total;		/* what all requests cost is added here too; must outlive the client; or NULL */
	HttpSettings http;
} ClientSettings;

/* What requests cost; counters only grow. */
typedef struct Usage
{
	int64_t		requests;		/* sent, retries included */
	int64_t		retries;
	int64_t		throttles;		/* answers that said so */
	int64_t		bytes_sent;		/* bodies */
	int64_t		bytes_received;
	double		read_units;		/* capacity units */
	double		write_units;
	int64_t		items;			/* evaluated by Query and Scan */
} Usage;

/* Copies everything. NULL with *failure filled in. */
extern Client *client_new(const ClientSettings *settings, const Identity *identity, Failure *failure);

/* Calls must have been freed before. NULL is allowed. */
extern void client_free(Client *client);

/* Reads and writes have partitions' throughput of their own. */
typedef enum Traffic
{
	TRAFFIC_READ,
	TRAFFIC_WRITE,
	TRAFFIC_KINDS
} Traffic;

/*
 * How many requests of a kind to have under way at once: max_connections, and fewer while DynamoDB throttles. Whoever
 * sends many asks before each; a single request need not.
 */
extern int	client_window(const Client *client, Traffic traffic);

/* The time as DynamoDB has it, ms since the epoch: what requests are signed with. */
extern int64_t client_time_ms(const Client *client);

extern int	client_fd(const Client *client);

/* For display; they live as long as the client. */
extern const char *client_endpoint(const Client *client);
extern const char *client_region(const Client *client);

/* See http_client_in_flight and http_client_idle_connections. */
extern int	client_in_flight(const Client *client);
extern int	client_idle_connections(const Client *client);
extern void client_await(Client *client);	/* see http_client_await */
extern void client_pump(Client *client);
extern void client_wake_at(Client *client, int64_t when);	/* see http_client_wake_at */

/*
 * Starts a request. *body is taken over and empty afterwards. What the request costs is added to *usage, which must
 * outlive the call; NULL: nobody counts. Never NULL but when memory ran out.
 */
extern Call *call_start(Client *client, Operation operation, ByteBuffer *body, Usage *usage);

/* The answer will be a page of items: it is parsed as one, and call_take_page is how to get it. */
extern void call_expect_page(Call *call);

/* No attempt is sent later than at `deadline` (http_now_ms). */
extern void call_set_deadline(Call *call, int64_t deadline);

/* Nor later than this after the first one, which may have to wait for credentials. To be set before any call_step. */
extern void call_set_patience(Call *call, int patience_ms);
extern StepResult call_step(Call *call);

/* When the last attempt was sent (http_now_ms): what its answer tells of happened after that. */
extern int64_t call_sent_at(const Call *call);

/*
 * true once call_step will not be PENDING any more. A good answer is left as it came until call_step parses it, which
 * saves memory when it has to wait for its turn.
 */
extern bool call_has_arrived(Call *call);

/* After DONE: the answer, which belongs to the call; or taken from it, the caller's to cJSON_Delete. */
extern const cJSON *call_response(const Call *call);
extern cJSON *call_take_response(Call *call);
extern ItemPage *call_take_page(Call *call);	/* the caller's to page_free */

/*
 * After FAILED: what DynamoDB answered beside code and words, such as the item that a condition failed on; NULL where
 * it did not.
 */
extern const cJSON *call_error(const Call *call);

/* After FAILED. */
extern const Failure *call_failure(const Call *call);

/*
 * true when the request may have been carried out although an attempt at it failed: an answer was lost, or was none
 * of DynamoDB's.
 */
extern bool call_may_have_happened(const Call *call);

/* Ends it if it is still running. NULL is allowed. */
extern void call_free(Call *call);

#endif
