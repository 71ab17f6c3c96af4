/*
 * client.c: how does a request body become DynamoDB's answer?
 *
 * It is signed, sent, and its answer parsed and accounted for. What the bodies say is request.c's, what the answers mean response.c's.
 */
#include "dynamodb/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/sigv4.h"
#include "dynamodb/response.h"

#define SERVICE "dynamodb"
#define TARGET_PREFIX "DynamoDB_20120810."
#define CONTENT_TYPE "application/x-amz-json-1.0"

struct Client
{
	HttpClient *http;
	Credentials credentials;
	SigningKey	signing_key;
	char	   *region;
	char	   *endpoint;		/* scheme and host, without a path */
	char	   *url;			/* endpoint and "/" */
	char	   *host;			/* the Host header: without the port where it is the scheme's own */
	Usage		usage;
};

struct Call
{
	Client	   *client;
	Operation	operation;
	HttpTransfer *transfer;
	Usage	   *usage;
	StepResult	state;
	cJSON	   *response;
	bool		may_have_happened;
	Failure		failure;
};

/* The endpoint of a region. Source: "Amazon DynamoDB endpoints and quotas", AWS General Reference. */
static char *
endpoint_of_region(const char *region)
{
	ByteBuffer		endpoint = {0};

	buffer_printf(&endpoint, "https://dynamodb.%s.amazonaws.com%s", region, strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
	return buffer_detach(&endpoint);
}

/* The Host header of an endpoint, as libcurl would write it too. */
static char *
host_of_endpoint(const char *endpoint)
{
	const char *default_port = strncmp(endpoint, "https:", 6) == 0 ? ":443" : ":80";
	const char *host = strstr(endpoint, "://");
	size_t		length;
	size_t		port_length = strlen(default_port);
	ByteBuffer		out = {0};

	host = host != NULL ? host + 3 : endpoint;
	length = strcspn(host, "/");
	if (length > port_length && memcmp(host + length - port_length, default_port, port_length) == 0)
		length -= port_length;
	buffer_append(&out, host, length);
	return buffer_detach(&out);
}

static char *
url_of_endpoint(const char *endpoint)
{
	ByteBuffer		out = {0};

	buffer_puts(&out, endpoint);
	if (endpoint[0] != '\0' && endpoint[strlen(endpoint) - 1] != '/')
		buffer_putc(&out, '/');
	return buffer_detach(&out);
}

Client *
client_new(const ClientSettings *settings, const Credentials *credentials, Failure *failure)
{
	Client	   *client = calloc(1, sizeof(Client));

	if (client == NULL)
	{
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
		return NULL;
	}
	client->region = strdup(settings->region);
	client->endpoint = settings->endpoint != NULL ? strdup(settings->endpoint) : endpoint_of_region(settings->region);
	if (client->endpoint != NULL)
	{
		client->host = host_of_endpoint(client->endpoint);
		client->url = url_of_endpoint(client->endpoint);
	}
	if (client->region == NULL || client->host == NULL || client->url == NULL
		|| !credentials_set(&client->credentials, credentials->access_key_id, credentials->secret_access_key,
							credentials->session_token))
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
	return client;
}

void
client_free(Client *client)
{
	if (client == NULL)
		return;
	http_client_free(client->http);
	credentials_wipe(&client->credentials);
	sigv4_forget(&client->signing_key);
	free(client->region);
	free(client->endpoint);
	free(client->url);
	free(client->host);
	free(client);
}

int
client_fd(const Client *client)
{
	return http_client_fd(client->http);
}

void
client_await(Client *client)
{
	http_client_await(client->http);
}

void
client_pump(Client *client)
{
	http_client_pump(client->http);
}

void
client_wake_at(Client *client, int64_t when)
{
	http_client_wake_at(client->http, when);
}

const Usage *
client_usage(const Client *client)
{
	return &client->usage;
}

const char *
client_endpoint(const Client *client)
{
	return client->endpoint;
}

enum
{
	HEADER_CONTENT_TYPE,
	HEADER_HOST,
	HEADER_DATE,
	HEADER_TARGET,
	HEADER_TOKEN,
	HEADER_COUNT
};

/* Signs the body and starts its transfer; NULL when memory ran out. */
static HttpTransfer *
send_signed(Client *client, Operation operation, const ByteBuffer *body)
{
	char		timestamp[17];
	char		target[64];
	SigningHeader headers[HEADER_COUNT] = {
		[HEADER_CONTENT_TYPE] = {"Content-Type", CONTENT_TYPE},
		[HEADER_HOST] = {"Host", client->host},
		[HEADER_DATE] = {"X-Amz-Date", timestamp},
		[HEADER_TARGET] = {"X-Amz-Target", target},
		[HEADER_TOKEN] = {"X-Amz-Security-Token", client->credentials.session_token},
	};
	size_t		nheaders = client->credentials.session_token != NULL ? HEADER_COUNT : HEADER_TOKEN;
	SigningRequest request = {
		.method = "POST",
		.path = "/",
		.headers = headers,
		.nheaders = nheaders,
		.body = body->data,
		.body_length = body->length,
		.time = time(NULL),
	};
	ByteBuffer		lines[HEADER_COUNT + 1] = {{0}};
	const char *line_texts[HEADER_COUNT + 1];
	HttpTransfer *transfer = NULL;
	bool		failed = false;

	sigv4_timestamp(request.time, timestamp);
	snprintf(target, sizeof(target), TARGET_PREFIX "%s", operation_name(operation));

	for (size_t i = 0; i < nheaders; i++)
		buffer_printf(&lines[i], "%s: %s", headers[i].name, headers[i].value);
	buffer_puts(&lines[nheaders], "Authorization: ");
	failed = !sigv4_sign(&request, &client->credentials, client->region, SERVICE, &client->signing_key, &lines[nheaders]);
	for (size_t i = 0; i <= nheaders; i++)
	{
		failed = failed || lines[i].failed;
		line_texts[i] = lines[i].data;
	}
	if (!failed)
		transfer = http_post(client->http, client->url, line_texts, nheaders + 1, body->data, body->length);
	for (size_t i = 0; i <= nheaders; i++)
		buffer_free_wipe(&lines[i]);
	return transfer;
}

static void
call_fail(Call *call, FailureKind kind, const char *message)
{
	call->state = STEP_FAILED;
	failure_set(&call->failure, kind, NULL, "%s", message);
}

static void
usage_add_request(Usage *usage, const ByteBuffer *body)
{
	if (usage == NULL)
		return;
	usage->requests++;
	usage->bytes_sent += (int64_t) body->length;
}

Call *
call_start(Client *client, Operation operation, const ByteBuffer *body, Usage *usage)
{
	Call	   *call = calloc(1, sizeof(Call));

	if (call == NULL)
		return NULL;
	call->client = client;
	call->operation = operation;
	call->usage = usage;
	call->state = STEP_PENDING;
	if (!body->failed)
		call->transfer = send_signed(client, operation, body);
	if (call->transfer == NULL)
	{
		call_fail(call, FAILURE_MEMORY, "out of memory");
		return call;
	}
	usage_add_request(&client->usage, body);
	usage_add_request(usage, body);
	return call;
}

static bool
operation_reads(Operation operation)
{
	return operation == OPERATION_GET_ITEM || operation == OPERATION_QUERY || operation == OPERATION_SCAN;
}

static void
usage_add_answer(Usage *usage, Operation operation, const cJSON *response, size_t bytes)
{
	double		units;

	if (usage == NULL)
		return;
	usage->bytes_received += (int64_t) bytes;
	if (response == NULL)
		return;
	units = response_capacity_units(response);
	if (operation_reads(operation))
		usage->read_units += units;
	else
		usage->write_units += units;
	usage->items += response_scanned_count(response);
}

/* The answer is here: parse it, count it, and let its memory go. */
static void
call_finish(Call *call)
{
	HttpAnswer *answer = http_transfer_answer(call->transfer);
	size_t		bytes = answer->body.length;

	call->response = response_parse(answer->status, answer->crc32[0] != '\0' ? answer->crc32 : NULL,
									answer->body.data, bytes, &call->failure);
	usage_add_answer(&call->client->usage, call->operation, call->response, bytes);
	usage_add_answer(call->usage, call->operation, call->response, bytes);
	call->state = call->response != NULL ? STEP_DONE : STEP_FAILED;

	/*
	 * A 4xx of DynamoDB's own is a refusal. Anything else may come from something in between, or after the fact.
	 */
	call->may_have_happened = call->response == NULL
		&& (call->failure.kind == FAILURE_BAD_ANSWER || call->failure.kind == FAILURE_MEMORY || answer->status >= 500);
	http_transfer_free(call->transfer);
	call->transfer = NULL;
}

StepResult
call_step(Call *call)
{
	if (call->state != STEP_PENDING)
		return call->state;
	switch (http_transfer_step(call->transfer))
	{
		case STEP_PENDING:
			break;
		case STEP_DONE:
			call_finish(call);
			break;
		case STEP_FAILED:
			call->state = STEP_FAILED;
			call->failure = *http_transfer_failure(call->transfer);
			call->may_have_happened = http_transfer_may_have_arrived(call->transfer);
			break;
	}
	return call->state;
}

bool
call_has_arrived(Call *call)
{
	return call->state != STEP_PENDING || http_transfer_step(call->transfer) != STEP_PENDING;
}

const cJSON *
call_response(const Call *call)
{
	return call->response;
}

cJSON *
call_take_response(Call *call)
{
	cJSON	   *response = call->response;

	call->response = NULL;
	return response;
}

const Failure *
call_failure(const Call *call)
{
	return &call->failure;
}

bool
call_may_have_happened(const Call *call)
{
	return call->may_have_happened;
}

void
call_free(Call *call)
{
	if (call == NULL)
		return;
	http_transfer_free(call->transfer);
	cJSON_Delete(call->response);
	free(call);
}
