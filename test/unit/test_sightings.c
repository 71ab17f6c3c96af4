/*
 * sightings: an id is given up no sooner than the time-out after a higher one was seen, and not much later.
 */
#include "unit.h"

#include "store/sightings.h"

#define TIME_OUT 1000
#define MOST_IDS 300000

static void
nothing_is_known_before_the_time_out(void **state)
{
	Sightings	sightings = {0};

	assert_int_equal(sightings_known_below(&sightings, TIME_OUT, 5000), 0);
	sightings_note(&sightings, TIME_OUT, 5000, 7);
	assert_int_equal(sightings_known_below(&sightings, TIME_OUT, 5999), 0);
	assert_int_equal(sightings_known_below(&sightings, TIME_OUT, 6000), 7);
	assert_int_equal(sightings_known_below(&sightings, TIME_OUT, 1000000), 7);
}

/* A stale answer shows a lower id: what was known before stays known. */
static void
the_highest_id_never_goes_down(void **state)
{
	Sightings	sightings = {0};

	sightings_note(&sightings, TIME_OUT, 0, 7);
	sightings_note(&sightings, TIME_OUT, 500, 3);
	assert_int_equal(sightings_known_below(&sightings, TIME_OUT, 1000), 7);
	assert_int_equal(sightings_known_below(&sightings, TIME_OUT, 1500), 7);
	sightings_note(&sightings, TIME_OUT, 600, 9);
	sightings_note(&sightings, TIME_OUT, 700, 8);
	assert_int_equal(sightings_known_below(&sightings, TIME_OUT, 1700), 9);
}

/* What comes too soon after another one is noted when it is seen again, as it is at the next poll. */
static void
sightings_are_an_eighth_apart(void **state)
{
	Sightings	sightings = {0};

	sightings_note(&sightings, TIME_OUT, 0, 1);
	sightings_note(&sightings, TIME_OUT, 124, 2);
	assert_int_equal(sightings.count, 1);
	sightings_note(&sightings, TIME_OUT, 125, 1);
	assert_int_equal(sightings.count, 2);
	assert_int_equal(sightings_known_below(&sightings, TIME_OUT, 1124), 1);
	assert_int_equal(sightings_known_below(&sightings, TIME_OUT, 1125), 2);
}

/* A longer time-out than before counts from when an id was seen, whatever was forgotten since. */
static void
the_time_out_may_change(void **state)
{
	Sightings	sightings = {0};

	for (int64_t now = 0; now <= 3000; now += 10)
		sightings_note(&sightings, TIME_OUT, now, 1 + now);
	assert_int_equal(sightings_known_below(&sightings, 10 * TIME_OUT, 3000), 0);
	assert_true(sightings_known_below(&sightings, 10 * TIME_OUT, 13000) <= 3001);
	assert_true(sightings_known_below(&sightings, 10 * TIME_OUT, 13000) > 2800);
}

/* Against one that remembers everything, whatever the rates of ids and polls. */
static void
lag_is_bounded(void **state)
{
	static int64_t seen_at[MOST_IDS];	/* when that id or a higher one was seen first */

	for (int seed = 1; seed <= 50; seed++)
	{
		Sightings	sightings = {0};
		int			poll_ms = 1 + seed * 7 % 180;
		int64_t		seen = 0;

		srand(seed);
		for (int64_t now = 0; now < 10 * TIME_OUT; now += 1 + rand() % poll_ms)
		{
			int64_t		below = sightings_known_below(&sightings, TIME_OUT, now);
			int64_t		next = seen + rand() % 50;

			assert_true(below == 0 || seen_at[below] <= now - TIME_OUT);
			if (below < seen)
				assert_true(seen_at[below + 1] + TIME_OUT + TIME_OUT / 8 + 2 * poll_ms > now);
			while (seen < next)
				seen_at[++seen] = now;
			sightings_note(&sightings, TIME_OUT, now, seen);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_before_the_time_out),
		cmocka_unit_test(the_highest_id_never_goes_down),
		cmocka_unit_test(sightings_are_an_eighth_apart),
		cmocka_unit_test(the_time_out_may_change),
		cmocka_unit_test(lag_is_bounded),
	};

	return cmocka_run_group_tests_name("sightings", tests, NULL, NULL);
}
