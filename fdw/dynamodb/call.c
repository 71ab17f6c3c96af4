/*
 * call.c: how does a request body become DynamoDB's answer?
 *
 * It is sent, again where that may help, and its answer parsed and accounted for. What the bodies say is request.c's,
 * what the answers mean response.c's, and how long to wait before another attempt retry.c's.
 */
#include "dynamodb/call.h"

#include <stdlib.h>
#include <string.h>

#include "dynamodb/call_context.h"
#include "dynamodb/intake.h"
#include "dynamodb/request.h"
#include "dynamodb/response.h"

/* In so many slices (intake.h) the answer to a read is read: 1 MB of items as JSON, with all that is escaped in it. */
#define SLICES_OF_PAGE 6

/*
 * Of a BatchGetItem: after so much left out keys since it was full. DynamoDB reads a MB of a partition, 16 MB of all. What it read
 * is not what it answers, where only some attributes are wanted: its price tells, half a unit for each 4 KB or more.
 */
#define FULL_BATCH_BYTES (1024 * 1024)
#define FULL_BATCH_UNITS (FULL_BATCH_BYTES / 4096 / 2.0)

#define FRESH_SIGNATURE_MS (4 * 60 * 1000)	/* AWS takes five minutes */

struct Call
{
	Client	   *client;
	CallContext *context;		/* the client's */
	Operation	operation;
	ByteBuffer	body;
	CallSettings settings;
	int64_t		stamp_ms;		/* the time that the body names, where it has a writer */
	HttpTransfer *transfer;		/* the attempt under way; NULL between two */
	int			attempts;
	int			retry_cost;		/* of the last retry; 0: there was none */
	int64_t		sent_at;		/* the last attempt, http_now_ms */
	int64_t		signed_offset_ms;	/* the clock's offset that it was signed with */
	int64_t		signed_ms;		/* when it was, by this machine's clock */
	bool		was_late;		/* it went out so long after that its signature may have expired */
	bool		clock_retried;	/* an attempt beyond max_attempts was made because the clock was wrong */
	int64_t		not_before;		/* the next one */
	int64_t		rest_not_before;	/* see call_rest_not_before */
	bool		was_throttled;	/* by the last answer, in whole or in part */
	int64_t		deadline;		/* no attempt after that; 0: none */
	int64_t		retry_at;		/* the next one, where that was too late; 0: there was to be none */
	CredentialsTicket ticket;	/* see provider_ask */
	uint64_t	generation;		/* of the credentials of the last attempt */
	bool		renewed;		/* it was sent once more with fresh credentials */
	Usage	   *usage;
	bool		is_awaited;		/* counted among those that are not done */
	StepResult	state;
	Intake		intake;			/* of the attempt's answer, which stays in there */
	bool		may_have_happened;
	Failure		failure;
};

/* What its client's requests of that kind have cost; NULL: nobody counts. */
static Usage *
call_total(const Call *call)
{
	return call->context->totals != NULL ? &call->context->totals[call->operation] : NULL;
}

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

/* The event that has happened to a call, as far as all events have the same in them. */
static Event
call_event(const Call *call, EventKind kind)
{
	Event		event = {
		.kind = kind,
		.operation = operation_name(call->operation),
		.failed = call->state == STEP_FAILED,
		.attempt = call->settings.attempts + call->attempts,
	};
	const char *table;
	size_t		length = request_find_table(&call->body, &table);

	if (length >= sizeof(event.table))
		length = sizeof(event.table) - 1;
	if (length > 0)
		memcpy(event.table, table, length);
	if (event.failed)
		memcpy(event.code, call->failure.code, sizeof(event.code));
	return event;
}

static Window *
call_window(const Call *call)
{
	return &call->context->windows[operation_reads(call->operation) ? TRAFFIC_READ : TRAFFIC_WRITE];
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
	return call->settings.attempts + call->attempts - call->clock_retried;
}

int64_t
call_retry_at(const Call *call)
{
	return call->retry_at;
}

/*
 * A request that failed certainly did nothing where DynamoDB itself refused it (4xx), or where nothing of it was
 * sent. Once in doubt, always in doubt: a later refusal says nothing about an earlier attempt.
 */
