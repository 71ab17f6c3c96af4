/*
 * client.c: what have all requests of one identity to one endpoint in common?
 */
#include "dynamodb/client.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "dynamodb/call_context.h"

struct Client
{
	HttpClient *http;
	char	   *region;
	char	   *endpoint;		/* scheme and host, without a path */
	CallContext calls;
	Refusals	batch_refusals;
	int			awaited_operation;	/* what is waited for, or was last */
	int64_t		awaited_since;	/* us; 0: nobody waits */
};

/* The endpoint of a region. Source: "Amazon DynamoDB endpoints and quotas", AWS General Reference. */
static char *
endpoint_of_region(const char *region)
{
	ByteBuffer		endpoint = {0};

	buffer_printf(&endpoint, "https://dynamodb.%s.amazonaws.com%s", region, strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
	return buffer_detach(&endpoint);
}

Client *
client_new(const ClientSettings *settings, const Identity *identity, Failure *failure)
{
	Client	   *client = calloc(1, sizeof(Client));
	SignerSettings signing;

	if (client == NULL)
	{
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
		return NULL;
	}
	client->calls.max_attempts = settings->max_attempts;
	retry_quota_init(&client->calls.quota);
	clock_init(&client->calls.clock);
	client->calls.max_response_bytes = settings->http.max_response_bytes;
	client->calls.accepts_gzip = settings->accept_gzip;
	client->calls.is_private = settings->is_private;
	client->calls.totals = settings->totals;
	for (int i = 0; i < TRAFFIC_KINDS; i++)
		window_init(&client->calls.windows[i], settings->http.max_connections);
	jitter_init(&client->calls.jitter);
	client->region = strdup(settings->region);
	client->endpoint = settings->endpoint != NULL ? strdup(settings->endpoint) : endpoint_of_region(settings->region);
	if (client->region == NULL || client->endpoint == NULL)
	{
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
		client_free(client);
		return NULL;
	}
	client->http = http_client_new(&settings->http, failure);
	if (client->http == NULL)
	{
		client_free(client);
		return NULL;
	}
	client->calls.provider = provider_new(identity, client->region, client->http, &client->calls.clock,
										   &client->calls.journal);
	signing = (SignerSettings)
	{
		.http = client->http,
		.provider = client->calls.provider,
		.clock = &client->calls.clock,
		.region = client->region,
		.endpoint = client->endpoint,
		.accept_gzip = settings->accept_gzip,
	};
	if (client->calls.provider != NULL)
		client->calls.signer = signer_new(&signing);
	if (client->calls.signer == NULL)
	{
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
		client_free(client);
		return NULL;
	}
	return client;
}

void
client_free(Client *client)
{
	if (client == NULL)
		return;
	signer_free(client->calls.signer);
	provider_free(client->calls.provider);
	http_client_free(client->http);
	journal_free(&client->calls.journal);
	free(client->region);
	free(client->endpoint);
	free(client);
}

CallContext *
client_call_context(Client *client)
{
	return &client->calls;
}

int
client_window(const Client *client, Traffic traffic)
{
	return client->calls.windows[traffic].size;
}

int64_t
client_time_ms(const Client *client)
{
	return clock_now_ms(&client->calls.clock);
}

void
client_limit_connections(Client *client, int most)
{
	http_client_limit_connections(client->http, most);
	for (int i = 0; i < TRAFFIC_KINDS; i++)
		window_limit(&client->calls.windows[i], most);
}

bool
client_was_answered(const Client *client)
{
	return client->calls.was_answered;
}

Refusals *
client_batch_refusals(Client *client)
{
	return &client->batch_refusals;
}

Journal *
client_journal(Client *client)
{
	return &client->calls.journal;
}

int
client_fd(const Client *client)
{
	return http_client_fd(client->http);
}

const char *
client_endpoint(const Client *client)
{
	return client->endpoint;
}

const char *
client_region(const Client *client)
{
	return client->region;
}

int
client_in_flight(const Client *client)
{
	return http_client_in_flight(client->http);
}

int
client_idle_connections(const Client *client)
{
	return http_client_idle_connections(client->http);
}

int
client_awaited_operation(const Client *client)
{
	const int  *awaited = client->calls.awaited;
	int			most = 0;

	for (int i = 1; i < OPERATIONS; i++)
		if (awaited[i] > awaited[most])
			most = i;
	return awaited[most] > 0 ? most : OPERATIONS;
}

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool
client_await(Client *client)
{
	client->awaited_operation = client_awaited_operation(client);
	client->awaited_since = now_us();
	return http_client_await(client->http);
}

void
client_distrust_connections(Client *client)
{
	http_client_distrust(client->http);
}

void
client_poll(Client *client)
{
	http_client_poll(client->http);
}

static void
count_wait(Client *client)
{
	if (client->awaited_since != 0 && client->awaited_operation != OPERATIONS && client->calls.totals != NULL)
		client->calls.totals[client->awaited_operation].waited_us += now_us() - client->awaited_since;
	client->awaited_since = 0;
}

void
client_pump(Client *client)
{
	count_wait(client);
	http_client_pump(client->http);
}

void
client_wake_at(Client *client, int64_t when)
{
	http_client_wake_at(client->http, when);
}
