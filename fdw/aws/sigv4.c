/*
 * sigv4: which bytes are signed, and with which key? See sigv4.h.
 */
#include "aws/sigv4.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define HASH_BYTES 32
#define DATE_LENGTH 8			/* of a timestamp */

/* One parameter of a query string, "name=value" or "name". */
typedef struct QueryParameter
{
	const char *text;
	size_t		length;
	size_t		name_length;
} QueryParameter;

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ASCII only: tolower would depend on the locale. */
static char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static int
compare_header_names(const char *a, const char *b)
{
	if (a == b)
		return 0;
	while (*a != '\0' && ascii_lower(*a) == ascii_lower(*b))
	{
		a++;
		b++;
	}
	return (int) (unsigned char) ascii_lower(*a) - (int) (unsigned char) ascii_lower(*b);
}

static int
compare_bytes(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int			order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	if (order != 0)
		return order;
	return a_length < b_length ? -1 : a_length > b_length;
}

static int
compare_parameters(const QueryParameter *a, const QueryParameter *b)
{
	int			order = compare_bytes(a->text, a->name_length, b->text, b->name_length);

	if (order != 0)
		return order;
	return compare_bytes(a->text + a->name_length, a->length - a->name_length,
						 b->text + b->name_length, b->length - b->name_length);
}

/* Takes the next non-empty parameter off *rest; false at the end. */
static bool
next_parameter(const char **rest, QueryParameter *parameter)
{
	const char *equals;

	*rest += strspn(*rest, "&");
	if (**rest == '\0')
		return false;
	parameter->text = *rest;
	parameter->length = strcspn(*rest, "&");
	equals = memchr(parameter->text, '=', parameter->length);
	parameter->name_length = equals ? (size_t) (equals - parameter->text) : parameter->length;
	*rest += parameter->length;
	return true;
}

static void
append_lower(ByteBuffer *out, const char *text)
{
	size_t		start = out->length;

	buffer_puts(out, text);
	for (size_t i = start; i < out->length; i++)
		out->data[i] = ascii_lower(out->data[i]);
}