static bool
failure_leaves_doubt(const Failure *failure, const HttpTransfer *transfer)
{
	if (http_transfer_step(transfer) == STEP_FAILED)
		return http_transfer_may_have_arrived(transfer);
	/* It is this very request, by its token, that is in progress. */
	if (strcmp(failure->code, "TransactionInProgressException") == 0)
		return true;
	return failure->kind == FAILURE_BAD_ANSWER || failure->kind == FAILURE_DAMAGED || failure->kind == FAILURE_TOO_LONG
		|| failure->kind == FAILURE_MEMORY || failure->http_status >= 500;
}

static const cJSON *
call_good_answer(const Call *call)
{
	const Intake *intake = &call->intake;

	return intake->page != NULL ? page_root(intake->page) : answer_root(intake->response);
}

static void
note_answer(const Call *call)
{
	Journal    *journal = &call->context->journal;
	Event		event;

	if (!journal_wants(journal, EVENT_REQUEST))
		return;
	event = call_event(call, EVENT_REQUEST);
	event.took_ms = http_now_ms() - call->sent_at;
	event.units = event.failed ? 0 : response_capacity_units(call_good_answer(call));
	journal_add(journal, &event);
}

static void
note_throttle(const Call *call)
{
	Journal    *journal = &call->context->journal;
	Event		event;

	if (!journal_wants(journal, EVENT_THROTTLE) || !call->was_throttled)
		return;
	event = call_event(call, EVENT_THROTTLE);
	event.window = call_window(call)->size;
	journal_add(journal, &event);
}

/* Lets it be sent again at that moment (http_now_ms). */
static void
call_send_again(Call *call, int64_t when)
{
	Journal    *journal = &call->context->journal;
	int64_t		pause_ms = when - http_now_ms();
	Event		event;

	if (journal_wants(journal, EVENT_RETRY))
	{
		event = call_event(call, EVENT_RETRY);
		event.pause_ms = pause_ms > 0 ? pause_ms : 0;
		journal_add(journal, &event);
	}
	call->not_before = when;
	call->state = STEP_PENDING;
}

/*
 * A request that was refused for the time it was signed with did nothing, and will do better with the right one: it
 * is sent once more, whatever max_attempts and the quota say. The clock may have been wrong, or it waited for a
 * connection until the signature was too old, as one may that was asked for ahead of a cursor.
 */
static bool
call_plan_clock_retry(Call *call)
{
	if (call->clock_retried || !clock_explains(call->failure.code)
		|| (call->signed_offset_ms == call->context->clock.offset_ms && !call->was_late))
		return false;
	call->clock_retried = true;
	call_send_again(call, http_now_ms());
	return true;
}

/* Lets the client know how the service bears what it sends. */
static void
window_note_answer(const Call *call, const HttpAnswer *answer)
{
	if (call->was_throttled)
		window_throttled(call_window(call), call->sent_at, http_now_ms());
	else
		window_passed(call_window(call), answer->took_us, http_now_ms());
}

/* The codes for credentials that are no longer, or were never, the service's: fresh ones may be. */
static bool
failure_is_of_credentials(const Failure *failure)
{
	return failure->kind == FAILURE_EXPIRED || strcmp(failure->code, "UnrecognizedClientException") == 0;
}

/* Once, a request that was refused for its credentials is sent again at once with fresh ones, where there can be any. */
static void
call_renew_credentials(Call *call)
{
	if (call->renewed || !failure_is_of_credentials(&call->failure)
		|| !provider_reject(call->context->provider, call->generation))
		return;
	call->renewed = true;
	call->ticket.round = 0;
	call_send_again(call, 0);
}

