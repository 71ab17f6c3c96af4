/*
 * credentials: who owns the secrets, and what is left of them afterwards? See credentials.h.
 */
#include "aws/credentials.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *
secret_copy(const char *text, size_t length)
{
	char	   *copy = malloc(length + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

void
secret_free(char *text)
{
	if (text != NULL)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

/* A copy of `text`; NULL for NULL, or when memory runs out, which clears *complete. */
static char *
copy_text(const char *text, bool *complete)
{
	char	   *copy;

	if (text == NULL)
		return NULL;
	copy = secret_copy(text, strlen(text));
	if (copy == NULL)
		*complete = false;
	return copy;
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
	credentials->expires_at = 0;
	if (!complete)
		credentials_wipe(credentials);
	return complete;
}

void
credentials_wipe(Credentials *credentials)
{
	secret_free(credentials->access_key_id);
	secret_free(credentials->secret_access_key);
	secret_free(credentials->session_token);
	memset(credentials, 0, sizeof(*credentials));
}

static bool
is_plain(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f)
			return false;
	return text[0] != '\0';
}

bool
credentials_are_plain(const Credentials *credentials)
{
	return credentials->access_key_id != NULL && is_plain(credentials->access_key_id)
		&& credentials->secret_access_key != NULL && is_plain(credentials->secret_access_key)
		&& (credentials->session_token == NULL || is_plain(credentials->session_token));
}

/* So many digits as a number, at *text, which moves behind them and one of `ends`; false when that is not there. */
static bool
take_number(const char **text, int digits, const char *ends, int *number)
{
	*number = 0;
	for (int i = 0; i < digits; i++, (*text)++)
	{
		if (**text < '0' || **text > '9')
			return false;
		*number = *number * 10 + (**text - '0');
	}
	if (ends[0] == '\0')
		return true;
	return **text != '\0' && strchr(ends, *(*text)++) != NULL;
}

/* What follows the seconds: "Z" or an offset, as the seconds to subtract. */
static bool
take_offset(const char *text, int *offset)
{
	int			hours;
	int			minutes;
	int			sign = *text == '-' ? -1 : 1;

	*offset = 0;
	if (strcmp(text, "Z") == 0)
		return true;
	if (*text != '+' && *text != '-')
		return false;
	text++;
	if (!take_number(&text, 2, ":", &hours) || !take_number(&text, 2, "", &minutes) || *text != '\0'
		|| hours > 23 || minutes > 59)
		return false;
	*offset = sign * (hours * 3600 + minutes * 60);
	return true;
}

int64_t
credentials_parse_expiry(const char *text)
{
	struct tm	utc = {0};
	int			offset;

	if (!take_number(&text, 4, "-", &utc.tm_year) || !take_number(&text, 2, "-", &utc.tm_mon)
		|| !take_number(&text, 2, "Tt", &utc.tm_mday) || !take_number(&text, 2, ":", &utc.tm_hour)
		|| !take_number(&text, 2, ":", &utc.tm_min) || !take_number(&text, 2, "", &utc.tm_sec))
		return -1;
	if (utc.tm_year < 1970 || utc.tm_mon < 1 || utc.tm_mon > 12 || utc.tm_mday < 1 || utc.tm_mday > 31
		|| utc.tm_hour > 23 || utc.tm_min > 59 || utc.tm_sec > 60)
		return -1;
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	if (!take_offset(text, &offset))
		return -1;
	utc.tm_year -= 1900;
	utc.tm_mon--;
	return (int64_t) timegm(&utc) - offset;
}
