/*
 * call.c: how does a request body become DynamoDB's answer?
 *
 * It is sent, and its answer read. What the bodies say is request.c's, what the answers mean response.c's, and what follows
 * from one, another attempt perhaps, call_attempt.c's.
 */
#include "dynamodb/call.h"

#include <stdlib.h>
#include <string.h>

#include "dynamodb/call_attempt.h"

/* In so many slices (intake.h) the answer to a read is read: 1 MB of items as JSON, with all that is escaped in it. */
#define SLICES_OF_PAGE 6

static void
call_set_awaited(Call *call, bool is_awaited)
{
	call->context->awaited[call->operation] += is_awaited - call->is_awaited;
	call->is_awaited = is_awaited;
}

static void
call_fail_memory(Call *call)
{
	call->state = STEP_FAILED;
	failure_set(&call->failure, FAILURE_MEMORY, NULL, "out of memory");
}

/*
 * A body with a time is written when that is known: for the first attempt, and again when that time was wrong. What may
 * have been carried out is sent as it was, so that there are no two versions of it.
 */
static void
call_write_body(Call *call)
{
	bool		is_late = call->was_late || call->signed_offset_ms != call->context->clock.offset_ms;

	if (call->settings.writer == NULL || (call->attempts > 0 && (call->may_have_happened || !is_late)))
		return;
	buffer_free(&call->body);
	call->stamp_ms = clock_stamp(&call->context->clock);
	call->settings.writer(call->settings.writer_arg, call->stamp_ms, &call->body);
}

/* Sends the request once more, or for the first time; there are credentials. */
static void
call_attempt(Call *call)
{
	call_write_body(call);
	call->attempts++;
	call->generation = provider_generation(call->context->provider);
	call->sent_at = http_now_ms();
	if (call->attempts == 1 && call->settings.patience_ms != 0)
		call->deadline = call->sent_at + call->settings.patience_ms;
	call->signed_offset_ms = call->context->clock.offset_ms;
	call->signed_ms = clock_machine_ms();
	intake_reset(&call->intake);
	call->transfer = call->body.failed ? NULL : signer_send(call->context->signer, call->operation, &call->body);
	if (call->transfer == NULL)
	{
		call_fail_memory(call);
		return;
	}
	window_sent(call_window(call), client_in_flight(call->client));
	usage_add_request(call->usage, call->body.length, call->attempts > 1);
	usage_add_request(call_total(call), call->body.length, call->attempts > 1);
}

/*
 * Sends the request as soon as there are credentials to sign it with. false while there are none: the client's
 * descriptor will tell.
 */
static bool
call_attempt_when_signable(Call *call)
{
	StepResult	credentials = provider_ask(call->context->provider, &call->ticket);

	if (credentials == STEP_PENDING)
		return false;
	if (credentials == STEP_DONE)
		call_attempt(call);
	else
	{
		call->state = STEP_FAILED;
		call->failure = *provider_failure(call->context->provider);
	}
	return true;
}

Call *
call_start_with(Client *client, Operation operation, ByteBuffer *body, const CallSettings *settings, Usage *usage)
{
	Call	   *call = calloc(1, sizeof(Call));

	if (call == NULL)
		return NULL;
	call->client = client;
	call->context = client_call_context(client);
	call->operation = operation;
	call->settings = *settings;
	call->deadline = settings->deadline;
	call->usage = usage;
	call->state = STEP_PENDING;
	call_set_awaited(call, true);
	if (body != NULL)
	{
		call->body = *body;
		memset(body, 0, sizeof(*body));
	}
	call->not_before = settings->not_before;
	if (call->not_before <= http_now_ms())
		call_attempt_when_signable(call);
	return call;
}

Call *
call_start(Client *client, Operation operation, ByteBuffer *body, Usage *usage)
{
	const CallSettings settings = {0};

	return call_start_with(client, operation, body, &settings, usage);
}

int64_t
call_sent_at(const Call *call)
{
	return call->sent_at;
}

int
call_attempts(const Call *call)
{
	return call_attempts_counted(call);
}

