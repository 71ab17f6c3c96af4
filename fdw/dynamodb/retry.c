/*
 * retry.c: the numbers and lists of retry.h.
 */
#include "dynamodb/retry.h"

#include <string.h>

#define QUOTA_TOKENS 500
#define TRANSIENT_COST 14
#define THROTTLING_COST 5
#define PLAIN_SUCCESS_GAIN 1

#define TRANSIENT_BASE_MS 25.0
#define THROTTLING_BASE_MS 1000.0
#define LONGEST_DELAY_MS 20000.0
#define LARGEST_EXPONENT 30
#define LONGEST_EXTENSION_MS 5000

/* Codes that stand for a passing failure whatever the HTTP status. */
static const char *const transient_codes[] = {
	"RequestTimeout",
	"RequestTimeoutException",
	"ReplicatedWriteConflictException",
	"InternalServerError",
};

static bool
status_is_transient(int status)
{
	return status == 500 || (status >= 502 && status <= 504);
}

RetryClass
retry_classify(const Failure *failure)
{
	switch (failure->kind)
	{
		case FAILURE_THROTTLED:
			return RETRY_THROTTLING;
		case FAILURE_UNREACHABLE:
		case FAILURE_CONFLICT:
		case FAILURE_DAMAGED:
			return RETRY_TRANSIENT;
		case FAILURE_BAD_ANSWER:
			/* A body that broke off, the gateway in between, or what is no HTTP at all. */
			return failure->http_status == 200 || failure->http_status == 0 || status_is_transient(failure->http_status)
				? RETRY_TRANSIENT : RETRY_NEVER;
		case FAILURE_OTHER:
			for (size_t i = 0; i < sizeof(transient_codes) / sizeof(transient_codes[0]); i++)
				if (strcmp(failure->code, transient_codes[i]) == 0)
					return RETRY_TRANSIENT;
			return status_is_transient(failure->http_status) ? RETRY_TRANSIENT : RETRY_NEVER;
		case FAILURE_NONE:
		case FAILURE_MEMORY:
		case FAILURE_NO_CREDENTIALS:
		case FAILURE_CREDENTIALS:
		case FAILURE_EXPIRED:
		case FAILURE_ACCESS_DENIED:
		case FAILURE_NOT_FOUND:
		case FAILURE_EXISTS:
		case FAILURE_CONDITION:
		case FAILURE_NOT_CONTIGUOUS:
		case FAILURE_NO_TRANSACTIONS:
		case FAILURE_TOO_LONG:
		case FAILURE_UNREADABLE:
		case FAILURE_ID_TWICE:
		case FAILURE_SAME_ID:
		case FAILURE_NOT_READY:
		case FAILURE_UNFIT:
		case FAILURE_EXHAUSTED:
		case FAILURE_TOO_LARGE:
		case FAILURE_UNKNOWN_FATE:
		case FAILURE_DENSE_GAP:
		case FAILURE_BEHIND:
		case FAILURE_MOVED:
			break;
	}
	return RETRY_NEVER;
}

void
retry_quota_init(RetryQuota *quota)
{
	quota->tokens = QUOTA_TOKENS;
}

int
retry_quota_take(RetryQuota *quota, RetryClass class)
{
	int			cost = class == RETRY_THROTTLING ? THROTTLING_COST : TRANSIENT_COST;

	if (quota->tokens < cost)
		return 0;
	quota->tokens -= cost;
	return cost;
}

void
retry_quota_give(RetryQuota *quota, int cost)
{
	quota->tokens += cost > 0 ? cost : PLAIN_SUCCESS_GAIN;
	if (quota->tokens > QUOTA_TOKENS)
		quota->tokens = QUOTA_TOKENS;
}

int64_t
retry_delay_ms(RetryClass class, int attempt, double random, int64_t retry_after_ms)
{
	double		delay = class == RETRY_THROTTLING ? THROTTLING_BASE_MS : TRANSIENT_BASE_MS;

	for (int i = 1; i < attempt && i < LARGEST_EXPONENT && delay < LONGEST_DELAY_MS; i++)
		delay *= 2;
	if (delay > LONGEST_DELAY_MS)
		delay = LONGEST_DELAY_MS;
	delay *= random;
	if (retry_after_ms > (int64_t) delay)
		return retry_after_ms < (int64_t) delay + LONGEST_EXTENSION_MS
			? retry_after_ms : (int64_t) delay + LONGEST_EXTENSION_MS;
	return (int64_t) delay;
}
