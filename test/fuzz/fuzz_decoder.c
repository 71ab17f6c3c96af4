/*
 * fuzz_decoder: any bytes as a compressed answer, under several bounds, and any bytes compressed. No more comes out than
 * is allowed, what does not come out leaves a failure and the answer as it was, and what was compressed comes back.
 */
#include "fuzz.h"

#include <zlib.h>

#include "dynamodb/decoder.h"

#define GZIP_WINDOW_BITS (15 + 16)

static ByteBuffer
buffer_of(const void *data, size_t size)
{
	ByteBuffer	buffer = {0};

	buffer_append(&buffer, data, size);
	REQUIRE(!buffer.failed);
	return buffer;
}

static bool
undo(size_t max_bytes, ByteBuffer *body, Failure *failure)
{
	Decoder    *decoder = decoder_new(max_bytes);
	StepResult	result;

	REQUIRE(decoder != NULL);
	while ((result = decoder_step(decoder, body, failure)) == STEP_PENDING)
		;
	decoder_free(decoder);
	return result == STEP_DONE;
}

static void
decode(const uint8_t *data, size_t size, size_t max_bytes)
{
	ByteBuffer	body = buffer_of(data, size);
	Failure		failure = {0};

	if (undo(max_bytes, &body, &failure))
		REQUIRE(failure.kind == FAILURE_NONE && body.length <= max_bytes && !body.failed);
	else
	{
		REQUIRE(failure.kind == FAILURE_DAMAGED || failure.kind == FAILURE_TOO_LONG);
		REQUIRE(body.length == size && (size == 0 || memcmp(body.data, data, size) == 0));
	}
	buffer_free(&body);
}

static ByteBuffer
compress_all(const uint8_t *data, size_t size)
{
	z_stream	stream = {0};
	ByteBuffer	out = {0};
	unsigned char chunk[4096];
	int			result;

	REQUIRE(deflateInit2(&stream, size % 10, Z_DEFLATED, GZIP_WINDOW_BITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	stream.next_in = (Bytef *) data;
	stream.avail_in = (uInt) size;
	do
	{
		stream.next_out = chunk;
		stream.avail_out = sizeof(chunk);
		result = deflate(&stream, Z_FINISH);
		buffer_append(&out, (const char *) chunk, sizeof(chunk) - stream.avail_out);
	} while (result == Z_OK);
	REQUIRE(result == Z_STREAM_END && !out.failed);
	deflateEnd(&stream);
	return out;
}

static void
compress_and_decode(const uint8_t *data, size_t size)
{
	ByteBuffer	body = compress_all(data, size);
	Failure		failure = {0};

	if (size > 0)
	{
		REQUIRE(!undo(size - 1, &body, &failure) && failure.kind == FAILURE_TOO_LONG);
		memset(&failure, 0, sizeof(failure));
	}
	REQUIRE(undo(size, &body, &failure));
	REQUIRE(body.length == size && (size == 0 || memcmp(body.data, data, size) == 0));
	buffer_free(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	decode(data, size, 0);
	decode(data, size, 100);
	decode(data, size, 1 << 20);
	compress_and_decode(data, size);
	return 0;
}
