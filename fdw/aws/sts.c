/*
 * sts.c: how does STS want to be asked for a role's credentials, and what does it answer?
 *
 * Of its XML three texts and a date are of interest, and an error's code. None of them has markup inside, so they are
 * found by their tags, and whatever is not just a text is refused; a parser for all of XML would be more to attack.
 */
#include "aws/sts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/configured.h"

char *
sts_endpoint(const char *profile, const char *region, Failure *failure)
{
	char	   *text = configured_endpoint(CONFIGURED_STS, profile, region, failure);
	ByteBuffer	endpoint = {0};

	if (text != NULL || failure->kind != FAILURE_NONE)
		return text;
	buffer_printf(&endpoint, "https://sts.%s.amazonaws.com%s", region, strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
	text = buffer_detach(&endpoint);
	if (text == NULL)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	return text;
}

/* "&Name=value", the value percent-encoded; nothing for NULL. */
static void
write_parameter(ByteBuffer *out, const char *name, const char *value)
{
	static const char digits[] = "0123456789ABCDEF";

	if (value == NULL)
		return;
	buffer_putc(out, '&');
	buffer_puts(out, name);
	buffer_putc(out, '=');
	for (const char *c = value; *c != '\0'; c++)
	{
		unsigned char byte = (unsigned char) *c;

		if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9')
			|| strchr("-_.~", byte) != NULL)
			buffer_putc(out, *c);
		else
		{
			buffer_putc(out, '%');
			buffer_putc(out, digits[byte >> 4]);
			buffer_putc(out, digits[byte & 15]);
		}
	}
}

static void
write_role(ByteBuffer *out, const char *action, const Role *role)
{
	buffer_puts(out, "Version=2011-06-15");
	write_parameter(out, "Action", action);
	write_parameter(out, "RoleArn", role->arn);
	write_parameter(out, "RoleSessionName", role->session_name);
	write_parameter(out, "DurationSeconds", role->duration_seconds);
}

void
sts_write_assume_role(ByteBuffer *out, const Role *role)
{
	write_role(out, "AssumeRole", role);
	write_parameter(out, "ExternalId", role->external_id);
}

void
sts_write_assume_role_with_web_identity(ByteBuffer *out, const Role *role, const char *token)
{
	write_role(out, "AssumeRoleWithWebIdentity", role);
	write_parameter(out, "WebIdentityToken", token);
}

/* Where `what` begins in the text before `end`, or NULL. */
static const char *
find(const char *text, const char *end, const char *what)
{
	size_t		length = strlen(what);

	for (; (size_t) (end - text) >= length; text++)
		if (memcmp(text, what, length) == 0)
			return text;
	return NULL;
}

/* What is between <name> and </name>; false where it is not there. */
static bool
find_element(const char *text, const char *end, const char *name, const char **from, const char **to)
{
	char		tag[64];

	snprintf(tag, sizeof(tag), "<%s>", name);
	*from = find(text, end, tag);
	if (*from == NULL)
		return false;
	*from += strlen(tag);
	snprintf(tag, sizeof(tag), "</%s>", name);
	*to = find(*from, end, tag);
	return *to != NULL;
}

/* The text of an element, malloc'ed; NULL where it is not there, is no plain text, or memory runs out. */
static char *
element_text(const char *text, const char *end, const char *name)
{
	const char *from;
	const char *to;

	if (!find_element(text, end, name, &from, &to) || find(from, to, "<") != NULL || find(from, to, "&") != NULL
		|| memchr(from, '\0', (size_t) (to - from)) != NULL)
		return NULL;
	return secret_copy(from, (size_t) (to - from));
}

static bool
read_credentials(const char *from, const char *to, Credentials *credentials)
{
	char	   *expiration = element_text(from, to, "Expiration");

	credentials->access_key_id = element_text(from, to, "AccessKeyId");
	credentials->secret_access_key = element_text(from, to, "SecretAccessKey");
	credentials->session_token = element_text(from, to, "SessionToken");
	credentials->expires_at = expiration != NULL ? credentials_parse_expiry(expiration) : -1;
	secret_free(expiration);
	if (credentials_are_plain(credentials) && credentials->session_token != NULL && credentials->expires_at > 0)
		return true;
	credentials_wipe(credentials);
	return false;
}

/* An error's code, if it looks like one: letters, digits and dots. */
static void
report_refusal(int status, const char *body, const char *end, Failure *failure)
{
	char	   *code = element_text(body, end, "Code");
	bool		known = code != NULL && code[0] != '\0' && strlen(code) < sizeof(failure->code);

	for (const char *c = code; known && *c != '\0'; c++)
		known = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '.';
	failure_set(failure, FAILURE_NO_CREDENTIALS, known ? code : NULL,
				"STS does not give credentials for the role (HTTP status %d).", status);
	failure->http_status = status;
	secret_free(code);
}

bool
sts_read_answer(int status, const char *body, size_t length, Credentials *credentials, Failure *failure)
{
	const char *from;
	const char *to;

	memset(credentials, 0, sizeof(*credentials));
	if (body == NULL)
		body = "";
	if (status != 200)
	{
		report_refusal(status, body, body + length, failure);
		return false;
	}
	if (find_element(body, body + length, "Credentials", &from, &to) && read_credentials(from, to, credentials))
		return true;
	failure_set(failure, FAILURE_NO_CREDENTIALS, NULL, "The answer of STS has no credentials.");
	return false;
}
