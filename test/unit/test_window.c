/* How many requests are under way while the service throttles, and afterwards. */
#include "unit.h"

#include "dynamodb/window.h"

static void
a_throttle_halves_the_window_and_one_request_always_fits(void **state)
{
	Window		window;

	window_init(&window, 16);
	assert_int_equal(window.size, 16);
	window_throttled(&window, 10, 20);
	assert_int_equal(window.size, 8);
	for (int64_t at = 30; at < 300; at += 10)
		window_throttled(&window, at, at + 1);
	assert_int_equal(window.size, 1);
}

static void
requests_sent_together_narrow_it_once(void **state)
{
	Window		window;

	window_init(&window, 16);
	for (int64_t now = 20; now < 36; now++)
		window_throttled(&window, 10, now);
	assert_int_equal(window.size, 8);
}

static void
it_opens_again_by_one_after_some_rounds_of_successes(void **state)
{
	Window		window;
	int			successes[5] = {0};

	window_init(&window, 4);
	window_throttled(&window, 10, 20);
	for (int i = 0; i < 1000; i++)
	{
		successes[window.size]++;
		window_passed(&window);
	}
	assert_true(successes[2] > 2);
	assert_int_equal(2 * successes[3], 3 * successes[2]);
	assert_int_equal(window.size, 4);
}

static void
a_limit_bounds_it_and_a_wider_one_opens_what_was_open(void **state)
{
	Window		window;

	window_init(&window, 16);
	window_limit(&window, 5);
	assert_int_equal(window.size, 5);
	window_limit(&window, 16);
	assert_int_equal(window.size, 16);
	window_throttled(&window, 10, 20);
	window_limit(&window, 12);
	assert_int_equal(window.size, 8);
	window_limit(&window, 0);
	assert_int_equal(window.size, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_throttle_halves_the_window_and_one_request_always_fits),
		cmocka_unit_test(requests_sent_together_narrow_it_once),
		cmocka_unit_test(it_opens_again_by_one_after_some_rounds_of_successes),
		cmocka_unit_test(a_limit_bounds_it_and_a_wider_one_opens_what_was_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
