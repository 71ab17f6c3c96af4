/*
 * retry: whether a failed request is sent again, and when.
 *
 * Source: the AWS SDKs' retry behaviour, "standard" mode as of 2026: attempts, full jitter, and a quota of tokens
 * that keeps a client from hammering a service that fails for everybody.
 */
#ifndef DYNAMODB_ES_RETRY_H
#define DYNAMODB_ES_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"

typedef enum RetryClass
{
	RETRY_NEVER,				/* it would fail again */
	RETRY_TRANSIENT,			/* connection lost, server error: soon */
	RETRY_THROTTLING			/* too much asked for: later */
} RetryClass;

extern RetryClass retry_classify(const Failure *failure);

/* Tokens of one client. */
typedef struct RetryQuota
{
	int			tokens;
} RetryQuota;

extern void retry_quota_init(RetryQuota *quota);

/* Takes what a retry of that class costs. The cost, or 0 where too few tokens are left: no retry then. */
extern int	retry_quota_take(RetryQuota *quota, RetryClass class);

/* After a success: gives back the cost of its last retry, or a single token where there was none (cost 0). */
extern void retry_quota_give(RetryQuota *quota, int cost);

/*
 * How long to wait, ms, before the attempt after number `attempt` (1 for the first). `random` is in [0, 1);
 * `retry_after_ms` is what the server asked for in x-amz-retry-after, or -1.
 */
extern int64_t retry_delay_ms(RetryClass class, int attempt, double random, int64_t retry_after_ms);

#endif
