/*
 * json: DynamoDB's JSON in and out of cJSON, without losing a character.
 *
 * A C string cannot hold U+0000, and cJSON cuts a string there in silence; UTF-8 cannot hold an unpaired surrogate,
 * and cJSON refuses the whole document for one. DynamoDB stores both. So an escape for either is kept, on parsing, as
 * the byte 0xFF and its four hexadecimal digits, lower case ("\u0000" becomes 0xFF '0' '0' '0' '0'), and written back
 * as the escape it was: keys survive the way to us and back, and json_text_is_plain tells which texts cannot be
 * shown. 0xFF never occurs in UTF-8.
 */
#ifndef DYNAMODB_ES_JSON_H
#define DYNAMODB_ES_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*
 * Parses a document, rewriting `text` in place. NULL when it is not exactly one JSON value, is not UTF-8 (as RFC 3629
 * has it: no overlong form, no surrogate, nothing above U+10FFFF), nests deeper than cJSON allows, or memory runs
 * out. The result is the caller's (cJSON_Delete). Does not need a terminating NUL.
 */
extern cJSON *json_parse(char *text, size_t length);

/*
 * The length of the UTF-8 character at `text`, 0 when there is none. Source: RFC 3629, section 4. And what the escape
 * \uXXXX there stands for, with its other half where it has one, kept as above where it must be: bytes written to
 * `out`, characters taken in *taken; 0 when it is malformed.
 */
#define JSON_ESCAPE_TEXT 5
extern size_t json_utf8_character(const char *text, size_t left);
extern size_t json_unicode_escape(const char *text, size_t left, char out[JSON_ESCAPE_TEXT], size_t *taken);

/* A number of JSON's own with more characters is refused; DynamoDB's are strings. (cJSON, up to 1.7.18, reads no more.) */
#define JSON_LONGEST_NUMBER 63

/* true when the text is a number as JSON writes them: "-1.5e3", but not "01", "+1", ".5" or "NaN". */
extern bool json_is_number(const char *text, size_t length);

/* false when the text holds a character that UTF-8 or a C string cannot (kept as above). */
extern bool json_text_is_plain(const char *text);

/* Appends "text" with its quotes, escaped; a kept escape becomes "\uXXXX" again, any other 0xFF U+FFFD. */
extern void json_write_string(ByteBuffer *out, const char *text, size_t length);

/* Likewise without the quotes. */
extern void json_write_characters(ByteBuffer *out, const char *text, size_t length);

/*
 * Appends any value as compact JSON. Numbers are not expected (DynamoDB's are strings) and are written as cJSON
 * would.
 */
extern void json_write_value(ByteBuffer *out, const cJSON *value);

/* The member of an object by its exact name, or NULL; `object` may be NULL or of another kind. */
extern const cJSON *json_member(const cJSON *object, const char *name);

/* The member's text if it is a string, else NULL. */
extern const char *json_member_text(const cJSON *object, const char *name);

/* The member if it is a whole number from 0 to 9e15, which a double holds exactly, else -1. */
extern int64_t json_member_count(const cJSON *object, const char *name);

#endif
