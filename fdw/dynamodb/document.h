/*
 * document: a map or a list of typed values as plain JSON, straight from the text in which DynamoDB sent it.
 */
#ifndef DYNAMODB_ES_DOCUMENT_H
#define DYNAMODB_ES_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/*
 * Appends the content of an M ("{…}") or an L ("[…]") as plain JSON; the text stays as it is. false when it is malformed,
 * nests deeper than cJSON allows, or holds what plain text cannot (json.h); what was appended by then is of no use.
 */
extern bool document_write_plain(ByteBuffer *out, const char *text, size_t length);

/* Likewise, but what plain text cannot hold is written as its escape. */
extern bool document_write_escaped(ByteBuffer *out, const char *text, size_t length);

#endif
