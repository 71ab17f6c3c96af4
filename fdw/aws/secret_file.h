/*
 * secret_file: a small file whose content nobody may see, such as credentials or a token.
 */
#ifndef DYNAMODB_ES_SECRET_FILE_H
#define DYNAMODB_ES_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/failure.h"

typedef enum SecretFileResult
{
	SECRET_FILE_READ,
	SECRET_FILE_MISSING,		/* there is no such file; *failure says so */
	SECRET_FILE_UNREADABLE		/* *failure names the file and says why, and nothing of what is in it */
} SecretFileResult;

/*
 * Appends a regular file of at most `max_bytes` bytes to *out, which becomes a secret one and is the caller's to free
 * whatever happens. A byte 0 in it counts as unreadable. Reads at once: a local file is there.
 */
extern SecretFileResult secret_file_read(const char *path, size_t max_bytes, ByteBuffer *out, Failure *failure);

#endif
