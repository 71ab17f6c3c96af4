/*
 * buffer: how does text grow without a check after every piece? See buffer.h.
 */
#include "base/buffer.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256

/* realloc, which leaves the old memory as it was, is not for secrets. */
static char *
grow_wiping(const ByteBuffer *buffer, size_t capacity)
{
	char	   *data = malloc(capacity);

	if (data == NULL || buffer->data == NULL)
		return data;
	memcpy(data, buffer->data, buffer->length + 1);
	OPENSSL_cleanse(buffer->data, buffer->capacity);
	free(buffer->data);
	return data;
}

static bool
buffer_grow(ByteBuffer *buffer, size_t more)
{
	size_t		needed;
	size_t		capacity;
	char	   *data;

	if (buffer->failed)
		return false;
	if (more >= SIZE_MAX - buffer->length)
	{
		buffer->failed = true;
		return false;
	}
	needed = buffer->length + more + 1;
	capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_CAPACITY;
	while (capacity < needed)
		capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
	data = buffer->secret ? grow_wiping(buffer, capacity) : realloc(buffer->data, capacity);
	if (data == NULL)
	{
		buffer->failed = true;
		return false;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

/* Makes room for `more` bytes and the terminating NUL. A request is put together of hundreds of pieces, and most fit. */
static inline bool
buffer_reserve(ByteBuffer *buffer, size_t more)
{
	return (more < buffer->capacity - buffer->length && !buffer->failed) || buffer_grow(buffer, more);
}

void
buffer_append(ByteBuffer *buffer, const void *bytes, size_t length)
{
	if (!buffer_reserve(buffer, length))
		return;
	if (length > 0)
		memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

void
buffer_puts(ByteBuffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void
buffer_putc(ByteBuffer *buffer, char c)
{
	if (!buffer_reserve(buffer, 1))
		return;
	buffer->data[buffer->length++] = c;
	buffer->data[buffer->length] = '\0';
}

size_t
int64_print(int64_t number, char text[INT64_TEXT])
{
	char		digits[INT64_TEXT];
	char	   *first = digits + INT64_TEXT;
	uint64_t	magnitude = number < 0 ? -(uint64_t) number : (uint64_t) number;
	size_t		length;

	do
		*--first = (char) ('0' + magnitude % 10);
	while ((magnitude /= 10) > 0);
	if (number < 0)
		*--first = '-';
	length = (size_t) (digits + INT64_TEXT - first);
	memcpy(text, first, length);
	text[length] = '\0';
	return length;
}

void
buffer_put_int64(ByteBuffer *buffer, int64_t number)
{
	char		text[INT64_TEXT];

	buffer_append(buffer, text, int64_print(number, text));
}

void
buffer_printf(ByteBuffer *buffer, const char *format,...)
{
	va_list		args;
	size_t		room;
	int			length;

	if (!buffer_reserve(buffer, 0))
		return;
	room = buffer->capacity - buffer->length;
	va_start(args, format);
	length = vsnprintf(buffer->data + buffer->length, room, format, args);
	va_end(args);
	if (length >= 0 && (size_t) length < room)
	{
		buffer->length += (size_t) length;
		return;
	}

	buffer->data[buffer->length] = '\0';
	if (length < 0)
		buffer->failed = true;
	if (!buffer_reserve(buffer, length < 0 ? 0 : (size_t) length))
		return;
	va_start(args, format);
	vsnprintf(buffer->data + buffer->length, (size_t) length + 1, format, args);
	va_end(args);
	buffer->length += (size_t) length;
}

void
buffer_reset(ByteBuffer *buffer)
{
	buffer->length = 0;
	buffer->failed = false;
	if (buffer->data != NULL)
		buffer->data[0] = '\0';
}

char *
buffer_detach(ByteBuffer *buffer)
{
	char	   *text;

	/* An empty text is a text too, and needs memory of its own. */
	if (!buffer_reserve(buffer, 0))
	{
		buffer_free(buffer);
		return NULL;
	}
	text = buffer->data;
	text[buffer->length] = '\0';
	memset(buffer, 0, sizeof(*buffer));
	return text;
}

void
buffer_free(ByteBuffer *buffer)
{
	if (buffer->secret && buffer->data != NULL)
		OPENSSL_cleanse(buffer->data, buffer->capacity);
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

void
buffer_free_wipe(ByteBuffer *buffer)
{
	buffer->secret = true;
	buffer_free(buffer);
}
