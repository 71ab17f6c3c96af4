/*
 * range: how a long stretch of sort keys is cut into ranges of about one page each, to be read side by side.
 *
 * Keys are commit ids or versions, nearly without gaps. Each page that is read shows how many keys a page spans. So gaps and
 * items of uneven size cost little: behind a gap ranges grow, and they shrink where a page does not hold its range. Cutting
 * never changes which items are read: the parts of a range cover exactly its keys, also keys between two integers, which
 * other programs may have stored.
 */
#ifndef DYNAMODB_ES_RANGE_H
#define DYNAMODB_ES_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* Inclusive bounds on a sort key. */
typedef struct KeyRange
{
	bool		has_lower;
	bool		has_upper;
	int64_t		lower;
	int64_t		upper;
	bool		upper_is_cut;	/* another range begins with the integer after `upper`: what lies between belongs to this one */
} KeyRange;

/* What is known of the pages of one read; zeroed: nothing. */
typedef struct PageSpan
{
	int64_t		keys;			/* that a full page spans; 0: not known */
	double		full_load;		/* of a full page: capacity units, or where these are unknown items */
} PageSpan;

/* false when no key can lie in the range, so that there is nothing to ask for. */
extern bool key_range_is_possible(const KeyRange *range);

/*
 * A page spans the keys from `first` to `last`, whichever is the larger: a full one, after which the range goes on, or
 * one that had room for the rest of its range. `load` as in PageSpan.
 */
extern void page_span_learn_full(PageSpan *span, int64_t first, int64_t last, double load);
extern void page_span_learn_partial(PageSpan *span, int64_t first, int64_t last, double load);

/*
 * Cuts *range behind `at`, in the direction of reading: it then ends with that key, and *rest holds the others. false,
 * and nothing changed, when one of the two would be empty.
 */
extern bool key_range_split(KeyRange *range, int64_t at, bool backward, KeyRange *rest);

/*
 * Likewise, at as many keys as a page holds for sure: from the beginning of a range that has both bounds, or from
 * `next`, the first key that has not been read. false, and nothing changed, also when what is left fits into a page
 * anyway, or when it is not known what that holds.
 */
extern bool key_range_cut(KeyRange *range, const PageSpan *span, bool backward, KeyRange *rest);
extern bool key_range_cut_from(KeyRange *range, int64_t next, const PageSpan *span, bool backward, KeyRange *rest);

/* The key so many further on in the direction of reading, or the last one there is. */
extern int64_t key_advance(int64_t key, int64_t keys, bool backward);

#endif
