/*
 * buffer: a growing run of bytes, the one way in which the layers below PostgreSQL build text.
 *
 * Running out of memory sets `failed` and turns every later call into nothing, so that a caller builds a whole
 * request and checks once, at the end. A ByteBuffer that is all zeroes is empty and ready for use.
 */
#ifndef DYNAMODB_ES_BUFFER_H
#define DYNAMODB_ES_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ByteBuffer
{
	char	   *data;			/* malloc'ed, always NUL-terminated; NULL while nothing was added */
	size_t		length;			/* bytes in use, without the terminating NUL */
	size_t		capacity;
	bool		failed;			/* memory ran out; the contents are of no use */
	bool		secret;			/* set by whoever fills it with secrets: no memory is left behind unwiped */
} ByteBuffer;

/* Each appends at the end. */
extern void buffer_append(ByteBuffer *buffer, const void *bytes, size_t length);
extern void buffer_puts(ByteBuffer *buffer, const char *text);
extern void buffer_putc(ByteBuffer *buffer, char c);
extern void buffer_put_int64(ByteBuffer *buffer, int64_t number);
extern void buffer_printf(ByteBuffer *buffer, const char *format,...) __attribute__((format(printf, 2, 3)));

/* An integer in decimal, NUL-terminated, and its length. For bodies, which are full of them: printf takes far longer. */
#define INT64_TEXT 24
extern size_t int64_print(int64_t number, char text[INT64_TEXT]);

/* Sets the length to 0, forgets a failure, and keeps the memory. */
extern void buffer_reset(ByteBuffer *buffer);

/*
 * The text, NUL-terminated and now the caller's to free; NULL when the buffer has failed. The buffer is empty
 * afterwards.
 */
extern char *buffer_detach(ByteBuffer *buffer);

/* Releases the memory; _wipe overwrites it first, for secrets. The buffer can be used again. */
extern void buffer_free(ByteBuffer *buffer);
extern void buffer_free_wipe(ByteBuffer *buffer);

#endif
