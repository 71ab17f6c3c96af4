/*
 * fetch.c: which requests lead to credentials, one after the other, and what happens when one fails?
 *
 * Each stage is one request: how it is written and what its answer leads to stand in `stages`. What a request says and
 * how an answer is read is in sts.c and metadata.c.
 */
#include "aws/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "aws/credentials_json.h"
#include "aws/endpoint.h"
#include "aws/metadata.h"
#include "aws/process.h"
#include "aws/secret_file.h"
#include "aws/secret_json.h"
#include "aws/sigv4.h"
#include "aws/source.h"
#include "aws/sts.h"

#define CONTAINER_TIMEOUT_MS 2000
#define CONTAINER_ATTEMPTS 3
#define INSTANCE_TIMEOUT_MS 1000
#define INSTANCE_ATTEMPTS 1
#define STS_ATTEMPTS 3
#define PAUSE_MS 200			/* before the second attempt; twice that before the third */
#define MAX_ANSWER_BYTES (256 * 1024)
#define MAX_WEB_TOKEN_BYTES (64 * 1024)
#define MAX_LINES 5

#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"

typedef enum Stage
{
	STAGE_PROCESS,
	STAGE_CONTAINER,
	STAGE_INSTANCE_TOKEN,
	STAGE_INSTANCE_ROLE,
	STAGE_INSTANCE_KEYS,
	STAGE_WEB_IDENTITY,
	STAGE_ROLE,
	STAGE_END
} Stage;

struct CredentialsFetch
{
	HttpClient *http;
	const char *profile;		/* or NULL */
	const char *region;
	ServerClock *clock;
	CredentialSource source;
	Stage		stage;
	HttpTransfer *transfer;		/* the attempt under way; NULL between two */
	ChildProcess *process;		/* at STAGE_PROCESS, once it has been started */
	ByteBuffer		body;			/* what it sends; the web identity's token may be in it */
	int			attempts;		/* at this stage */
	int64_t		signed_offset_ms;	/* the clock's offset that the attempt was made with */
	bool		clock_retried;	/* at this stage an attempt was made anew because the clock was wrong */
	int64_t		not_before;		/* the next one, http_now_ms */
	ByteBuffer		instance_token; /* the header's line */
	ByteBuffer		instance_path;	/* of the role's credentials */
	Credentials credentials;	/* so far */
	StepResult	state;
	Failure		failure;
};

/* A request in the making. */
typedef struct Draft
{
	ByteBuffer		url;
	ByteBuffer		lines[MAX_LINES];
	size_t		nlines;
} Draft;

typedef struct StageRule
{
	const char *who;			/* answers, as a sentence begins */
	const char *method;
	int			attempts;
	int			timeout_ms;		/* 0: the client's */
	bool		direct;			/* no proxy must see it */
	bool		(*write) (CredentialsFetch *fetch, Draft *draft);
	bool		(*read) (CredentialsFetch *fetch, HttpAnswer *answer);
} StageRule;

static const StageRule *stage_rule(Stage stage);

static bool
out_of_memory(CredentialsFetch *fetch)
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

static void
draft_free(Draft *draft)
{
	buffer_free(&draft->url);
	for (size_t i = 0; i < MAX_LINES; i++)
		buffer_free(&draft->lines[i]);
}

/* The next stage, or the end. */
static void
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

