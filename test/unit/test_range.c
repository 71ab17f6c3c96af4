/*
 * range: the ranges that come of one cover its keys exactly, whatever was learned of its pages, at the ends of all
 * integers too; and there are neither many more of them than pages, nor hardly any.
 */
#include "unit.h"

#include "store/range.h"

static KeyRange
between(int64_t lower, int64_t upper)
{
	return (KeyRange) {.has_lower = true, .has_upper = true, .lower = lower, .upper = upper};
}

static void
check_range(const KeyRange *range, int64_t lower, int64_t upper)
{
	assert_true(range->has_lower && range->has_upper);
	assert_int_equal(range->lower, lower);
	assert_int_equal(range->upper, upper);
}

static void
a_cut_loses_no_key_and_repeats_none(void **state)
{
	static const int64_t ends[][2] = {
		{1, 1000}, {0, 1}, {-500, 500}, {INT64_MIN, INT64_MAX}, {INT64_MIN, INT64_MIN + 3}, {INT64_MAX - 3, INT64_MAX}, {7, 7},
	};
	static const int64_t spans[] = {1, 2, 3, 8, 100, 999, 1000, INT64_MAX / 16};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		for (size_t j = 0; j < sizeof(spans) / sizeof(spans[0]); j++)
			for (int backward = 0; backward <= 1; backward++)
			{
				PageSpan	span = {.keys = spans[j], .full_load = 128};
				KeyRange	range = between(ends[i][0], ends[i][1]);
				KeyRange	rest = {0};

				for (int cuts = 0; cuts < 2000; cuts++)
				{
					KeyRange	whole = range;

					if (!key_range_cut(&range, &span, backward, &rest))
					{
						check_range(&range, whole.lower, whole.upper);
						break;
					}
					check_range(&range, backward ? range.lower : whole.lower, backward ? whole.upper : range.upper);
					check_range(&rest, backward ? whole.lower : range.upper + 1, backward ? range.lower - 1 : whole.upper);
					/* What lies between two integers belongs to the lower range. */
					assert_true(backward ? rest.upper_is_cut : range.upper_is_cut);
					assert_true(backward ? range.upper_is_cut == whole.upper_is_cut : !rest.upper_is_cut);
					assert_true(key_range_is_possible(&range) && key_range_is_possible(&rest));
					assert_true((uint64_t) range.upper - (uint64_t) range.lower < (uint64_t) spans[j]);
					range = rest;
				}
			}
}

static void
an_open_range_stays_open_behind_the_cut(void **state)
{
	KeyRange	range = {.has_lower = true, .lower = 5};
	KeyRange	rest;

	assert_true(key_range_split(&range, 10, false, &rest));
	check_range(&range, 5, 10);
	assert_true(rest.has_lower && rest.lower == 11 && !rest.has_upper);

	range = (KeyRange) {0};
	assert_true(key_range_split(&range, 10, true, &rest));
	assert_true(range.has_lower && range.lower == 10 && !range.has_upper);
	assert_true(rest.has_upper && rest.upper == 9 && !rest.has_lower);
}

static void
nothing_is_cut_where_one_part_would_be_empty(void **state)
{
	KeyRange	range = between(5, 10);
	KeyRange	rest;
	KeyRange	open = {0};

	assert_false(key_range_split(&range, 10, false, &rest));
	assert_false(key_range_split(&range, 5, true, &rest));
	assert_false(key_range_split(&range, 4, false, &rest));
	assert_false(key_range_split(&range, 11, true, &rest));
	check_range(&range, 5, 10);
	assert_false(key_range_split(&open, INT64_MAX, false, &rest));
	assert_false(key_range_split(&open, INT64_MIN, true, &rest));
}

static void
nothing_is_cut_before_a_page_was_seen(void **state)
{
	PageSpan	span = {0};
	KeyRange	range = between(1, 1000000);
	KeyRange	rest;

	assert_false(key_range_cut(&range, &span, false, &rest));
	assert_false(key_range_cut_from(&range, 10, &span, false, &rest));
	page_span_learn_partial(&span, 1, 100, 5);
	assert_false(key_range_cut(&range, &span, false, &rest));
}

static void
a_page_that_was_full_says_how_long_the_next_range_is(void **state)
{
	PageSpan	span = {0};
	KeyRange	range = {.has_lower = true, .lower = 1};
	KeyRange	rest;

	page_span_learn_full(&span, 1, 800, 128);
	assert_true(key_range_cut_from(&range, 801, &span, false, &rest));
	check_range(&range, 1, 1500);
	assert_int_equal(rest.lower, 1501);

	range = (KeyRange) {.has_upper = true, .upper = 9000};
	page_span_learn_full(&span, 9000, 8201, 128);
	assert_true(key_range_cut_from(&range, 8200, &span, true, &rest));
	check_range(&range, 7501, 9000);
	assert_int_equal(rest.upper, 7500);
}

static void
ranges_grow_over_a_gap_and_shrink_where_items_are_large(void **state)
{
	PageSpan	span = {0};
	int			steps = 0;

	page_span_learn_full(&span, 1, 1000, 128);
	for (; span.keys < 1000000000; steps++)
		page_span_learn_partial(&span, 1, span.keys, 0);
	assert_true(steps >= 1 && steps <= 8);
	page_span_learn_full(&span, 1, 20, 128);
	assert_int_equal(span.keys, 20);
	/* Small items after large ones, by what they weigh. */
	for (steps = 0; span.keys < 900; steps++)
		page_span_learn_partial(&span, 1, span.keys, 128.0 * (double) span.keys / 1000);
	assert_true(steps >= 1 && steps <= 8);
	assert_true(span.keys >= 900 && span.keys <= 1001);
	/* The short rest of a range says nothing against it. */
	page_span_learn_partial(&span, 1, 3, 60);
	assert_true(span.keys >= 900 && span.keys <= 1001);
	/* A page that was nearly full does, however few its keys were for a range behind a gap. */
	page_span_learn_partial(&span, 1, 900, 0);
	assert_true(span.keys >= 10000 && span.keys <= 20000);
	page_span_learn_partial(&span, 1, 900, 112);
	assert_true(span.keys >= 900 && span.keys <= 1100);
	for (int i = 0; i < 100; i++)
		page_span_learn_partial(&span, INT64_MIN, INT64_MAX, 0);
	assert_true(span.keys > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_loses_no_key_and_repeats_none),
		cmocka_unit_test(an_open_range_stays_open_behind_the_cut),
		cmocka_unit_test(nothing_is_cut_where_one_part_would_be_empty),
		cmocka_unit_test(nothing_is_cut_before_a_page_was_seen),
		cmocka_unit_test(a_page_that_was_full_says_how_long_the_next_range_is),
		cmocka_unit_test(ranges_grow_over_a_gap_and_shrink_where_items_are_large),
	};

	return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
