/*
 * provider.c: when are credentials fetched, and what is done while there are none? See provider.h. How they are
 * fetched is for fetch.c.
 */
#include "aws/provider.h"

#include <stdlib.h>
#include <string.h>

#include "aws/fetch.h"

#define AGEING_SECONDS (15 * 60)
#define OLD_SECONDS (10 * 60)
#define PAUSE_MS 10000			/* after a fetch that was not needed and brought nothing new */
#define STALE_SECONDS 60		/* a fetch that was left alone so long is not waited for */

struct CredentialsProvider
{
	HttpClient *http;
	ServerClock *clock;
	Journal    *journal;
	bool		is_explicit;
	char	   *profile;
	char	   *region;
	Credentials credentials;
	int64_t		since;			/* clock_now when they came for the first time */
	bool		present;
	uint64_t	generation;		/* of the credentials */
	CredentialsFetch *fetch;	/* under way, or NULL */
	int			waiters;		/* requests that cannot be signed before it is over */
	bool		waited_for;		/* the credentials came by one that needs a waiter */
	int64_t		fetch_began;	/* clock_now */
	uint64_t	round;			/* of fetches, the one under way included */
	uint64_t	succeeded_round;	/* the last one that did */
	uint64_t	failed_round;
	int64_t		rest_until;		/* no fetch before that, as long as none is needed; http_now_ms */
	bool		expired_were_refused;	/* the service does not take those that look expired: the clock is right */
	Failure		failure;		/* of the last round that failed */
};

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

CredentialsAge
credentials_age(int64_t since, int64_t expires_at, int64_t now)
{
	int64_t		lifetime = expires_at - since;

	if (expires_at == 0)
		return CREDENTIALS_FRESH;
	if (now >= expires_at)
		return CREDENTIALS_EXPIRED;
	if (now >= expires_at - smaller(OLD_SECONDS, lifetime / 3))
		return CREDENTIALS_OLD;
	return now >= expires_at - smaller(AGEING_SECONDS, lifetime / 2) ? CREDENTIALS_AGEING : CREDENTIALS_FRESH;
}

CredentialsProvider *
provider_new(const Identity *identity, const char *region, HttpClient *http, ServerClock *clock,
			 Journal *journal)
{
	CredentialsProvider *provider = calloc(1, sizeof(CredentialsProvider));
	bool		complete;

	if (provider == NULL)
		return NULL;
	provider->http = http;
	provider->clock = clock;
	provider->journal = journal;
	provider->region = strdup(region);
	complete = provider->region != NULL;
	if (identity->profile != NULL)
	{
		provider->profile = strdup(identity->profile);
		complete = complete && provider->profile != NULL;
	}
	if (identity->keys != NULL)
	{
		provider->is_explicit = provider->present = true;
		complete = complete && credentials_set(&provider->credentials, identity->keys->access_key_id,
											   identity->keys->secret_access_key, identity->keys->session_token);
	}
	if (complete)
		return provider;
	provider_free(provider);
	return NULL;
}

void
provider_free(CredentialsProvider *provider)
{
	if (provider == NULL)
		return;
	fetch_free(provider->fetch);
	credentials_wipe(&provider->credentials);
	free(provider->profile);
	free(provider->region);
	free(provider);
}

/* Of those that there are, by the service's clock: it is the one that they expire by. */
static CredentialsAge
current_age(CredentialsProvider *provider)
{
	int64_t		now = (int64_t) clock_now(provider->clock);

	/* They came before the clock was put right. */
	if (provider->since > now)
		provider->since = now;
	return credentials_age(provider->since, provider->credentials.expires_at, now);
}

/*
 * A source may have none that are newer: then it is not asked at every request. What it gives may look expired because
 * the clock is wrong: the service decides, and its answer puts the clock right. Once it has refused such credentials,
 * others that have expired as well are not worth a request.
 */
static void
take_credentials(CredentialsProvider *provider)
{
	Credentials credentials;
	int64_t		now = (int64_t) clock_now(provider->clock);
	bool		expired;
	bool		same;

	provider->waited_for = fetch_needs_waiter(provider->fetch);
	fetch_take(provider->fetch, &credentials);
	expired = credentials_age(now, credentials.expires_at, now) == CREDENTIALS_EXPIRED;
	if (expired && provider->expired_were_refused)
	{
		credentials_wipe(&credentials);
		failure_set(&provider->failure, FAILURE_NO_CREDENTIALS, NULL, "The credentials that were found have expired.");
		provider->failed_round = provider->round;
		return;
	}
	provider->expired_were_refused = false;
	same = provider->present && strcmp(credentials.secret_access_key, provider->credentials.secret_access_key) == 0;
	if (same || expired)
		provider->rest_until = http_now_ms() + PAUSE_MS;
	if (!same || credentials.expires_at != provider->credentials.expires_at)
		provider->since = now;
	credentials_wipe(&provider->credentials);
	provider->credentials = credentials;
	provider->present = true;
	provider->generation++;
	provider->succeeded_round = provider->round;
}

