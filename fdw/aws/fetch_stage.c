/*
 * fetch_stage.c: what does each request for credentials say, and what does its answer lead to?
 *
 * How such a request is written and read is in sts.c and metadata.c.
 */
#include "aws/fetch_stage.h"

#include <stdlib.h>
#include <string.h>

#include "aws/endpoint.h"
#include "aws/metadata.h"
#include "aws/secret_file.h"
#include "aws/sigv4.h"
#include "aws/sts.h"

#define CONTAINER_TIMEOUT_MS 2000
#define CONTAINER_ATTEMPTS 3
#define INSTANCE_TIMEOUT_MS 1000
#define INSTANCE_ATTEMPTS 1
#define STS_ATTEMPTS 3
#define MAX_WEB_TOKEN_BYTES (64 * 1024)
#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"

bool
fetch_out_of_memory(CredentialsFetch *fetch)
{
	failure_set(&fetch->failure, FAILURE_MEMORY, NULL, "out of memory");
	return false;
}

static ByteBuffer *
draft_line(Draft *draft)
{
	ByteBuffer	   *line = &draft->lines[draft->nlines++];

	line->secret = true;
	return line;
}

void
draft_free(Draft *draft)
{
	buffer_free(&draft->url);
	for (size_t i = 0; i < MAX_LINES; i++)
		buffer_free(&draft->lines[i]);
}

void
fetch_go_on(CredentialsFetch *fetch, Stage stage)
{
	fetch->stage = stage;
	fetch->attempts = 0;
	fetch->clock_retried = false;
	fetch->not_before = 0;
	if (stage == STAGE_ROLE && fetch->source.nroles == 0)
		fetch->stage = STAGE_END;
	if (fetch->stage == STAGE_END)
		fetch->state = STEP_DONE;
}

static bool
container_write(CredentialsFetch *fetch, Draft *draft)
{
	ByteBuffer		line = {.secret = true};

	if (!metadata_container_url(&draft->url, &fetch->failure) || !metadata_container_authorization(&line, &fetch->failure))
	{
		buffer_free(&line);
		return false;
	}
	if (line.length > 0 || line.failed)
		*draft_line(draft) = line;
	return true;
}

static bool
container_read(CredentialsFetch *fetch, HttpAnswer *answer)
{
	if (!metadata_read_answer(stage_rule(fetch->stage)->who, answer->status, answer->body.data, answer->body.length,
							  &fetch->credentials, &fetch->failure))
		return false;
	fetch_go_on(fetch, STAGE_ROLE);
	return true;
}

static bool
instance_token_write(CredentialsFetch *fetch, Draft *draft)
{
	buffer_puts(draft_line(draft), "X-aws-ec2-metadata-token-ttl-seconds: 21600");
	return metadata_instance_url(&draft->url, "/latest/api/token", &fetch->failure);
}

static bool
refuse_answer(CredentialsFetch *fetch, const HttpAnswer *answer)
{
	failure_set(&fetch->failure, FAILURE_NO_CREDENTIALS, NULL, "%s does not give credentials (HTTP status %d).",
				stage_rule(fetch->stage)->who, answer->status);
	fetch->failure.http_status = answer->status;
	return false;
}

static bool
instance_token_read(CredentialsFetch *fetch, HttpAnswer *answer)
{
	if (answer->status != 200 || !metadata_is_token(answer->body.data, answer->body.length))
		return refuse_answer(fetch, answer);
	buffer_free(&fetch->instance_token);
	fetch->instance_token.secret = true;
	buffer_puts(&fetch->instance_token, "X-aws-ec2-metadata-token: ");
	buffer_append(&fetch->instance_token, answer->body.data, answer->body.length);
	fetch_go_on(fetch, STAGE_INSTANCE_ROLE);
	return !fetch->instance_token.failed || fetch_out_of_memory(fetch);
}

static bool
instance_write(CredentialsFetch *fetch, Draft *draft, const char *path)
{
	buffer_puts(draft_line(draft), fetch->instance_token.data);
	return metadata_instance_url(&draft->url, path, &fetch->failure);
}

static bool
instance_role_write(CredentialsFetch *fetch, Draft *draft)
{
	return instance_write(fetch, draft, ROLES_PATH);
}

/* A list of names, of which there is one. */
static bool
instance_role_read(CredentialsFetch *fetch, HttpAnswer *answer)
{
	const char *name = answer->body.data;
	size_t		length = name != NULL ? strcspn(name, "\r\n") : 0;

	if (answer->status == 404)
	{
		failure_set(&fetch->failure, FAILURE_NO_CREDENTIALS, NULL, "The instance has no role.");
		return false;
	}
	if (answer->status != 200 || !metadata_is_role_name(name, length))
		return refuse_answer(fetch, answer);
	buffer_reset(&fetch->instance_path);
	buffer_puts(&fetch->instance_path, ROLES_PATH);
	buffer_append(&fetch->instance_path, name, length);
	fetch_go_on(fetch, STAGE_INSTANCE_KEYS);
	return !fetch->instance_path.failed || fetch_out_of_memory(fetch);
}

static bool
instance_keys_write(CredentialsFetch *fetch, Draft *draft)
{
	return instance_write(fetch, draft, fetch->instance_path.data);
}