int64_t
call_retry_at(const Call *call)
{
	return call->retry_at;
}

/*
 * Goes on with the answer that has arrived. false while there is more to do: then the client's descriptor is readable at once, so
 * that the wait ends at once, having served interrupts.
 */
static bool
answer_read(Call *call)
{
	IntakeRules rules = {
		.expects_page = call->settings.expects_page,
		.errors_have_items = operation_errors_have_items(call->operation),
		.accepts_gzip = call->context->accepts_gzip,
		.max_bytes = call->context->max_response_bytes,
		.request = &call->body,
	};

	failure_set(&call->failure, FAILURE_NONE, NULL, "%s", "");
	call->state = intake_step(&call->intake, &rules, http_transfer_answer(call->transfer), &call->failure);
	if (call->state == STEP_PENDING)
		client_wake_at(call->client, http_now_ms());
	return call->state != STEP_PENDING;
}

/* false: it is not time yet, and the client's descriptor will tell when it is. */
static bool
call_resume(Call *call)
{
	int64_t		now = http_now_ms();

	if (now < call->not_before)
	{
		client_wake_at(call->client, call->not_before);
		return false;
	}
	if (call->deadline != 0 && now > call->deadline)
	{
		call->state = STEP_FAILED;	/* as the attempt before it, if there was one */
		call->retry_at = call->attempts > 0 ? now : 0;
		if (call->attempts == 0)
			failure_set(&call->failure, FAILURE_NO_CREDENTIALS, NULL, "They did not come in time for the append.");
		return true;
	}
	return call_attempt_when_signable(call);
}

StepResult
call_step(Call *call)
{
	while (call->state == STEP_PENDING)
	{
		if (call->transfer == NULL)
		{
			if (!call_resume(call))
				break;
		}
		else if (http_transfer_step(call->transfer) == STEP_PENDING)
			break;
		else if (http_transfer_step(call->transfer) == STEP_DONE && !answer_read(call))
			break;
		else
			call_attempt_ended(call);
	}
	call->failure.is_private = call->context->is_private;
	call_set_awaited(call, call->state == STEP_PENDING);
	if (call->state == STEP_FAILED)
		call->failure.attempts = call->settings.attempts + call->attempts;
	return call->state;
}

bool
call_has_arrived(Call *call)
{
	if (call->state == STEP_PENDING && call->transfer != NULL && http_transfer_step(call->transfer) == STEP_DONE
		&& http_transfer_answer(call->transfer)->status == 200)
		return true;
	return call_step(call) != STEP_PENDING;
}

const cJSON *
call_response(const Call *call)
{
	return answer_root(call->intake.response);
}

ItemPage *
call_take_page(Call *call)
{
	ItemPage   *page = call->intake.page;

	call->intake.page = NULL;
	return page;
}

int64_t
call_rest_not_before(const Call *call)
{
	return call->rest_not_before;
}

const cJSON *
call_error(const Call *call)
{
	return answer_root(call->intake.error);
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

/* No interrupt is looked at meanwhile: reads what has arrived, unless that takes longer than any page of DynamoDB's. */
static bool
answer_read_quickly(Call *call)
{
	for (int i = 0; i < SLICES_OF_PAGE; i++)
		if (answer_read(call))
			return true;
	return false;
}

/* The answer to the attempt under way will not be looked at, but it is billed: if it is there, it tells how much. */
static void
call_abandon(Call *call)
{
	if (call->transfer == NULL || http_transfer_step(call->transfer) == STEP_FAILED)
		return;
	usage_add_abandoned(call->usage);
	usage_add_abandoned(call_total(call));
	if (http_transfer_step(call->transfer) == STEP_DONE && answer_read_quickly(call))
		call_attempt_ended(call);
}

void
call_free(Call *call)
{
	if (call == NULL)
		return;
	call_abandon(call);
	call_set_awaited(call, false);
	provider_leave(call->context->provider, &call->ticket);
	http_transfer_free(call->transfer);
	intake_reset(&call->intake);
	buffer_free(&call->body);
	free(call);
}
