/*
 * fetch: gets the server's own credentials once, from the place that source.h finds. It sends its requests over a client's
 * connections, and has no wait of its own.
 */
#ifndef DYNAMODB_ES_FETCH_H
#define DYNAMODB_ES_FETCH_H

#include "aws/clock.h"
#include "aws/credentials.h"
#include "aws/http.h"
#include "base/failure.h"
#include "base/step.h"

typedef struct CredentialsFetch CredentialsFetch;

/*
 * `profile` as in source_choose; `region` is the one whose STS is asked, and whose answers *clock learns from. All of
 * them must outlive the fetch. NULL when memory ran out.
 */
extern CredentialsFetch *fetch_start(HttpClient *http, const char *profile, const char *region, ServerClock *clock);
extern StepResult fetch_step(CredentialsFetch *fetch);

/* After DONE: moves the credentials into *credentials, whose earlier ones are not freed. */
extern void fetch_take(CredentialsFetch *fetch, Credentials *credentials);

/* true when a program runs for it; that has to end when nobody waits for it any more. */
extern bool fetch_needs_waiter(const CredentialsFetch *fetch);

/* After FAILED; FAILURE_NO_CREDENTIALS or FAILURE_MEMORY. */
extern const Failure *fetch_failure(const CredentialsFetch *fetch);

/* Ends it if it is still running. NULL is allowed. */
extern void fetch_free(CredentialsFetch *fetch);

#endif