static void
add_form_lines(Draft *draft)
{
	buffer_puts(draft_line(draft), "Content-Type: application/x-www-form-urlencoded; charset=utf-8");
	buffer_puts(draft_line(draft), "Accept: application/xml, text/xml");
}

static bool
sts_url(CredentialsFetch *fetch, Draft *draft)
{
	char	   *endpoint = sts_endpoint(fetch->profile, fetch->region, &fetch->failure);

	if (endpoint == NULL)
		return false;
	buffer_printf(&draft->url, "%s/", endpoint);
	free(endpoint);
	return true;
}

static bool
web_identity_write(CredentialsFetch *fetch, Draft *draft)
{
	ByteBuffer		token = {0};
	SecretFileResult result = secret_file_read(fetch->source.token_file, MAX_WEB_TOKEN_BYTES, &token, &fetch->failure);
	bool		read = result == SECRET_FILE_READ;

	while (token.length > 0 && strchr(" \t\r\n", token.data[token.length - 1]) != NULL)
		token.data[--token.length] = '\0';
	if (read && !metadata_is_token(token.data, token.length))
	{
		failure_set(&fetch->failure, FAILURE_NO_CREDENTIALS, NULL, "The file \"%s\" has no web identity token.",
					fetch->source.token_file);
		read = false;
	}
	if (read)
		sts_write_assume_role_with_web_identity(&fetch->body, &fetch->source.web_role, token.data);
	buffer_free(&token);
	add_form_lines(draft);
	return read && sts_url(fetch, draft);
}

static bool
sts_read(CredentialsFetch *fetch, HttpAnswer *answer, Credentials *credentials)
{
	return sts_read_answer(answer->status, answer->body.data, answer->body.length, credentials, &fetch->failure);
}

static bool
web_identity_read(CredentialsFetch *fetch, HttpAnswer *answer)
{
	if (!sts_read(fetch, answer, &fetch->credentials))
		return false;
	fetch_go_on(fetch, STAGE_ROLE);
	return true;
}

/* Signed with the credentials so far. */
static bool
role_write(CredentialsFetch *fetch, Draft *draft)
{
	const Credentials *credentials = &fetch->credentials;
	SigningKey	key = {0};
	char		timestamp[17];
	SigningHeader headers[] = {
		{"Host", NULL},
		{"X-Amz-Date", timestamp},
		{"X-Amz-Security-Token", credentials->session_token},
	};
	SigningRequest request = {
		.method = "POST",
		.path = "/",
		.headers = headers,
		.nheaders = credentials->session_token != NULL ? 3 : 2,
		.timestamp = timestamp,
	};
	ByteBuffer	   *line;
	char	   *host;
	bool		is_signed;

	sts_write_assume_role(&fetch->body, &fetch->source.roles[fetch->source.nroles - 1]);
	if (!sts_url(fetch, draft))
		return false;
	if (draft->url.failed || fetch->body.failed)
		return fetch_out_of_memory(fetch);
	host = endpoint_host_header(draft->url.data);
	if (host == NULL)
		return fetch_out_of_memory(fetch);
	headers[0].value = host;

	sigv4_timestamp(clock_now(fetch->clock), timestamp);
	request.body = fetch->body.data;
	request.body_length = fetch->body.length;
	add_form_lines(draft);
	for (size_t i = 1; i < request.nheaders; i++)
		buffer_printf(draft_line(draft), "%s: %s", headers[i].name, headers[i].value);
	line = draft_line(draft);
	buffer_puts(line, "Authorization: ");
	is_signed = sigv4_sign(&request, credentials, fetch->region, "sts", &key, line);
	sigv4_forget(&key);
	free(host);
	return is_signed || fetch_out_of_memory(fetch);
}

static bool
role_read(CredentialsFetch *fetch, HttpAnswer *answer)
{
	Credentials credentials;

	if (!sts_read(fetch, answer, &credentials))
		return false;
	credentials_wipe(&fetch->credentials);
	fetch->credentials = credentials;
	source_drop_role(&fetch->source);
	fetch_go_on(fetch, STAGE_ROLE);
	return true;
}

const StageRule *
stage_rule(Stage stage)
{
	static const StageRule rules[] = {
		[STAGE_CONTAINER] = {"The container's endpoint", "GET", CONTAINER_ATTEMPTS, CONTAINER_TIMEOUT_MS, true,
		container_write, container_read},
		[STAGE_INSTANCE_TOKEN] = {"The instance's metadata service", "PUT", INSTANCE_ATTEMPTS, INSTANCE_TIMEOUT_MS, true,
		instance_token_write, instance_token_read},
		[STAGE_INSTANCE_ROLE] = {"The instance's metadata service", "GET", INSTANCE_ATTEMPTS, INSTANCE_TIMEOUT_MS, true,
		instance_role_write, instance_role_read},
		[STAGE_INSTANCE_KEYS] = {"The instance's metadata service", "GET", INSTANCE_ATTEMPTS, INSTANCE_TIMEOUT_MS, true,
		instance_keys_write, container_read},
		[STAGE_WEB_IDENTITY] = {"STS", "POST", STS_ATTEMPTS, 0, false, web_identity_write, web_identity_read},
		[STAGE_ROLE] = {"STS", "POST", STS_ATTEMPTS, 0, false, role_write, role_read},
	};

	return &rules[stage];
}
