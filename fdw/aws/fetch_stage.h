/*
 * fetch_stage: the requests that lead to credentials. Each stage of a fetch is one; what it says and what its answer leads
 * to is a row of a table.
 */
#ifndef DYNAMODB_ES_FETCH_STAGE_H
#define DYNAMODB_ES_FETCH_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/clock.h"
#include "aws/credentials.h"
#include "aws/http.h"
#include "aws/process.h"
#include "aws/source.h"
#include "base/failure.h"
#include "base/step.h"

#define MAX_LINES 5

typedef struct CredentialsFetch CredentialsFetch;

typedef enum Stage
{
	STAGE_PROCESS,
	STAGE_CONTAINER,
	STAGE_INSTANCE_TOKEN,
	STAGE_INSTANCE_ROLE,
	STAGE_INSTANCE_KEYS,
	STAGE_WEB_IDENTITY,
	STAGE_ROLE,
	STAGE_END
} Stage;

struct CredentialsFetch
{
	HttpClient *http;
	const char *profile;		/* or NULL */
	const char *region;
	ServerClock *clock;
	CredentialSource source;
	Stage		stage;
	HttpTransfer *transfer;		/* the attempt under way; NULL between two */
	ChildProcess *process;		/* at STAGE_PROCESS, once it has been started */
	ByteBuffer		body;			/* what it sends; the web identity's token may be in it */
	int			attempts;		/* at this stage */
	int64_t		signed_offset_ms;	/* the clock's offset that the attempt was made with */
	bool		clock_retried;	/* at this stage an attempt was made anew because the clock was wrong */
	int64_t		not_before;		/* the next one, http_now_ms */
	ByteBuffer		instance_token; /* the header's line */
	ByteBuffer		instance_path;	/* of the role's credentials */
	Credentials credentials;	/* so far */
	StepResult	state;
	Failure		failure;
};

/* A request in the making. */
typedef struct Draft
{
	ByteBuffer		url;
	ByteBuffer		lines[MAX_LINES];
	size_t		nlines;
} Draft;

typedef struct StageRule
{
	const char *who;			/* answers, as a sentence begins */
	const char *method;
	int			attempts;
	int			timeout_ms;		/* 0: the client's */
	bool		direct;			/* no proxy must see it */
	bool		(*write) (CredentialsFetch *fetch, Draft *draft);
	bool		(*read) (CredentialsFetch *fetch, HttpAnswer *answer);
} StageRule;

/* The row of a stage that is a request: all but STAGE_PROCESS and STAGE_END. */
extern const StageRule *stage_rule(Stage stage);
extern void draft_free(Draft *draft);

/* The next stage, or the end. */
extern void fetch_go_on(CredentialsFetch *fetch, Stage stage);

/* Fills in the failure; false. */
extern bool fetch_out_of_memory(CredentialsFetch *fetch);

#endif
