/*
 * encoding.c: zlib's inflate, and no more of it than is allowed. See encoding.h.
 */
#include "dynamodb/encoding.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

/* zlib: the largest window, in gzip's frame. */
#define GZIP_WINDOW_BITS (15 + 16)
#define CHUNK_BYTES 65536

/* Z_STREAM_END: all of it; Z_DATA_ERROR: damaged; Z_BUF_ERROR: too long; Z_MEM_ERROR. */
static int
inflate_all(z_stream *stream, size_t max_bytes, ByteBuffer *out)
{
	unsigned char chunk[CHUNK_BYTES];
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
		if (out->length + got > max_bytes)
			return Z_BUF_ERROR;
		buffer_append(out, (const char *) chunk, got);
		if (out->failed)
			return Z_MEM_ERROR;
	} while (result != Z_STREAM_END);
	return stream->avail_in == 0 ? Z_STREAM_END : Z_DATA_ERROR;
}

static bool
inflate_body(size_t max_bytes, ByteBuffer *body, Failure *failure)
{
	z_stream	stream = {0};
	ByteBuffer	out = {0};
	int			result = Z_DATA_ERROR;

	if (body->length > 0 && body->length <= UINT32_MAX)
	{
		result = inflateInit2(&stream, GZIP_WINDOW_BITS) == Z_OK ? Z_OK : Z_MEM_ERROR;
		stream.next_in = (Bytef *) body->data;
		stream.avail_in = (uInt) body->length;
		if (result == Z_OK)
			result = inflate_all(&stream, max_bytes, &out);
		inflateEnd(&stream);
	}
	if (result == Z_STREAM_END)
	{
		buffer_free(body);
		*body = out;
		return true;
	}
	buffer_free(&out);
	if (result == Z_BUF_ERROR)
		failure_set(failure, FAILURE_TOO_LONG, NULL, "The answer is longer than %zu bytes", max_bytes);
	else if (result == Z_MEM_ERROR)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	else
		failure_set(failure, FAILURE_DAMAGED, NULL, "The answer cannot be decompressed.");
	return false;
}

bool
encoding_decode(const char *encoding, size_t max_bytes, ByteBuffer *body, Failure *failure)
{
	if (encoding[0] == '\0' || strcmp(encoding, "identity") == 0)
		return true;
	if (strcmp(encoding, "gzip") == 0)
		return inflate_body(max_bytes, body, failure);
	failure_set(failure, FAILURE_BAD_ANSWER, NULL, "The answer has an encoding that was not asked for.");
	return false;
}
