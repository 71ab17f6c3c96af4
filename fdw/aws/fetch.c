/*
 * fetch.c: how are credentials fetched, request after request, and what happens when one fails?
 *
 * Which requests there are, and what their answers lead to, is fetch_stage.c's.
 */
#include "aws/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "aws/credentials_json.h"
#include "aws/endpoint.h"
#include "aws/fetch_stage.h"
#include "aws/secret_json.h"

#define PAUSE_MS 200			/* before the second attempt; twice that before the third */
#define MAX_ANSWER_BYTES (256 * 1024)

/* Who did not expect the last place to be asked learns where nothing was found before. */
static void
fetch_fail(CredentialsFetch *fetch)
{
	const char *searched = fetch->source.searched;

	if (searched != NULL && fetch->failure.kind == FAILURE_NO_CREDENTIALS)
		failure_set(&fetch->failure, FAILURE_NO_CREDENTIALS, NULL, "%s %s.", fetch->failure.message, searched);
	fetch->state = STEP_FAILED;
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
			fetch_out_of_memory(fetch);
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
