/*
 * secret_file.c: how is a file with secrets read without waiting for it, and without leaving its text behind?
 */
#include "aws/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* false on an error of the system's, with errno. */
static bool
read_all(int fd, size_t max_bytes, ByteBuffer *out)
{
	char		chunk[4096];
	ssize_t		count;
	size_t		total = 0;

	while ((count = read(fd, chunk, sizeof(chunk))) != 0)
	{
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			break;
		total += (size_t) count;
		if (total > max_bytes)
		{
			errno = EFBIG;
			count = -1;
			break;
		}
		buffer_append(out, chunk, (size_t) count);
	}
	OPENSSL_cleanse(chunk, sizeof(chunk));
	return count == 0;
}

static SecretFileResult
unreadable(Failure *failure, const char *path, const char *why)
{
	failure_set(failure, FAILURE_NO_CREDENTIALS, NULL, "The file \"%s\" cannot be read: %s.", path, why);
	return SECRET_FILE_UNREADABLE;
}

static SecretFileResult
read_opened(int fd, const char *path, size_t max_bytes, ByteBuffer *out, Failure *failure)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return unreadable(failure, path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return unreadable(failure, path, "it is not a regular file");
	if (!read_all(fd, max_bytes, out))
		return unreadable(failure, path, errno == EFBIG ? "it is too large" : strerror(errno));
	if (out->failed)
	{
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
		return SECRET_FILE_UNREADABLE;
	}
	if (out->length > 0 && memchr(out->data, '\0', out->length) != NULL)
		return unreadable(failure, path, "it is not a text");
	return SECRET_FILE_READ;
}

SecretFileResult
secret_file_read(const char *path, size_t max_bytes, ByteBuffer *out, Failure *failure)
{
	/* Without O_NONBLOCK, opening a pipe would wait for its other end. */
	int			fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	SecretFileResult result;

	out->secret = true;
	if (fd < 0)
	{
		result = errno == ENOENT || errno == ENOTDIR ? SECRET_FILE_MISSING : SECRET_FILE_UNREADABLE;
		unreadable(failure, path, strerror(errno));
		return result;
	}
	result = read_opened(fd, path, max_bytes, out, failure);
	close(fd);
	return result;
}
