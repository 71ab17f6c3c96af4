/*
 * credentials: the keys that requests are signed with, and their life: copied in, wiped on the way out.
 */
#ifndef DYNAMODB_ES_CREDENTIALS_H
#define DYNAMODB_ES_CREDENTIALS_H

#include <stdbool.h>

typedef struct Credentials
{
	char	   *access_key_id;	/* malloc'ed, as all three */
	char	   *secret_access_key;
	char	   *session_token;	/* NULL for long-term keys */
} Credentials;

/*
 * Copies the texts; session_token may be NULL or empty, which is the same. What *credentials held before is not freed.
 * false when memory runs out (nothing is kept then).
 */
extern bool credentials_set(Credentials *credentials, const char *access_key_id, const char *secret_access_key,
							const char *session_token);

/* Overwrites and frees all three, and leaves the struct zeroed. */
extern void credentials_wipe(Credentials *credentials);

#endif
