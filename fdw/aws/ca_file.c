/*
 * ca_file.c: is there a certificate in this file? libcurl would say so only at the first request, in words of its own.
 */
#include "aws/ca_file.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "aws/secret_file.h"
#include "base/buffer.h"

#define MAX_BYTES (16 * 1024 * 1024)

static bool
has_certificate(const ByteBuffer *text)
{
	BIO		   *bio = BIO_new_mem_buf(text->data, (int) text->length);
	X509	   *certificate = bio != NULL ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
	bool		found = certificate != NULL;

	X509_free(certificate);
	BIO_free(bio);
	ERR_clear_error();			/* PostgreSQL's own connection looks into the same queue */
	return found;
}

bool
ca_file_check(const char *path, Failure *failure)
{
	ByteBuffer	text = {0};
	bool		usable = false;

	if (secret_file_read(path, MAX_BYTES, &text, failure) == SECRET_FILE_READ)
	{
		usable = text.length > 0 && has_certificate(&text);
		if (!usable)
			failure_set(failure, FAILURE_NO_CREDENTIALS, NULL, "The file \"%s\" has no certificate in PEM.", path);
	}
	buffer_free(&text);
	return usable;
}
