/*
 * provider: the credentials that one identity signs with at the moment. Explicit keys are used as they are. The server's own
 * credentials are fetched when they are needed, renewed before they expire, and dropped when the service says that they
 * have expired.
 *
 * From 15 minutes before they expire, new ones are fetched beside the requests, and a failure does no harm. From 10 minutes
 * before, requests wait for new ones, and fail without them. Source: the AWS SDKs' refresh windows. Credentials that last only
 * 15 minutes, the least that AWS allows, would be renewed all the time. So the two windows are at most the last half and the
 * last third of their life.
 */
#ifndef DYNAMODB_ES_PROVIDER_H
#define DYNAMODB_ES_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/clock.h"
#include "aws/credentials.h"
#include "aws/http.h"
#include "base/failure.h"
#include "base/journal.h"
#include "base/step.h"

/* Who signs. */
typedef struct Identity
{
	const Credentials *keys;	/* explicit ones; NULL: the server's own */
	const char *profile;		/* of these, only what this profile says; NULL: whatever source.h finds first */
} Identity;

typedef struct CredentialsProvider CredentialsProvider;

/* What a request waits for. */
typedef struct CredentialsTicket
{
	uint64_t	round;			/* of fetches; 0: it has not asked yet */
	bool		waits;
} CredentialsTicket;

/*
 * Copies everything but the client, on whose connections credentials are fetched, the clock, by which they expire, and
 * the journal, in which fetches are written down; they must outlive it. NULL when memory ran out.
 */
extern CredentialsProvider *provider_new(const Identity *identity, const char *region, HttpClient *http,
										 ServerClock *clock, Journal *journal);

/* Ends a fetch that is running. NULL is allowed. */
extern void provider_free(CredentialsProvider *provider);

/*
 * May a request be signed now? DONE: with provider_credentials. PENDING: ask again when the client's descriptor was
 * readable. FAILED: provider_failure. *ticket belongs to the request, and is all zeroes when it asks first: a failed fetch
 * fails those who waited for it, and the next one who asks starts another.
 */
extern StepResult provider_ask(CredentialsProvider *provider, CredentialsTicket *ticket);

/* The request waits no more. When nobody waits any more, a program that was run for the credentials is ended. */
extern void provider_leave(CredentialsProvider *provider, CredentialsTicket *ticket);

/* After DONE, until the next provider_ask. The generation changes whenever the credentials change. */
extern const Credentials *provider_credentials(const CredentialsProvider *provider);
extern uint64_t provider_generation(const CredentialsProvider *provider);
extern const Failure *provider_failure(const CredentialsProvider *provider);

/*
 * Tells that the service has refused the credentials of that generation. true when provider_ask may get others.
 */
extern bool provider_reject(CredentialsProvider *provider, uint64_t generation);

/*
 * What to do with credentials that came at `since` and expire at `expires_at` (0: never) at the moment `now`, seconds
 * since the epoch.
 */
typedef enum CredentialsAge
{
	CREDENTIALS_FRESH,
	CREDENTIALS_AGEING,			/* new ones are wanted */
	CREDENTIALS_OLD,			/* new ones are needed */
	CREDENTIALS_EXPIRED
} CredentialsAge;

extern CredentialsAge credentials_age(int64_t since, int64_t expires_at, int64_t now);

#endif
