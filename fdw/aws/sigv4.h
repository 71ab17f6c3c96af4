/*
 * sigv4: from a request to its Authorization header, by AWS Signature Version 4.
 *
 * Source: "Signature Version 4 signing process", AWS General Reference (canonical request, string to sign, signing
 * key, signature). Only what DynamoDB and STS need is here: the path is taken as it is (already normalised and
 * encoded), the query string likewise (already encoded, sorted here).
 */
#ifndef DYNAMODB_ES_SIGV4_H
#define DYNAMODB_ES_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "aws/credentials.h"
#include "base/buffer.h"

typedef struct SigningHeader
{
	const char *name;			/* any case */
	const char *value;			/* blanks around it and runs of blanks inside do not count */
} SigningHeader;

typedef struct SigningRequest
{
	const char *method;
	const char *path;			/* encoded, "/" for DynamoDB */
	const char *query;			/* encoded, without '?'; "" or NULL for none */
	const SigningHeader *headers;	/* all that are to be signed, Host and X-Amz-Date (and X-Amz-Security-Token) among them */
	size_t		nheaders;
	const void *body;
	size_t		body_length;
	const char *timestamp;		/* as in X-Amz-Date; "" where the moment has none, and cannot be signed */
} SigningRequest;

/*
 * A signing key depends on secret, date, region and service only; it is kept here from one request to the next, in OpenSSL's HMAC,
 * which is set up for it once.
 */
typedef struct SigningKey
{
	struct evp_mac_ctx_st *hmac;	/* NULL while there is no key */
	char		date[9];		/* YYYYMMDD */
} SigningKey;

/* "20150830T123600Z" of a moment, into 17 bytes: the value of X-Amz-Date; "" beyond the calendar. */
extern void sigv4_timestamp(time_t time, char timestamp[17]);

/* Appends the canonical request to *out, and the list of signed headers ("host;x-amz-date") to *signed_headers. */
extern void sigv4_canonical_request(const SigningRequest *request, ByteBuffer *out, ByteBuffer *signed_headers);

/* Appends the string to sign for a canonical request. */
extern void sigv4_string_to_sign(const SigningRequest *request, const char *region, const char *service,
								 const ByteBuffer *canonical_request, ByteBuffer *out);

/*
 * Appends the value of the Authorization header. *key is the cache: one for each (credentials, region, service),
 * zeroed at first and whenever those change; a new day renews it here. false when memory ran out or OpenSSL failed.
 */
extern bool sigv4_sign(const SigningRequest *request, const Credentials *credentials, const char *region, const char *service,
					   SigningKey *key, ByteBuffer *authorization);

/* Overwrites the key and gives its memory back. To be called in the end, however sigv4_sign has ended. */
extern void sigv4_forget(SigningKey *key);

#endif