/* Lets the request be sent again, if that may help and is allowed. */
static void
call_plan_retry(Call *call, int64_t retry_after_ms)
{
	RetryClass	class = retry_classify(&call->failure);
	int			attempts = call_attempts(call);
	int64_t		not_before;
	int			cost;

	if (call_plan_clock_retry(call) || class == RETRY_NEVER
		|| attempts >= call->context->max_attempts)
		return;
	not_before = http_now_ms() + retry_delay_ms(class, attempts, jitter_next(&call->context->jitter), retry_after_ms);
	if (call->deadline != 0 && not_before > call->deadline)
	{
		call->retry_at = not_before;
		return;
	}
	cost = retry_quota_take(&call->context->quota, class);
	if (cost == 0)
		return;
	call->retry_cost = cost;
	call_send_again(call, not_before);
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

static bool
answer_has_shape(const Call *call)
{
	return call->state == STEP_DONE || call->intake.error != NULL;
}

/*
 * Is it DynamoDB that has answered? Whatever stands in between may have any time: only an answer that has DynamoDB's
 * shape and the number that it gives to each request tells the time over there.
 */
static bool
answer_is_the_services(const Call *call, const HttpAnswer *answer)
{
	return answer->has_request_id && answer_has_shape(call);
}

/* What the answer means for the time that the body names. */
static void
call_settle_stamp(const Call *call)
{
	ServerClock *clock = &call->context->clock;

	if (call->settings.writer == NULL)
		return;
	if (call->state == STEP_DONE || call->may_have_happened)
		clock_keep_stamp(clock, call->stamp_ms);
	else if (clock_explains(call->failure.code))
		clock_drop_stamps(clock);
}

static void
call_count_answer(const Call *call, Usage *usage)
{
	usage_add_answer(usage, call->intake.received, call->was_throttled);
	if (call->state != STEP_DONE)
		return;
	usage_add_costs(usage, call->operation, call_good_answer(call));
	if (call->operation == OPERATION_BATCH_GET_ITEM && call->intake.page != NULL)
		usage_add_items(usage, page_count(call->intake.page));
}

/*
 * A BatchGetItem may leave out keys, since the answer would have been too long, or for want of throughput. In the second case it
 * is a throttled request: in part, so that the rest has to wait; or, if nothing was read at all, in whole.
 */
static void
call_look_for_rest(Call *call)
{
	const ItemPage *page = call->state == STEP_DONE ? call->intake.page : NULL;

	call->rest_not_before = 0;
	if (page == NULL || call->operation != OPERATION_BATCH_GET_ITEM || !response_left_out_keys(page_root(page))
		|| page_bytes(page) >= FULL_BATCH_BYTES || response_capacity_units(page_root(page)) >= FULL_BATCH_UNITS)
		return;
	call->was_throttled = true;
	call->rest_not_before = http_now_ms()
		+ retry_delay_ms(RETRY_THROTTLING, call->settings.left_out_before + 1, jitter_next(&call->context->jitter), -1);
	if (response_capacity_units(page_root(page)) > 0 || page_count(page) != 0)
		return;
	call->state = STEP_FAILED;
	failure_set(&call->failure, FAILURE_THROTTLED, "UnprocessedKeys", "DynamoDB read none of the keys.");
}

/* An attempt has ended, and its answer was read: count it, let its memory go, and decide whether that was the last. */
static void
call_attempt_ended(Call *call)
{
	HttpAnswer *answer = http_transfer_answer(call->transfer);
	int64_t		retry_after_ms = answer->retry_after_ms;

	call->was_late = answer->sent_ms - call->signed_ms > FRESH_SIGNATURE_MS;
	if (http_transfer_step(call->transfer) == STEP_FAILED)
	{
		call->state = STEP_FAILED;
		call->failure = *http_transfer_failure(call->transfer);
		call->intake.received = answer->body.length;
	}
	else
	{
		call->context->was_answered = call->context->was_answered || answer_has_shape(call);
		if (answer_is_the_services(call, answer))
			clock_observe(&call->context->clock, answer);
	}
	call->was_throttled = call->failure.kind == FAILURE_THROTTLED;
	call_look_for_rest(call);
	call_count_answer(call, call->usage);
	call_count_answer(call, call_total(call));
	window_note_answer(call, answer);
	note_answer(call);
	note_throttle(call);
	if (call->state == STEP_DONE)
		retry_quota_give(&call->context->quota, call->retry_cost);
	else
		call->may_have_happened = call->may_have_happened || failure_leaves_doubt(&call->failure, call->transfer);
	call_settle_stamp(call);
	http_transfer_free(call->transfer);
	call->transfer = NULL;
	if (call->failure.kind == FAILURE_UNREACHABLE || call->failure.kind == FAILURE_BAD_ANSWER)
		client_distrust_connections(call->client);
	if (call->state == STEP_FAILED)
		call_renew_credentials(call);
	if (call->state == STEP_FAILED)
		call_plan_retry(call, retry_after_ms);
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
