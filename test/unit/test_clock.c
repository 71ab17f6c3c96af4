/* When is a server's time believed, and what is then signed with? */
#include "unit.h"

#include <stdlib.h>

#include "aws/clock.h"
#include "aws/header.h"

#define MINUTE INT64_C(60000)

/* An answer that took so long, with a Date so far from the middle of that. */
static HttpAnswer
answer_with(int64_t round_trip, int64_t skew)
{
	HttpAnswer	answer = {
		.sent_ms = 1700000000000, .received_ms = 1700000000000 + round_trip,
		.date_ms = 1700000000000 + round_trip / 2 + skew,
	};

	return answer;
}

static void
check_offset(int64_t before, HttpAnswer answer, int64_t after)
{
	ServerClock clock = {.offset_ms = before};

	clock_observe(&clock, &answer);
	assert_int_equal(clock.offset_ms, after);
}

static void
a_large_difference_is_corrected(void **state)
{
	check_offset(0, answer_with(100, 5 * MINUTE), 5 * MINUTE);
	check_offset(0, answer_with(100, -90 * MINUTE), -90 * MINUTE);
	/* The machine's clock has been put right meanwhile. */
	check_offset(90 * MINUTE, answer_with(100, 0), 0);
	check_offset(90 * MINUTE, answer_with(100, 91 * MINUTE), 90 * MINUTE);
}

static void
a_small_difference_is_not(void **state)
{
	check_offset(0, answer_with(0, 0), 0);
	check_offset(0, answer_with(0, 4 * MINUTE), 0);
	check_offset(0, answer_with(0, -4 * MINUTE), 0);
	check_offset(0, answer_with(0, 4 * MINUTE + 1), 4 * MINUTE + 1);
}

static void
what_may_be_the_answers_own_slowness_is_not_skew(void **state)
{
	/* Answered at once, and read 14 minutes later. */
	check_offset(0, answer_with(14 * MINUTE, -7 * MINUTE), 0);
	check_offset(0, answer_with(14 * MINUTE, -12 * MINUTE), -12 * MINUTE);
	check_offset(0, answer_with(15 * MINUTE + 1, 60 * MINUTE), 0);
	check_offset(0, answer_with(-1, 60 * MINUTE), 0);
}

static void
answers_without_a_time_of_their_own_tell_nothing(void **state)
{
	HttpAnswer	answer = answer_with(100, 60 * MINUTE);

	answer.has_age = true;
	check_offset(0, answer, 0);
	answer = answer_with(100, 60 * MINUTE);
	answer.date_ms = -1;
	check_offset(0, answer, 0);
	answer = answer_with(100, 60 * MINUTE);
	answer.sent_ms = 0;
	check_offset(0, answer, 0);
}

static void
a_date_is_one_that_a_clock_may_show(void **state)
{
	assert_int_equal(header_date_ms("Thu, 01 Jan 1970 00:00:01 GMT"), 1000);
	assert_int_equal(header_date_ms("Tue, 14 Nov 2023 22:13:20 GMT"), 1700000000000);
	assert_int_equal(header_date_ms("Wed, 31 Dec 2999 23:59:59 GMT"), 32503679999000);
	assert_int_equal(header_date_ms("Wed, 01 Jan 3000 00:00:00 GMT"), -1);
	assert_int_equal(header_date_ms("Wed, 01 Jan 2147483647 00:00:00 GMT"), -1);
	assert_int_equal(header_date_ms("Wed, 31 Dec 1969 00:00:00 GMT"), -1);
	assert_int_equal(header_date_ms(""), -1);
	assert_int_equal(header_date_ms("tomorrow"), -1);
}

static void
the_correction_can_be_turned_off(void **state)
{
	HttpAnswer	answer = answer_with(100, 60 * MINUTE);
	ServerClock clock;

	setenv("AWS_DISABLE_CLOCK_SKEW_CORRECTION", "True", 1);
	clock_init(&clock);
	clock_observe(&clock, &answer);
	assert_int_equal(clock.offset_ms, 0);
	setenv("AWS_DISABLE_CLOCK_SKEW_CORRECTION", "false", 1);
	clock_init(&clock);
	clock_observe(&clock, &answer);
	assert_int_equal(clock.offset_ms, 60 * MINUTE);
	unsetenv("AWS_DISABLE_CLOCK_SKEW_CORRECTION");
}

static void
later_commits_are_not_earlier_ones(void **state)
{
	ServerClock clock = {.offset_ms = 60 * MINUTE};
	int64_t		first = clock_stamp(&clock);
	int64_t		second;

	clock_keep_stamp(&clock, first);
	clock.offset_ms = 0;
	assert_int_equal(clock_stamp(&clock), first);
	clock.offset_ms = 120 * MINUTE;
	second = clock_stamp(&clock);
	assert_true(second > first);
	/* What was sent with the second was refused: it does not bind, the first one does. */
	clock_drop_stamps(&clock);
	clock.offset_ms = 0;
	assert_int_equal(clock_stamp(&clock), first);
	/* An answer to an earlier one may come after that to a later one. */
	clock_keep_stamp(&clock, first - MINUTE);
	clock_drop_stamps(&clock);
	assert_int_equal(clock_stamp(&clock), first);
}

static void
the_offset_is_signed_with(void **state)
{
	ServerClock here = {0};
	ServerClock ahead = {.offset_ms = 60 * MINUTE};
	time_t		difference = clock_now(&ahead) - clock_now(&here);

	assert_true(difference >= 3590 && difference <= 3600);
}

static void
only_some_refusals_can_be_a_matter_of_time(void **state)
{
	assert_true(clock_explains("InvalidSignatureException"));
	assert_true(clock_explains("SignatureDoesNotMatch"));
	assert_true(clock_explains("AuthFailure"));
	assert_true(clock_explains("RequestTimeTooSkewed"));
	assert_true(clock_explains("AccessDeniedException"));
	assert_false(clock_explains("ExpiredTokenException"));
	assert_false(clock_explains("ConditionalCheckFailedException"));
	assert_false(clock_explains(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_difference_is_corrected),
		cmocka_unit_test(a_small_difference_is_not),
		cmocka_unit_test(what_may_be_the_answers_own_slowness_is_not_skew),
		cmocka_unit_test(answers_without_a_time_of_their_own_tell_nothing),
		cmocka_unit_test(a_date_is_one_that_a_clock_may_show),
		cmocka_unit_test(the_correction_can_be_turned_off),
		cmocka_unit_test(later_commits_are_not_earlier_ones),
		cmocka_unit_test(the_offset_is_signed_with),
		cmocka_unit_test(only_some_refusals_can_be_a_matter_of_time),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
