/*
 * signer.c: what does a request say beside its body, and where does it go?
 */
#include "dynamodb/signer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/endpoint.h"
#include "aws/sigv4.h"

#define SERVICE "dynamodb"
#define TARGET_PREFIX "DynamoDB_20120810."
#define CONTENT_TYPE "application/x-amz-json-1.0"

struct Signer
{
	SignerSettings settings;
	SigningKey	key;
	uint64_t	generation;		/* of the credentials that the key was made of */
	time_t		second;			/* of the last request, by the service's clock; and as it is signed */
	char		timestamp[17];
	char	   *url;			/* endpoint and "/" */
	bool		near;			/* see endpoint_is_near */
	char	   *host;			/* the Host header: without the port where it is the scheme's own */
};

static char *
url_of_endpoint(const char *endpoint)
{
	ByteBuffer		out = {0};

	buffer_puts(&out, endpoint);
	if (endpoint[0] != '\0' && endpoint[strlen(endpoint) - 1] != '/')
		buffer_putc(&out, '/');
	return buffer_detach(&out);
}

Signer *
signer_new(const SignerSettings *settings)
{
	Signer	   *signer = calloc(1, sizeof(Signer));

	if (signer == NULL)
		return NULL;
	signer->settings = *settings;
	signer->url = url_of_endpoint(settings->endpoint);
	signer->host = endpoint_host_header(settings->endpoint);
	if (signer->url == NULL || signer->host == NULL)
	{
		signer_free(signer);
		return NULL;
	}
	signer->near = endpoint_is_near(signer->url);
	return signer;
}

void
signer_free(Signer *signer)
{
	if (signer == NULL)
		return;
	sigv4_forget(&signer->key);
	free(signer->url);
	free(signer->host);
	free(signer);
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

/* Hundreds of requests are signed in the same second. */
static const char *
signer_timestamp(Signer *signer)
{
	time_t		now = clock_now(signer->settings.clock);

	if (now != signer->second || signer->timestamp[0] == '\0')
		sigv4_timestamp(now, signer->timestamp);
	signer->second = now;
	return signer->timestamp;
}

HttpTransfer *
signer_send(Signer *signer, Operation operation, const ByteBuffer *body)
{
	const SignerSettings *settings = &signer->settings;
	const Credentials *credentials = provider_credentials(settings->provider);
	const char *timestamp = signer_timestamp(signer);
	char		target[64];
	SigningHeader headers[HEADER_COUNT] = {
		[HEADER_CONTENT_TYPE] = {"Content-Type", CONTENT_TYPE},
		[HEADER_HOST] = {"Host", signer->host},
		[HEADER_DATE] = {"X-Amz-Date", timestamp},
		[HEADER_TARGET] = {"X-Amz-Target", target},
		[HEADER_TOKEN] = {"X-Amz-Security-Token", credentials->session_token},
	};
	size_t		nheaders = credentials->session_token != NULL ? HEADER_COUNT : HEADER_TOKEN;
	SigningRequest request = {
		.method = "POST",
		.path = "/",
		.headers = headers,
		.nheaders = nheaders,
		.body = body->data,
		.body_length = body->length,
		.timestamp = timestamp,
	};
	ByteBuffer	lines = {.secret = true};	/* one behind the other, each with its NUL */
	size_t		starts[HEADER_COUNT + 1];
	const char *line_texts[HEADER_COUNT + 3];
	HttpRequest message = {
		.method = request.method,
		.url = signer->url,
		.headers = line_texts,
		.nheaders = nheaders + 3,
		.body = body->data,
		.body_length = body->length,
		.direct = signer->near,
	};
	HttpTransfer *transfer = NULL;

	if (signer->generation != provider_generation(settings->provider))
		sigv4_forget(&signer->key);
	signer->generation = provider_generation(settings->provider);
	snprintf(target, sizeof(target), TARGET_PREFIX "%s", operation_name(operation));

	for (size_t i = 0; i < nheaders; i++)
	{
		starts[i] = lines.length;
		buffer_puts(&lines, headers[i].name);
		buffer_puts(&lines, ": ");
		buffer_puts(&lines, headers[i].value);
		buffer_putc(&lines, '\0');
	}
	starts[nheaders] = lines.length;
	buffer_puts(&lines, "Authorization: ");
	if (sigv4_sign(&request, credentials, settings->region, SERVICE, &signer->key, &lines) && !lines.failed)
	{
		for (size_t i = 0; i <= nheaders; i++)
			line_texts[i] = lines.data + starts[i];
		/* Not signed: what stands in between may change it. */
		line_texts[nheaders + 1] = settings->accept_gzip ? "Accept-Encoding: gzip" : "Accept-Encoding: identity";
		line_texts[nheaders + 2] = "Accept:";	/* libcurl's own line is of no use */
		transfer = http_send(settings->http, &message);
	}
	buffer_free(&lines);
	return transfer;
}
