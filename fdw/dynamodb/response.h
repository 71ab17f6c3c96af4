/*
 * response: an HTTP answer, turned into JSON or into a Failure.
 *
 * Source of the error codes: "Error handling with DynamoDB", Developer Guide, and the operations' own lists in the
 * API Reference.
 */
#ifndef DYNAMODB_ES_RESPONSE_H
#define DYNAMODB_ES_RESPONSE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/failure.h"
#include "dynamodb/answer.h"

/* Is `crc32`, the text of x-amz-crc32, this number? false with *failure filled in, FAILURE_DAMAGED. */
extern bool response_checksum_is(const char *crc32, uint32_t actual, Failure *failure);

/*
 * Parses an answer; its text is taken from *body, which is empty afterwards. The object, the caller's to answer_free, or
 * NULL with *failure filled in. A 200 whose body is not a JSON object is FAILURE_BAD_ANSWER; so is an error that is not
 * DynamoDB's (its text is then not repeated). FAILURE_MEMORY when memory ran out.
 *
 * An error of DynamoDB's is kept as well: *error is the caller's to answer_free, NULL where the answer is none. A failed
 * condition carries the item that stands in its way, a cancelled transaction its reasons. `error_type` is the text of
 * x-amzn-errortype, empty or NULL where there is none. `request` is the body that was sent, or NULL: what is in there is
 * no secret, however it looks.
 */
extern Answer *response_parse(int status, const char *error_type, ByteBuffer *body, const ByteBuffer *request,
							  Failure *failure, Answer **error);

/*
 * Fills *failure in for a body that is not what it should be, or on which memory ran out (errno is ENOMEM then, else 0).
 */
extern void response_report_unparsed(int status, Failure *failure);

/*
 * Which kind a DynamoDB error code is ("ResourceNotFoundException" → FAILURE_NOT_FOUND); `message` settles the
 * ambiguous ones.
 */
extern FailureKind response_error_kind(const char *code, const char *message);

/* Capacity units consumed, the sum where there are several; 0 where the answer does not say, or nonsense. */
extern double response_capacity_units(const cJSON *response);

/* A BatchGetItem's answer left out some keys that were asked for: they are to be asked for again. */
extern bool response_left_out_keys(const cJSON *response);

/* A page's "Count" and "ScannedCount"; -1 where the answer does not say, or says what is no count. */
extern int64_t response_count(const cJSON *response);
extern int64_t response_scanned_count(const cJSON *response);

#endif
