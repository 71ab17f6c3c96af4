/*
 * decoder: an answer that was compressed on its way.
 *
 * libcurl could do it, but then the checksum, which is that of the bytes as sent, could not be checked any more.
 */
#ifndef DYNAMODB_ES_DECODER_H
#define DYNAMODB_ES_DECODER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/failure.h"
#include "base/step.h"

/* Unpacks gzip in slices: a few bytes can unpack to very many. */
typedef struct Decoder Decoder;

/* Bytes that come out in a slice, at most. */
#define DECODER_SLICE (4 * 1024 * 1024)

/* true when that Content-Encoding means that nothing is to be unpacked: "" and "identity". */
extern bool encoding_is_identity(const char *encoding);

/* No more than max_bytes will ever be held. NULL when memory ran out. */
extern Decoder *decoder_new(size_t max_bytes);

/*
 * DONE: *body has been replaced by what came out. FAILED with *failure filled in: FAILURE_DAMAGED when it is cut or
 * corrupt, FAILURE_TOO_LONG when more than max_bytes would come out, FAILURE_MEMORY. Until then *body must stay.
 */
extern StepResult decoder_step(Decoder *decoder, ByteBuffer *body, Failure *failure);

/* NULL is allowed. */
extern void decoder_free(Decoder *decoder);

#endif
