/*
 * range.c: where is a range cut? See range.h.
 *
 * A range that turns out a little too large for a page costs a second request in a row; one that is a little too small
 * costs nothing but its share of a request. So ranges stay below what a page is thought to hold.
 */
#include "store/range.h"

/* The share of a page that a range is cut for. */
#define SHARE_OF_PAGE(keys) ((keys) - (keys) / 8)

/* A range grows by this factor at most where it was not filled, and by that one where there was next to nothing in it. */
#define GROWTH 4
#define GROWTH_IN_GAP 16
#define LARGEST_SPAN (INT64_MAX / GROWTH_IN_GAP)

bool
key_range_is_possible(const KeyRange *range)
{
	return !(range->has_lower && range->has_upper && range->lower > range->upper);
}

/* Keys from one to the other, both included, whichever is the larger; not more than LARGEST_SPAN. */
static int64_t
keys_between(int64_t a, int64_t b)
{
	uint64_t	distance = a < b ? (uint64_t) b - (uint64_t) a : (uint64_t) a - (uint64_t) b;

	return distance >= (uint64_t) LARGEST_SPAN ? LARGEST_SPAN : (int64_t) distance + 1;
}

int64_t
key_advance(int64_t key, int64_t keys, bool backward)
{
	if (backward)
		return key < INT64_MIN + keys ? INT64_MIN : key - keys;
	return key > INT64_MAX - keys ? INT64_MAX : key + keys;
}

void
page_span_learn_full(PageSpan *span, int64_t first, int64_t last, double load)
{
	span->keys = keys_between(first, last);
	if (load > 0)
		span->full_load = load;
}

void
page_span_learn_partial(PageSpan *span, int64_t first, int64_t last, double load)
{
	int64_t		keys = keys_between(first, last);
	bool		is_gap = load * GROWTH_IN_GAP < span->full_load;
	int64_t		most = keys * (is_gap ? GROWTH_IN_GAP : GROWTH);
	double		estimate = load > 0 ? (double) keys / load * span->full_load : (double) LARGEST_SPAN;

	if (span->keys == 0 || span->full_load <= 0)
		return;
	if (estimate < (double) most)
		most = (int64_t) estimate;
	/* What is left of a range behind a full page is too little to tell that pages hold less than they did. */
	if (most > span->keys || keys >= span->keys / 2 || load >= span->full_load / 2)
		span->keys = most < 1 ? 1 : most > LARGEST_SPAN ? LARGEST_SPAN : most;
}

bool
key_range_split(KeyRange *range, int64_t at, bool backward, KeyRange *rest)
{
	bool		before = range->has_lower && at < range->lower;
	bool		after = range->has_upper && at > range->upper;
	bool		at_end = backward ? at == (range->has_lower ? range->lower : INT64_MIN)
		: at == (range->has_upper ? range->upper : INT64_MAX);

	if (before || after || at_end)
		return false;
	*rest = *range;
	if (backward)
	{
		range->has_lower = rest->has_upper = true;
		range->lower = at;
		rest->upper = at - 1;
		rest->upper_is_cut = true;
	}
	else
	{
		range->has_upper = rest->has_lower = true;
		range->upper = at;
		range->upper_is_cut = true;
		rest->lower = at + 1;
	}
	return true;
}

bool
key_range_cut(KeyRange *range, const PageSpan *span, bool backward, KeyRange *rest)
{
	return key_range_cut_from(range, backward ? range->upper : range->lower, span, backward, rest);
}

bool
key_range_cut_from(KeyRange *range, int64_t next, const PageSpan *span, bool backward, KeyRange *rest)
{
	bool		ends = backward ? range->has_lower : range->has_upper;

	if (span->keys == 0 || (ends && keys_between(next, backward ? range->lower : range->upper) <= span->keys))
		return false;
	return key_range_split(range, key_advance(next, SHARE_OF_PAGE(span->keys) - 1, backward), backward, rest);
}
