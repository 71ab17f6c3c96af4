/*
 * signature: what the tests of signatures share: vectors in files, and what is asked of each.
 */
#ifndef DYNAMODB_ES_TEST_SIGNATURE_H
#define DYNAMODB_ES_TEST_SIGNATURE_H

#include "unit.h"

#include "aws/sigv4.h"
#include "dynamodb/json.h"

#define MAX_HEADERS 16

/* The file's text, the caller's to free. */
static inline char *
read_file(const char *folder, const char *name)
{
	ByteBuffer	path = {0};
	ByteBuffer	text = {0};
	char		piece[4096];
	size_t		length;
	FILE	   *file;

	buffer_printf(&path, "%s%s", folder, name);
	file = fopen(path.data, "rb");
	if (file == NULL)
		fail_msg("cannot read %s", path.data);
	while ((length = fread(piece, 1, sizeof(piece), file)) > 0)
		buffer_append(&text, piece, length);
	fclose(file);
	buffer_free(&path);
	return buffer_detach(&text);
}

/* What two hex digits a byte stand for, the caller's to free. */
static inline unsigned char *
bytes_of_hex(const char *hex, size_t *length)
{
	unsigned char *bytes = malloc(strlen(hex) / 2 + 1);

	*length = strlen(hex) / 2;
	for (size_t i = 0; i < *length; i++)
	{
		unsigned int byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		bytes[i] = (unsigned char) byte;
	}
	return bytes;
}

/* The headers of a vector, as many as are returned; they point into it. */
static inline size_t
read_headers(const cJSON *vector, SigningHeader headers[MAX_HEADERS])
{
	size_t		count = 0;

	for (const cJSON *header = json_member(vector, "headers")->child; header != NULL; header = header->next)
	{
		assert_true(count < MAX_HEADERS);
		headers[count++] = (SigningHeader) {header->string, header->valuestring};
	}
	return count;
}

#endif
