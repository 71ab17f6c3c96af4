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
#include "dynamodb/page.h"

/*
 * Is the body the one that was sent? `crc32` is the text of x-amz-crc32; where there is none ("" or NULL), nothing
 * speaks against it. false with *failure filled in, FAILURE_DAMAGED.
 */
extern bool response_check(int status, const char *crc32, const char *body, size_t length, Failure *failure);

/*
 * Checks and parses an answer: `crc32` is the text of x-amz-crc32 or NULL, the checksum of the body as it was
 * received; `body` is rewritten in place. The parsed object, the caller's to cJSON_Delete, or NULL with *failure
 * filled in. A 200 whose body is not a JSON object is FAILURE_BAD_ANSWER; so is an error that is not DynamoDB's (its
 * text is then not repeated). FAILURE_MEMORY when memory ran out.
 */
extern cJSON *response_parse(int status, const char *crc32, char *body, size_t length, Failure *failure);

/*
 * Likewise, of an answer that response_check has passed, and keeping the parsed error as well: *error is the caller's to
 * cJSON_Delete, NULL where the answer is no error of DynamoDB's. A failed condition carries the item that stands in its
 * way, a cancelled transaction its reasons. `error_type` is the text of x-amzn-errortype, empty or NULL where there is
 * none. `request` is the body that was sent, or NULL: what is in there is no secret, however it looks.
 */
extern cJSON *response_parse_with_error(int status, const char *error_type, char *body, size_t length,
										const ByteBuffer *request, Failure *failure, cJSON **error);

/*
 * Likewise for the answer to a Query or Scan. The page takes the text of *body along, which is empty afterwards; it is
 * the caller's to page_free.
 */
extern ItemPage *response_parse_page(int status, const char *crc32, ByteBuffer *body, Failure *failure);

/*
 * Which kind a DynamoDB error code is ("ResourceNotFoundException" → FAILURE_NOT_FOUND); `message` settles the
 * ambiguous ones.
 */
extern FailureKind response_error_kind(const char *code, const char *message);

/* Capacity units consumed, the sum where there are several; 0 where the answer does not say, or nonsense. */
extern double response_capacity_units(const cJSON *response);

/* A page's "Count" and "ScannedCount"; -1 where the answer does not say, or says what is no count. */
extern int64_t response_count(const cJSON *response);
extern int64_t response_scanned_count(const cJSON *response);

#endif
