/*
 * call: one request of a client's, from start to the parsed answer, with the retries that it may take, and what all
 * that costs. Calls of one client run side by side, as many as max_connections.
 */
#ifndef DYNAMODB_ES_CALL_H
#define DYNAMODB_ES_CALL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/call_settings.h"
#include "dynamodb/client.h"
#include "dynamodb/operation.h"
#include "dynamodb/page.h"
#include "dynamodb/usage.h"

/*
 * Starts a request. *body is taken over and empty afterwards. What the request costs is added to *usage, which must
 * outlive the call; NULL: nobody counts. Never NULL but when memory ran out.
 */
extern Call *call_start(Client *client, Operation operation, ByteBuffer *body, Usage *usage);

/*
 * Likewise. Where there is a writer, `body` is NULL: the writer writes it when the request is first sent, and once more if the
 * time turns out to have been wrong. But once an attempt may have been carried out, the body stays as it is.
 */
extern Call *call_start_with(Client *client, Operation operation, ByteBuffer *body, const CallSettings *settings,
							 Usage *usage);
extern StepResult call_step(Call *call);

/* When the last attempt was sent (http_now_ms). What the answer reports is no older. */
extern int64_t call_sent_at(const Call *call);

/*
 * true once call_step will not be PENDING any more. A good answer is left as it came until call_step parses it, which
 * saves memory when it has to wait for its turn.
 */
extern bool call_has_arrived(Call *call);

/* After DONE: the answer, which belongs to the call; or the page taken from it, the caller's to page_free. */
extern const cJSON *call_response(const Call *call);
extern ItemPage *call_take_page(Call *call);

/*
 * After DONE of a BatchGetItem whose answer left out keys: when they may be asked for again (http_now_ms), by the pauses of a
 * throttled request; at once where the answer was as long as it can be. (Where no key at all was read, the call does so itself.)
 */
extern int64_t call_rest_not_before(const Call *call);

/*
 * After FAILED: what DynamoDB answered beside code and words, such as the item that a condition failed on; NULL where
 * it did not.
 */
extern const cJSON *call_error(const Call *call);

/* After FAILED. */
extern const Failure *call_failure(const Call *call);

/*
 * true when the request may have been carried out although an attempt at it failed: an answer was lost, or was none
 * of DynamoDB's.
 */
extern bool call_may_have_happened(const Call *call);

/* After FAILED: how many attempts count against max_attempts, with those of earlier calls. */
extern int	call_attempts(const Call *call);

/* After FAILED: if only the deadline prevented another attempt, when that was due (http_now_ms); else 0. */
extern int64_t call_retry_at(const Call *call);

/*
 * Ends it if it is still running: its request is abandoned. Where the answer has come, what it cost is counted all the
 * same. NULL is allowed.
 */
extern void call_free(Call *call);

#endif