/* Only its code is: the words of a failed fetch may tell of PostgreSQL's own files. */
static void
note_fetch(const CredentialsProvider *provider)
{
	bool		failed = provider->failed_round == provider->round;
	int64_t		pause_ms = provider->rest_until - http_now_ms();
	Event		event = {
		.kind = failed ? EVENT_NOT_RENEWED : EVENT_RENEWED,
		.failed = failed,
		.attempt = (int) provider->round,
		.pause_ms = pause_ms > 0 ? pause_ms : 0,
	};

	if (!journal_wants(provider->journal, event.kind))
		return;
	if (failed)
		memcpy(event.code, provider->failure.code, sizeof(event.code));
	journal_add(provider->journal, &event);
}

/* Lets the fetch under way go on, and takes what it has come to. */
static void
fetch_advance(CredentialsProvider *provider)
{
	StepResult	result;

	if (provider->fetch == NULL)
		return;
	result = fetch_step(provider->fetch);
	if (result == STEP_PENDING)
		return;
	if (result == STEP_DONE)
		take_credentials(provider);
	else
	{
		provider->failure = *fetch_failure(provider->fetch);
		provider->failed_round = provider->round;
		provider->rest_until = http_now_ms() + PAUSE_MS;
	}
	note_fetch(provider);
	fetch_free(provider->fetch);
	provider->fetch = NULL;
}

/*
 * Renewal goes on beside the requests, and nobody sees to it once they have ended. After an idle period its answer may
 * have expired unread, or its signature has.
 */
static void
fetch_drop_stale(CredentialsProvider *provider)
{
	if (provider->fetch == NULL || (int64_t) clock_now(provider->clock) - provider->fetch_began < STALE_SECONDS)
		return;
	fetch_free(provider->fetch);
	provider->fetch = NULL;
}

static void
fetch_begin(CredentialsProvider *provider)
{
	provider->round++;
	provider->fetch_began = (int64_t) clock_now(provider->clock);
	provider->fetch = fetch_start(provider->http, provider->profile, provider->region, provider->clock);
	if (provider->fetch == NULL)
	{
		failure_set(&provider->failure, FAILURE_MEMORY, NULL, "out of memory");
		provider->failed_round = provider->round;
		return;
	}
	fetch_advance(provider);
}

/* The request has waited for a fetch that has brought these. */
static bool
are_just_fetched(const CredentialsProvider *provider, const CredentialsTicket *ticket)
{
	return ticket->round != 0 && provider->succeeded_round >= ticket->round;
}

/* Also old or expired ones, where a fetch that was asked for has just brought no better. */
static bool
is_usable(const CredentialsProvider *provider, CredentialsAge age, const CredentialsTicket *ticket)
{
	if (!provider->present)
		return false;
	if (age == CREDENTIALS_FRESH || age == CREDENTIALS_AGEING)
		return true;
	if (are_just_fetched(provider, ticket))
		return true;
	return provider->succeeded_round > provider->failed_round && http_now_ms() < provider->rest_until;
}

/* A program does not go on beside requests that can do without it, nor beyond them. */
static void
fetch_drop_unwaited(CredentialsProvider *provider)
{
	if (provider->waiters > 0 || provider->fetch == NULL || !fetch_needs_waiter(provider->fetch))
		return;
	fetch_free(provider->fetch);
	provider->fetch = NULL;
}

static void
renew_beside(CredentialsProvider *provider, const CredentialsTicket *ticket)
{
	if (provider->fetch != NULL || provider->waited_for || http_now_ms() < provider->rest_until
		|| are_just_fetched(provider, ticket))
		return;
	fetch_begin(provider);
	fetch_drop_unwaited(provider);
}

static StepResult
ask(CredentialsProvider *provider, CredentialsTicket *ticket)
{
	CredentialsAge age;

	fetch_advance(provider);
	age = current_age(provider);
	if (is_usable(provider, age, ticket))
	{
		if (age == CREDENTIALS_AGEING)
			renew_beside(provider, ticket);
		return STEP_DONE;
	}
	if (ticket->round != 0 && provider->failed_round >= ticket->round)
		return STEP_FAILED;
	if (ticket->round == 0)
		fetch_drop_stale(provider);
	if (provider->fetch == NULL)
		fetch_begin(provider);
	if (ticket->round == 0)
		ticket->round = provider->round;
	age = current_age(provider);
	if (is_usable(provider, age, ticket))
		return STEP_DONE;
	return provider->failed_round >= ticket->round ? STEP_FAILED : STEP_PENDING;
}

StepResult
provider_ask(CredentialsProvider *provider, CredentialsTicket *ticket)
{
	StepResult	result = provider->is_explicit ? STEP_DONE : ask(provider, ticket);
	bool		waits = result == STEP_PENDING;

	provider->waiters += waits - ticket->waits;
	ticket->waits = waits;
	return result;
}

void
provider_leave(CredentialsProvider *provider, CredentialsTicket *ticket)
{
	provider->waiters -= ticket->waits;
	ticket->waits = false;
	fetch_drop_unwaited(provider);
}

const Credentials *
provider_credentials(const CredentialsProvider *provider)
{
	return &provider->credentials;
}

uint64_t
provider_generation(const CredentialsProvider *provider)
{
	return provider->generation;
}

const Failure *
provider_failure(const CredentialsProvider *provider)
{
	return &provider->failure;
}

bool
provider_reject(CredentialsProvider *provider, uint64_t generation)
{
	if (provider->is_explicit)
		return false;
	if (provider->present && provider->generation == generation)
	{
		provider->expired_were_refused = current_age(provider) == CREDENTIALS_EXPIRED;
		credentials_wipe(&provider->credentials);
		provider->present = false;
	}
	return true;
}
