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

/* gzip, undone a slice at a time: a few bytes of it can be many. */
typedef struct Decoder Decoder;

/* Bytes that come out in a slice, at most. */
#define DECODER_SLICE (4 * 1024 * 1024)

/* Are the bytes as they are to be? "" and "identity" say so of themselves. */
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
