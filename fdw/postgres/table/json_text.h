/*
 * json_text: JSON as events are stored: compact, and known to be an array.
 */
#ifndef DYNAMODB_ES_JSON_TEXT_H
#define DYNAMODB_ES_JSON_TEXT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* Appends the value without blanks; numbers keep their digits. */
extern void jsonb_write_compact(StringInfo out, Jsonb *json);

/*
 * A copy of JSON text in UTF-8 in which escapes that the server's encoding may not be able to show are the characters
 * that they stand for, those that no text can show kept as json.h has it. All else stays as it is.
 */
extern char *json_text_unescape(const char *text);

/* true when a text that is known to be JSON is an array. */
extern bool json_text_is_array(const char *text);

#endif
