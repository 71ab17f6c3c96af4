/* Which failures are tried again, after how long, and for how many tokens. */
#include "unit.h"

#include "base/jitter.h"
#include "dynamodb/retry.h"

static Failure
failure_of(FailureKind kind, int status, const char *code)
{
	Failure		failure;

	failure_set(&failure, kind, code, "%s", "");
	failure.http_status = status;
	return failure;
}

static void
check_class(FailureKind kind, int status, const char *code, RetryClass class)
{
	Failure		failure = failure_of(kind, status, code);

	assert_int_equal(retry_classify(&failure), class);
}

static void
what_would_fail_again_is_not_tried_again(void **state)
{
	check_class(FAILURE_CONDITION, 400, "ConditionalCheckFailedException", RETRY_NEVER);
	check_class(FAILURE_OTHER, 400, "ValidationException", RETRY_NEVER);
	check_class(FAILURE_TOO_LARGE, 400, "ItemCollectionSizeLimitExceededException", RETRY_NEVER);
	check_class(FAILURE_OTHER, 400, "IdempotentParameterMismatchException", RETRY_NEVER);
	check_class(FAILURE_NOT_FOUND, 400, "ResourceNotFoundException", RETRY_NEVER);
	check_class(FAILURE_OTHER, 501, NULL, RETRY_NEVER);
	check_class(FAILURE_BAD_ANSWER, 404, NULL, RETRY_NEVER);
	check_class(FAILURE_BAD_ANSWER, 501, NULL, RETRY_NEVER);
	check_class(FAILURE_BAD_ANSWER, 505, NULL, RETRY_NEVER);
	check_class(FAILURE_TOO_LONG, 200, NULL, RETRY_NEVER);
	check_class(FAILURE_MEMORY, 0, NULL, RETRY_NEVER);
}

static void
what_passes_is_tried_again(void **state)
{
	check_class(FAILURE_UNREACHABLE, 0, NULL, RETRY_TRANSIENT);
	check_class(FAILURE_BAD_ANSWER, 0, NULL, RETRY_TRANSIENT);
	check_class(FAILURE_BAD_ANSWER, 200, NULL, RETRY_TRANSIENT);
	check_class(FAILURE_BAD_ANSWER, 503, NULL, RETRY_TRANSIENT);
	check_class(FAILURE_DAMAGED, 200, NULL, RETRY_TRANSIENT);
	check_class(FAILURE_DAMAGED, 400, NULL, RETRY_TRANSIENT);
	check_class(FAILURE_OTHER, 500, "InternalServerError", RETRY_TRANSIENT);
	check_class(FAILURE_OTHER, 400, "RequestTimeoutException", RETRY_TRANSIENT);
	check_class(FAILURE_OTHER, 400, "ReplicatedWriteConflictException", RETRY_TRANSIENT);
	check_class(FAILURE_CONFLICT, 400, "TransactionConflictException", RETRY_TRANSIENT);
	check_class(FAILURE_THROTTLED, 400, "ProvisionedThroughputExceededException", RETRY_THROTTLING);
}

static void
delays_double_up_to_a_bound(void **state)
{
	assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, 1, 0.5, -1), 12);
	assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, 3, 0.5, -1), 50);
	assert_int_equal(retry_delay_ms(RETRY_THROTTLING, 1, 0.5, -1), 500);
	assert_int_equal(retry_delay_ms(RETRY_THROTTLING, 40, 0.5, -1), 10000);
	assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, 2, 0, -1), 0);
}

static void
the_server_may_ask_for_longer_within_bounds(void **state)
{
	assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, 1, 0.4, 100), 100);
	assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, 1, 0.4, 5), 10);
	assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, 1, 0.4, 60000), 5010);
}

static void
an_empty_quota_ends_retries_and_successes_refill_it(void **state)
{
	RetryQuota	quota;
	int			taken = 0;

	retry_quota_init(&quota);
	while (retry_quota_take(&quota, RETRY_TRANSIENT) == 14)
		taken++;
	assert_int_equal(taken, 35);
	assert_int_equal(retry_quota_take(&quota, RETRY_TRANSIENT), 0);
	assert_int_equal(retry_quota_take(&quota, RETRY_THROTTLING), 5);
	retry_quota_give(&quota, 5);
	retry_quota_give(&quota, 0);
	retry_quota_give(&quota, 0);
	retry_quota_give(&quota, 0);
	retry_quota_give(&quota, 0);
	assert_int_equal(retry_quota_take(&quota, RETRY_TRANSIENT), 14);
	for (int i = 0; i < 1000; i++)
		retry_quota_give(&quota, 14);
	assert_int_equal(quota.tokens, 500);
}

static void
those_who_fail_together_do_not_try_again_together(void **state)
{
	Jitter		one;
	Jitter		other;
	int			same = 0;

	jitter_init(&one);
	jitter_init(&other);
	for (int i = 0; i < 1000; i++)
	{
		double		fraction = jitter_next(&one);

		assert_true(fraction >= 0 && fraction < 1);
		same += fraction == jitter_next(&other);
	}
	assert_true(same < 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_would_fail_again_is_not_tried_again),
		cmocka_unit_test(what_passes_is_tried_again),
		cmocka_unit_test(delays_double_up_to_a_bound),
		cmocka_unit_test(the_server_may_ask_for_longer_within_bounds),
		cmocka_unit_test(an_empty_quota_ends_retries_and_successes_refill_it),
		cmocka_unit_test(those_who_fail_together_do_not_try_again_together),
	};

	return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
