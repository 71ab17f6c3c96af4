/*
 * credentials: who owns the secrets, and what is left of them afterwards? See credentials.h.
 */
#include "aws/credentials.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* A copy of `text`; NULL for NULL, or when memory runs out, which clears *complete. */
static char *
copy_text(const char *text, bool *complete)
{
	size_t		size;
	char	   *copy;

	if (text == NULL)
		return NULL;
	size = strlen(text) + 1;
	copy = malloc(size);
	if (copy == NULL)
		*complete = false;
	else
		memcpy(copy, text, size);
	return copy;
}

static void
wipe_text(char *text)
{
	if (text != NULL)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

bool
credentials_set(Credentials *credentials, const char *access_key_id, const char *secret_access_key,
				const char *session_token)
{
	bool		complete = true;

	/* An AWS_SESSION_TOKEN that is set to nothing means that there is none. */
	if (session_token != NULL && session_token[0] == '\0')
		session_token = NULL;

	credentials->access_key_id = copy_text(access_key_id, &complete);
	credentials->secret_access_key = copy_text(secret_access_key, &complete);
	credentials->session_token = copy_text(session_token, &complete);
	if (!complete)
		credentials_wipe(credentials);
	return complete;
}

void
credentials_wipe(Credentials *credentials)
{
	wipe_text(credentials->access_key_id);
	wipe_text(credentials->secret_access_key);
	wipe_text(credentials->session_token);
	memset(credentials, 0, sizeof(*credentials));
}
