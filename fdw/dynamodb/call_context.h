/*
 * call_context: what the calls of one client have in common. Only client.c, which sets it up, and the files of
 * a call, which work with it, use this.
 */
#ifndef DYNAMODB_ES_CALL_CONTEXT_H
#define DYNAMODB_ES_CALL_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/clock.h"
#include "aws/provider.h"
#include "base/jitter.h"
#include "base/journal.h"
#include "dynamodb/operation.h"
#include "dynamodb/retry.h"
#include "dynamodb/signer.h"
#include "dynamodb/usage.h"
#include "dynamodb/window.h"

typedef struct CallContext
{
	CredentialsProvider *provider;
	ServerClock clock;
	Signer	   *signer;			/* signs with what these two say */
	int			max_attempts;	/* tries of one request */
	RetryQuota	quota;
	Jitter		jitter;			/* of the pauses before retries */
	Window		windows[TRAFFIC_KINDS];
	size_t		max_response_bytes;	/* once unpacked, too */
	bool		accepts_gzip;
	bool		is_private;		/* so are their failures */
	bool		was_answered;	/* in the shape that DynamoDB's answers have */
	Journal		journal;		/* of what happens to the calls, and to the credentials */
	Usage	   *totals;			/* what all requests cost is added here, by operation; or NULL */
	int			awaited[OPERATIONS];	/* calls that are not done yet */
} CallContext;

#endif
