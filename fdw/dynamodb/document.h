/*
 * document: a stored value as plain JSON; a map or a list of typed values straight from the text in which DynamoDB sent it.
 */
#ifndef DYNAMODB_ES_DOCUMENT_H
#define DYNAMODB_ES_DOCUMENT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "dynamodb/attribute.h"

/*
 * Appends the value as plain JSON, as a json column shows it: M as an object, L and the sets as arrays, S and B
 * (base64) as strings, N as a number with its very digits, BOOL, NULL. S at the top is appended as it is, being JSON
 * text itself. false when the value holds a character that plain text cannot (json.h), is malformed, or is of another
 * type than M, L and S at the top; what was appended by then is of no use.
 */
extern bool document_write_plain(ByteBuffer *out, const AttributeValue *value);

/* Likewise, but such characters are written as their escapes; in an S at the top they stay as they are (json.h). */
extern bool document_write_escaped(ByteBuffer *out, const AttributeValue *value);

#endif
