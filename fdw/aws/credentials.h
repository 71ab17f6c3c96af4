/*
 * credentials: the keys that requests are signed with, and their life: copied in, wiped on the way out.
 */
#ifndef DYNAMODB_ES_CREDENTIALS_H
#define DYNAMODB_ES_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Credentials
{
	char	   *access_key_id;	/* malloc'ed, as all three */
	char	   *secret_access_key;
	char	   *session_token;	/* NULL for long-term keys */
	int64_t		expires_at;		/* seconds since the epoch; 0: never */
} Credentials;

/*
 * Copies the texts; session_token may be NULL or empty, which is the same. They never expire. What *credentials held
 * before is not freed. false when memory runs out (nothing is kept then).
 */
extern bool credentials_set(Credentials *credentials, const char *access_key_id, const char *secret_access_key,
							const char *session_token);

/* Overwrites and frees all three, and leaves the struct zeroed. */
extern void credentials_wipe(Credentials *credentials);

/*
 * true when the texts can stand in a header: printable ASCII without blanks, the first two not empty. What comes from
 * a file, a variable or an answer is not trusted to be.
 */
extern bool credentials_are_plain(const Credentials *credentials);

/*
 * "2026-01-31T12:00:00Z", also with a fraction of a second or an offset ("+01:00"), in seconds since the epoch; -1
 * when it is none.
 */
extern int64_t credentials_parse_expiry(const char *text);

/* A malloc'ed copy of `length` bytes as a text; NULL when memory runs out. For secrets: secret_free it. */
extern char *secret_copy(const char *text, size_t length);

/* Overwrites a text and frees it. NULL is allowed. */
extern void secret_free(char *text);

#endif
