/*
 * decoder.c: zlib's inflate, and no more of it than is allowed. See decoder.h.
 */
#include "dynamodb/decoder.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* zlib: the largest window, in gzip's frame. */
#define GZIP_WINDOW_BITS (15 + 16)
#define CHUNK_BYTES 65536

struct Decoder
{
	size_t		max_bytes;
	bool		is_begun;
	z_stream	stream;
	ByteBuffer	out;
};

bool
encoding_is_identity(const char *encoding)
{
	return encoding[0] == '\0' || strcmp(encoding, "identity") == 0;
}

Decoder *
decoder_new(size_t max_bytes)
{
	Decoder    *decoder = calloc(1, sizeof(Decoder));

	if (decoder != NULL)
		decoder->max_bytes = max_bytes;
	return decoder;
}

/* Z_OK: begun; Z_DATA_ERROR: this cannot be gzip; Z_MEM_ERROR. */
static int
decoder_begin(Decoder *decoder, const ByteBuffer *body)
{
	if (body->length == 0 || body->length > UINT32_MAX)
		return Z_DATA_ERROR;
	decoder->stream.next_in = (Bytef *) body->data;
	decoder->stream.avail_in = (uInt) body->length;
	decoder->is_begun = inflateInit2(&decoder->stream, GZIP_WINDOW_BITS) == Z_OK;
	return decoder->is_begun ? Z_OK : Z_MEM_ERROR;
}

/* Z_STREAM_END: that was all; Z_OK: not yet; Z_DATA_ERROR: damaged; Z_BUF_ERROR: too long; Z_MEM_ERROR. */
static int
inflate_slice(Decoder *decoder)
{
	z_stream   *stream = &decoder->stream;
	ByteBuffer *out = &decoder->out;
	unsigned char chunk[CHUNK_BYTES];
	size_t		slice_end = out->length + DECODER_SLICE - CHUNK_BYTES;
	size_t		got;
	int			result;

	do
	{
		stream->next_out = chunk;
		stream->avail_out = sizeof(chunk);
		result = inflate(stream, Z_NO_FLUSH);
		got = sizeof(chunk) - stream->avail_out;
		if (result == Z_MEM_ERROR || (result != Z_OK && result != Z_STREAM_END))
			return result == Z_MEM_ERROR ? Z_MEM_ERROR : Z_DATA_ERROR;
		if (out->length + got > decoder->max_bytes)
			return Z_BUF_ERROR;
		buffer_append(out, (const char *) chunk, got);
		if (out->failed)
			return Z_MEM_ERROR;
		if (result == Z_STREAM_END)
			return stream->avail_in == 0 ? Z_STREAM_END : Z_DATA_ERROR;
	} while (out->length <= slice_end);
	return Z_OK;
}

static void
report_undecoded(const Decoder *decoder, int result, Failure *failure)
{
	if (result == Z_BUF_ERROR)
		failure_set(failure, FAILURE_TOO_LONG, NULL, "The answer is longer than %zu bytes", decoder->max_bytes);
	else if (result == Z_MEM_ERROR)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	else
		failure_set(failure, FAILURE_DAMAGED, NULL, "The answer cannot be decompressed.");
}

StepResult
decoder_step(Decoder *decoder, ByteBuffer *body, Failure *failure)
{
	int			result = decoder->is_begun ? Z_OK : decoder_begin(decoder, body);

	if (result == Z_OK)
		result = inflate_slice(decoder);
	if (result == Z_OK)
		return STEP_PENDING;
	if (result != Z_STREAM_END)
	{
		report_undecoded(decoder, result, failure);
		return STEP_FAILED;
	}
	buffer_free(body);
	*body = decoder->out;
	memset(&decoder->out, 0, sizeof(decoder->out));
	return STEP_DONE;
}

void
decoder_free(Decoder *decoder)
{
	if (decoder == NULL)
		return;
	if (decoder->is_begun)
		inflateEnd(&decoder->stream);
	buffer_free(&decoder->out);
	free(decoder);
}
