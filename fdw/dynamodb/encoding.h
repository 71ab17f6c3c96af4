/*
 * encoding: an answer that was compressed on its way.
 *
 * libcurl could do it, but then the checksum, which is that of the bytes as sent, could not be checked any more.
 */
#ifndef DYNAMODB_ES_ENCODING_H
#define DYNAMODB_ES_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/failure.h"

/*
 * Decodes *body as its Content-Encoding says ("" and "identity": nothing to do, "gzip"), in place. false with *failure
 * filled in: FAILURE_DAMAGED when it is cut or corrupt, FAILURE_TOO_LONG when more than max_bytes would come out (no
 * more than that is ever held), FAILURE_BAD_ANSWER for an encoding that nobody asked for, FAILURE_MEMORY.
 */
extern bool encoding_decode(const char *encoding, size_t max_bytes, ByteBuffer *body, Failure *failure);

#endif
