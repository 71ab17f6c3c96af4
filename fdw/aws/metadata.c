/*
 * metadata.c: what do the endpoints for a container's and an instance's credentials want to be sent, and what do they
 * answer? Who sends it, and how often, is fetch.c.
 */
#include "aws/metadata.h"

#include <string.h>
#include <strings.h>

#include "aws/credentials_json.h"
#include "aws/endpoint.h"
#include "aws/environment.h"
#include "aws/secret_file.h"

#define MAX_TOKEN_FILE_BYTES (64 * 1024)
#define CONTAINER_HOST "http://169.254.170.2"
#define INSTANCE_ENDPOINT "http://169.254.169.254"
#define INSTANCE_ENDPOINT_IPV6 "http://[fd00:ec2::254]"

static bool
refuse(Failure *failure, const char *words)
{
	failure_set(failure, FAILURE_NO_CREDENTIALS, NULL, "%s", words);
	return false;
}

bool
metadata_is_token(const char *token, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (token[i] <= ' ' || token[i] >= 0x7f)
			return false;
	return length > 0;
}

/* In a header's line: whatever does not end it. "Basic abc" has a blank. */
static bool
is_header_value(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c >= 0x7f)
			return false;
	return text[0] != '\0';
}

bool
metadata_container_uri_is_allowed(const char *uri)
{
	static const char *const known[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"};
	char		host[256];

	if (!metadata_is_token(uri, strlen(uri)) || strchr(uri, '@') != NULL || !endpoint_host(uri, host, sizeof(host)))
		return false;
	if (strncasecmp(uri, "https://", 8) == 0)
		return true;
	if (strncasecmp(uri, "http://", 7) != 0)
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(host, known[i]) == 0)
			return true;
	return endpoint_host_is_loopback(host);
}

bool
metadata_container_url(ByteBuffer *url, Failure *failure)
{
	const char *relative = environment_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = environment_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");

	if (relative != NULL)
	{
		if (relative[0] != '/' || !metadata_is_token(relative, strlen(relative)))
			return refuse(failure, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path.");
		buffer_puts(url, CONTAINER_HOST);
		buffer_puts(url, relative);
		return true;
	}
	if (full == NULL || !metadata_container_uri_is_allowed(full))
		return refuse(failure,
					  "AWS_CONTAINER_CREDENTIALS_FULL_URI is not https, nor an address that credentials may come from.");
	buffer_puts(url, full);
	return true;
}

bool
metadata_container_authorization(ByteBuffer *line, Failure *failure)
{
	const char *path = environment_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = environment_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	ByteBuffer		text = {.secret = true};
	bool		valid = true;

	if (path != NULL)
	{
		if (secret_file_read(path, MAX_TOKEN_FILE_BYTES, &text, failure) != SECRET_FILE_READ)
		{
			buffer_free(&text);
			return false;
		}
		token = text.data != NULL ? text.data : "";
	}
	line->secret = true;
	if (token != NULL)
	{
		valid = is_header_value(token);
		buffer_puts(line, "Authorization: ");
		buffer_puts(line, token);
	}
	buffer_free(&text);
	return valid
		|| refuse(failure, "The container's authorization token has line breaks or other characters that it cannot have.");
}

bool
metadata_instance_url(ByteBuffer *url, const char *path, Failure *failure)
{
	const char *endpoint = environment_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = environment_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

	if (endpoint == NULL)
		endpoint = mode != NULL && strcasecmp(mode, "IPv6") == 0 ? INSTANCE_ENDPOINT_IPV6 : INSTANCE_ENDPOINT;
	else if (endpoint_complaint(endpoint) != NULL)
		return refuse(failure, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no endpoint.");
	buffer_append(url, endpoint, strlen(endpoint) - (endpoint[strlen(endpoint) - 1] == '/'));
	buffer_puts(url, path);
	return true;
}

bool
metadata_is_role_name(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z')
			  || (name[i] >= '0' && name[i] <= '9') || (name[i] != '\0' && strchr("_+=,.@-", name[i]) != NULL)))
			return false;
	return length > 0 && length <= 128;
}

bool
metadata_read_answer(const char *who, int status, const char *body, size_t length, Credentials *credentials, Failure *failure)
{
	bool		out_of_memory = false;

	memset(credentials, 0, sizeof(*credentials));
	if (status == 200 && body != NULL && credentials_read_json(body, length, "Token", credentials, &out_of_memory))
		return true;
	if (out_of_memory)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	else if (status == 200)
		failure_set(failure, FAILURE_NO_CREDENTIALS, NULL, "%s answers without credentials.", who);
	else
		failure_set(failure, FAILURE_NO_CREDENTIALS, NULL, "%s does not give credentials (HTTP status %d).",
					who, status);
	failure->http_status = status;
	return false;
}