/* Who did not expect the last place to be asked learns where nothing was found before. */
static void
fetch_fail(CredentialsFetch *fetch)
{
	const char *searched = fetch->source.searched;

	if (searched != NULL && fetch->failure.kind == FAILURE_NO_CREDENTIALS)
		failure_set(&fetch->failure, FAILURE_NO_CREDENTIALS, NULL, "%s %s.", fetch->failure.message, searched);
	fetch->state = STEP_FAILED;
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
	return !fetch->instance_token.failed || out_of_memory(fetch);
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
	return !fetch->instance_path.failed || out_of_memory(fetch);
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
		return out_of_memory(fetch);
	host = endpoint_host_header(draft->url.data);
	if (host == NULL)
		return out_of_memory(fetch);
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
	return is_signed || out_of_memory(fetch);
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

static const StageRule *
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

static HttpTransfer *
send_draft(CredentialsFetch *fetch, const StageRule *rule, const Draft *draft)
{
	const char *lines[MAX_LINES];
	HttpRequest request = {
		.method = rule->method,
		.url = draft->url.data,
		.headers = lines,
		.nheaders = draft->nlines,
		.body = fetch->body.data,
		.body_length = fetch->body.length,
		.timeout_ms = rule->timeout_ms,
		.max_response_bytes = MAX_ANSWER_BYTES,
		.secret = true,
	};

	if (draft->url.failed || fetch->body.failed)
		return NULL;
	request.direct = rule->direct || endpoint_is_near(draft->url.data);
	for (size_t i = 0; i < draft->nlines; i++)
	{
		if (draft->lines[i].failed)
			return NULL;
		lines[i] = draft->lines[i].data;
	}
	return http_send(fetch->http, &request);
}

static void
fetch_attempt(CredentialsFetch *fetch)
{
	const StageRule *rule = stage_rule(fetch->stage);
	Draft		draft = {0};

	fetch->attempts++;
	fetch->signed_offset_ms = fetch->clock->offset_ms;
	buffer_free(&fetch->body);
	fetch->body.secret = true;
	if (!rule->write(fetch, &draft))
		fetch_fail(fetch);
	else
	{
		fetch->transfer = send_draft(fetch, rule, &draft);
		if (fetch->transfer == NULL)
		{
			out_of_memory(fetch);
			fetch_fail(fetch);
		}
	}
	draft_free(&draft);
}

/* A server that is in trouble, or was not reached, may do better in a moment. */
static bool
may_pass(const CredentialsFetch *fetch)
{
	if (http_transfer_step(fetch->transfer) == STEP_FAILED)
		return true;
	return http_transfer_answer(fetch->transfer)->status >= 500 || http_transfer_answer(fetch->transfer)->status == 429;
}

/*
 * What STS refused for the time that it was signed with is worth a second try: STS's own clock is known by now. Those
 * of containers and instances are not learnt from, since they need not be the service's.
 */
static bool
clock_was_wrong(CredentialsFetch *fetch)
{
	if (fetch->stage != STAGE_ROLE || fetch->clock_retried || fetch->signed_offset_ms == fetch->clock->offset_ms
		|| !clock_explains(fetch->failure.code))
		return false;
	fetch->clock_retried = true;
	return true;
}

/* true when the answer has led on. STS's own ones tell the time, not those of what stands in between. */
static bool
read_answer(CredentialsFetch *fetch, const StageRule *rule, HttpAnswer *answer)
{
	bool		from_sts = fetch->stage == STAGE_ROLE || fetch->stage == STAGE_WEB_IDENTITY;
	bool		understood = rule->read(fetch, answer);

	if (from_sts && answer->has_request_id && (understood || fetch->failure.code[0] != '\0'))
		clock_observe(fetch->clock, answer);
	return understood;
}

/* The token's answer does not get into a container that is one hop too far away; nothing else tells. */
static void
report_silence(CredentialsFetch *fetch, const StageRule *rule)
{
	failure_set(&fetch->failure, FAILURE_NO_CREDENTIALS, NULL, "%s does not answer: %s%s", rule->who,
				http_transfer_failure(fetch->transfer)->message,
				fetch->stage != STAGE_INSTANCE_TOKEN ? ""
				: ". If PostgreSQL runs in a container, the instance's metadata options need a hop limit of 2.");
}

static void
fetch_attempt_ended(CredentialsFetch *fetch)
{
	const StageRule *rule = stage_rule(fetch->stage);
	bool		passing = may_pass(fetch);
	bool		understood = false;

	if (http_transfer_step(fetch->transfer) == STEP_DONE)
		understood = read_answer(fetch, rule, http_transfer_answer(fetch->transfer));
	else
		report_silence(fetch, rule);
	http_transfer_free(fetch->transfer);
	fetch->transfer = NULL;
	if (understood || clock_was_wrong(fetch))
		return;
	if (!passing || fetch->attempts >= rule->attempts)
		fetch_fail(fetch);
	else
		fetch->not_before = http_now_ms() + (int64_t) PAUSE_MS * fetch->attempts;
}

/* What is wrong with the program, as a sentence; not what it printed. */
static void
process_refuse(CredentialsFetch *fetch, const Failure *why)
{
	if (why->kind == FAILURE_MEMORY)
		fetch->failure = *why;
	else
		failure_set(&fetch->failure, FAILURE_NO_CREDENTIALS, NULL, "%s %s.", fetch->source.command_place, why->message);
	fetch_fail(fetch);
}

static void
process_read(CredentialsFetch *fetch, const ByteBuffer *output)
{
	Failure		failure;
	bool		out_of_memory = false;

	if (output->length > 0 && secret_json_has_word(output->data, output->length, "Version", "1")
		&& credentials_read_json(output->data, output->length, "SessionToken", &fetch->credentials, &out_of_memory))
	{
		fetch_go_on(fetch, STAGE_ROLE);
		return;
	}
	failure_set(&failure, out_of_memory ? FAILURE_MEMORY : FAILURE_NO_CREDENTIALS, NULL, "%s",
				out_of_memory ? "out of memory" : "does not print credentials of version 1");
	process_refuse(fetch, &failure);
}

/* false: it has not ended. */
static bool
process_advance(CredentialsFetch *fetch)
{
	StepResult	result;

	if (fetch->process == NULL)
	{
		Failure		failure;

		fetch->process = process_start(fetch->http, fetch->source.command, &failure);
		if (fetch->process == NULL)
		{
			process_refuse(fetch, &failure);
			return true;
		}
	}
	result = process_step(fetch->process);
	if (result == STEP_PENDING)
		return false;
	if (result == STEP_FAILED)
		process_refuse(fetch, process_failure(fetch->process));
	else
		process_read(fetch, process_output(fetch->process));
	process_free(fetch->process);
	fetch->process = NULL;
	return true;
}

CredentialsFetch *
fetch_start(HttpClient *http, const char *profile, const char *region, ServerClock *clock)
{
	static const Stage first_stage[] = {
		[SOURCE_KEYS] = STAGE_ROLE,
		[SOURCE_WEB_IDENTITY] = STAGE_WEB_IDENTITY,
		[SOURCE_PROCESS] = STAGE_PROCESS,
		[SOURCE_CONTAINER] = STAGE_CONTAINER,
		[SOURCE_INSTANCE] = STAGE_INSTANCE_TOKEN,
	};
	CredentialsFetch *fetch = calloc(1, sizeof(CredentialsFetch));

	if (fetch == NULL)
		return NULL;
	fetch->http = http;
	fetch->profile = profile;
	fetch->region = region;
	fetch->clock = clock;
	fetch->state = STEP_PENDING;
	if (!source_choose(profile, &fetch->source, &fetch->failure))
	{
		fetch_fail(fetch);
		return fetch;
	}
	fetch->credentials = fetch->source.keys;
	memset(&fetch->source.keys, 0, sizeof(fetch->source.keys));
	fetch_go_on(fetch, first_stage[fetch->source.kind]);
	return fetch;
}

StepResult
fetch_step(CredentialsFetch *fetch)
{
	while (fetch->state == STEP_PENDING)
	{
		if (fetch->stage == STAGE_PROCESS)
		{
			if (!process_advance(fetch))
				break;
		}
		else if (fetch->transfer != NULL)
		{
			if (http_transfer_step(fetch->transfer) == STEP_PENDING)
				break;
			fetch_attempt_ended(fetch);
		}
		else if (http_now_ms() < fetch->not_before)
		{
			http_client_wake_at(fetch->http, fetch->not_before);
			break;
		}
		else
			fetch_attempt(fetch);
	}
	return fetch->state;
}

void
fetch_take(CredentialsFetch *fetch, Credentials *credentials)
{
	*credentials = fetch->credentials;
	memset(&fetch->credentials, 0, sizeof(fetch->credentials));
}

bool
fetch_needs_waiter(const CredentialsFetch *fetch)
{
	return fetch->source.kind == SOURCE_PROCESS;
}

const Failure *
fetch_failure(const CredentialsFetch *fetch)
{
	return &fetch->failure;
}

void
fetch_free(CredentialsFetch *fetch)
{
	if (fetch == NULL)
		return;
	http_transfer_free(fetch->transfer);
	process_free(fetch->process);
	buffer_free(&fetch->body);
	buffer_free(&fetch->instance_token);
	buffer_free(&fetch->instance_path);
	source_free(&fetch->source);
	credentials_wipe(&fetch->credentials);
	free(fetch);
}