static void
append_hex(ByteBuffer *out, const unsigned char bytes[HASH_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char		hex[2 * HASH_BYTES];

	for (size_t i = 0; i < HASH_BYTES; i++)
	{
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	buffer_append(out, hex, sizeof(hex));
}

/*
 * What it takes is made once in a process, since that takes longer than most digests; no more of what was hashed stays in it than
 * the hash.
 */
static bool
sha256(const void *bytes, size_t length, unsigned char hash[HASH_BYTES])
{
	static EVP_MD *digest = NULL;
	static EVP_MD_CTX *context = NULL;

	if (digest == NULL)
		digest = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (context == NULL)
		context = EVP_MD_CTX_new();
	return digest != NULL && context != NULL && EVP_DigestInit_ex(context, digest, NULL) == 1
		&& EVP_DigestUpdate(context, bytes, length) == 1 && EVP_DigestFinal_ex(context, hash, NULL) == 1;
}

static void
append_hash(ByteBuffer *out, const void *bytes, size_t length)
{
	unsigned char hash[HASH_BYTES];

	if (sha256(length > 0 ? bytes : "", length, hash))
		append_hex(out, hash);
	else
		out->failed = true;
}

/*
 * The parameters by name and value. Each round takes the smallest one that is larger than the last: a query is short,
 * and nothing has to be allocated.
 */
static void
append_canonical_query(ByteBuffer *out, const char *query)
{
	QueryParameter last;
	bool		first = true;

	for (;;)
	{
		QueryParameter parameter;
		QueryParameter next;
		size_t		occurrences = 0;
		const char *rest = query;

		while (next_parameter(&rest, &parameter))
		{
			int			order;

			if (!first && compare_parameters(&parameter, &last) <= 0)
				continue;
			order = occurrences > 0 ? compare_parameters(&parameter, &next) : -1;
			if (order < 0)
			{
				next = parameter;
				occurrences = 1;
			}
			else if (order == 0)
				occurrences++;
		}
		if (occurrences == 0)
			return;

		for (; occurrences > 0; occurrences--)
		{
			if (!first)
				buffer_putc(out, '&');
			first = false;
			buffer_append(out, next.text, next.length);
			if (next.name_length == next.length)
				buffer_putc(out, '=');
		}
		last = next;
	}
}

/* Without the blanks around it, and with one for each run inside (a folded header's line ends among them). */
static void
append_trimmed(ByteBuffer *out, const char *value)
{
	while (is_blank(*value))
		value++;
	while (*value != '\0')
	{
		const char *end = value;

		while (*end != '\0' && !is_blank(*end))
			end++;
		buffer_append(out, value, (size_t) (end - value));
		while (is_blank(*end))
			end++;
		if (*end != '\0')
			buffer_putc(out, ' ');
		value = end;
	}
}

/* The headers by lower-case name, those of one name joined in the order they came in; found in rounds, as above. */
static void
append_canonical_headers(ByteBuffer *out, ByteBuffer *signed_headers, const SigningHeader *headers, size_t nheaders)
{
	const char *last = NULL;

	for (;;)
	{
		const char *next = NULL;
		bool		first = true;

		for (size_t i = 0; i < nheaders; i++)
		{
			if (last != NULL && compare_header_names(headers[i].name, last) <= 0)
				continue;
			if (next == NULL || compare_header_names(headers[i].name, next) < 0)
				next = headers[i].name;
		}
		if (next == NULL)
			return;

		if (last != NULL)
			buffer_putc(signed_headers, ';');
		append_lower(signed_headers, next);
		append_lower(out, next);
		for (size_t i = 0; i < nheaders; i++)
		{
			if (compare_header_names(headers[i].name, next) != 0)
				continue;
			buffer_putc(out, first ? ':' : ',');
			append_trimmed(out, headers[i].value);
			first = false;
		}
		buffer_putc(out, '\n');
		last = next;
	}
}

/* "20150830/us-east-1/dynamodb/aws4_request" */
static void
append_scope(ByteBuffer *out, const char *timestamp, const char *region, const char *service)
{
	buffer_append(out, timestamp, strnlen(timestamp, DATE_LENGTH));
	buffer_putc(out, '/');
	buffer_puts(out, region);
	buffer_putc(out, '/');
	buffer_puts(out, service);
	buffer_puts(out, "/" TERMINATOR);
}

void
sigv4_timestamp(time_t time, char timestamp[17])
{
	struct tm	utc;

	if (gmtime_r(&time, &utc) == NULL || strftime(timestamp, 17, "%Y%m%dT%H%M%SZ", &utc) == 0)
		timestamp[0] = '\0';
}

void
sigv4_canonical_request(const SigningRequest *request, ByteBuffer *out, ByteBuffer *signed_headers)
{
	size_t		signed_start = signed_headers->length;

	buffer_puts(out, request->method);
	buffer_putc(out, '\n');
	buffer_puts(out, request->path);
	buffer_putc(out, '\n');
	append_canonical_query(out, request->query ? request->query : "");
	buffer_putc(out, '\n');
	append_canonical_headers(out, signed_headers, request->headers, request->nheaders);
	buffer_putc(out, '\n');
	if (signed_headers->failed)
	{
		out->failed = true;
		return;
	}
	if (signed_headers->length > signed_start)
		buffer_append(out, signed_headers->data + signed_start, signed_headers->length - signed_start);
	buffer_putc(out, '\n');
	append_hash(out, request->body, request->body_length);
}

void
sigv4_string_to_sign(const SigningRequest *request, const char *region, const char *service,
					 const ByteBuffer *canonical_request, ByteBuffer *out)
{
	if (canonical_request->failed)
	{
		out->failed = true;
		return;
	}
	buffer_puts(out, ALGORITHM "\n");
	buffer_puts(out, request->timestamp);
	buffer_putc(out, '\n');
	append_scope(out, request->timestamp, region, service);
	buffer_putc(out, '\n');
	append_hash(out, canonical_request->data, canonical_request->length);
}

/* A context that has that key; NULL when memory ran out or OpenSSL failed. */
static EVP_MAC_CTX *
hmac_new(const void *key, size_t length)
{
	static EVP_MAC *algorithm = NULL;	/* fetched once in a process */
	char		digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()
	};
	EVP_MAC_CTX *context;

	if (algorithm == NULL)
		algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	context = algorithm != NULL ? EVP_MAC_CTX_new(algorithm) : NULL;
	if (context != NULL && EVP_MAC_init(context, key, length, parameters) == 1)
		return context;
	EVP_MAC_CTX_free(context);
	return NULL;
}

/* Without a key, EVP_MAC_init begins anew with the one that the context has. */
static bool
hmac(EVP_MAC_CTX *context, const void *bytes, size_t length, unsigned char mac[HASH_BYTES])
{
	return EVP_MAC_init(context, NULL, 0, NULL) == 1 && EVP_MAC_update(context, bytes, length) == 1
		&& EVP_MAC_final(context, mac, NULL, HASH_BYTES) == 1;
}

/* With a key that is used once. */
static bool
hmac_once(const void *key, size_t key_length, const char *text, unsigned char mac[HASH_BYTES])
{
	EVP_MAC_CTX *context = hmac_new(key, key_length);
	bool		complete = context != NULL && hmac(context, text, strlen(text), mac);

	EVP_MAC_CTX_free(context);
	return complete;
}

/* The chain of keys: secret, date, region, service, terminator. */
static bool
derive_key(const char *secret, const char *date, const char *region, const char *service, unsigned char key[HASH_BYTES])
{
	unsigned char a[HASH_BYTES];
	unsigned char b[HASH_BYTES];
	size_t		seed_length = 4 + strlen(secret);
	char	   *seed = malloc(seed_length);
	bool		derived;

	if (seed == NULL)
		return false;
	memcpy(seed, "AWS4", 4);
	memcpy(seed + 4, secret, seed_length - 4);
	derived = hmac_once(seed, seed_length, date, a) &&
		hmac_once(a, sizeof(a), region, b) &&
		hmac_once(b, sizeof(b), service, a) &&
		hmac_once(a, sizeof(a), TERMINATOR, key);
	OPENSSL_cleanse(seed, seed_length);
	free(seed);
	OPENSSL_cleanse(a, sizeof(a));
	OPENSSL_cleanse(b, sizeof(b));
	return derived;
}

/* Makes *key the one of the timestamp's day. */
static bool
renew_key(SigningKey *key, const Credentials *credentials, const char *timestamp, const char *region, const char *service)
{
	char		date[DATE_LENGTH + 1];
	unsigned char derived[HASH_BYTES];

	memcpy(date, timestamp, DATE_LENGTH);
	date[DATE_LENGTH] = '\0';
	if (key->hmac != NULL && strcmp(key->date, date) == 0)
		return true;
	sigv4_forget(key);
	if (derive_key(credentials->secret_access_key, date, region, service, derived))
		key->hmac = hmac_new(derived, sizeof(derived));
	OPENSSL_cleanse(derived, sizeof(derived));
	memcpy(key->date, date, sizeof(date));
	return key->hmac != NULL;
}

bool
sigv4_sign(const SigningRequest *request, const Credentials *credentials, const char *region, const char *service,
		   SigningKey *key, ByteBuffer *authorization)
{
	ByteBuffer		canonical_request = {.secret = true};	/* the session token is in it */
	ByteBuffer		signed_headers = {0};
	ByteBuffer		string_to_sign = {0};
	unsigned char signature[HASH_BYTES];
	bool		complete = false;

	sigv4_canonical_request(request, &canonical_request, &signed_headers);
	sigv4_string_to_sign(request, region, service, &canonical_request, &string_to_sign);
	if (request->timestamp[0] != '\0' && !string_to_sign.failed &&
		renew_key(key, credentials, request->timestamp, region, service) &&
		hmac(key->hmac, string_to_sign.data, string_to_sign.length, signature))
	{
		buffer_puts(authorization, ALGORITHM " Credential=");
		buffer_puts(authorization, credentials->access_key_id);
		buffer_putc(authorization, '/');
		append_scope(authorization, request->timestamp, region, service);
		buffer_puts(authorization, ", SignedHeaders=");
		buffer_append(authorization, signed_headers.data, signed_headers.length);
		buffer_puts(authorization, ", Signature=");
		append_hex(authorization, signature);
		complete = !authorization->failed;
	}
	buffer_free(&canonical_request);
	buffer_free(&signed_headers);
	buffer_free(&string_to_sign);
	return complete;
}

void
sigv4_forget(SigningKey *key)
{
	EVP_MAC_CTX_free(key->hmac);
	*key = (SigningKey) {0};
}
