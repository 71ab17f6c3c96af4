/*
 * call_attempt.c: what follows from an attempt that has ended?
 *
 * It is counted and told, and the client learns from it: the service's time, how many requests it bears. Then the request is sent
 * again where that may help and is allowed. How long to wait before that is retry.c's.
 */
#include "dynamodb/call_attempt.h"

#include <string.h>

#include "dynamodb/request.h"
#include "dynamodb/response.h"

/*
 * Of a BatchGetItem: after so much left out keys since it was full. DynamoDB reads a MB of a partition, 16 MB of all. What it read
 * is not what it answers, where only some attributes are wanted: its price tells, half a unit for each 4 KB or more.
 */
#define FULL_BATCH_BYTES (1024 * 1024)
#define FULL_BATCH_UNITS (FULL_BATCH_BYTES / 4096 / 2.0)

#define FRESH_SIGNATURE_MS (4 * 60 * 1000)	/* AWS takes five minutes */

int
call_attempts_counted(const Call *call)
{
	return call->settings.attempts + call->attempts - call->clock_retried;
}

Usage *
call_total(const Call *call)
{
	return call->context->totals != NULL ? &call->context->totals[call->operation] : NULL;
}

Window *
call_window(const Call *call)
{
	return &call->context->windows[operation_reads(call->operation) ? TRAFFIC_READ : TRAFFIC_WRITE];
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
	int			attempts = call_attempts_counted(call);
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

void
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
