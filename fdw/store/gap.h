/*
 * gap: what is known of the gaps in the ids of the commits ahead. The nth gap is that below the nth commit of a sight:
 * the ids from `first` on that are not visible.
 */
#ifndef DYNAMODB_ES_GAP_H
#define DYNAMODB_ES_GAP_H

#include "base/step.h"
#include "store/notes.h"
#include "store/sight.h"

/* Gaps below commits that are older than this are given up at one look, as a rule; in ms. */
#define GAP_OLD_MS INT64_C(3600000)

/* When may ids be given up? feed.h says why. Times are ms since the epoch. */
typedef struct GapRules
{
	int64_t		known_below;	/* ids below it may be given up; 0: none */
	int64_t		now;			/* later stamps are none */
	int64_t		stamped_before; /* no later than now; 0: stamps give up none */
	int64_t		old_before;		/* no later than stamped_before; 0: nothing is old */
	int64_t		listed_since;	/* no later than old_before: what is older is only counted, as nobody looks for it later */
	int64_t		dense_above;	/* ids above it are never given up; INT64_MAX: the store is not dense */
} GapRules;

typedef enum GapAge
{
	GAP_AGE_UNKNOWN,			/* more commits must be looked at ahead to tell */
	GAP_YOUNG,
	GAP_AGED,
	GAP_OLD,
	GAP_HISTORY					/* old, and not to be listed */
} GapAge;

/* The first id of the nth gap, where `next` is the first one that is not settled: the nth commit's own if there is no gap. */
extern int64_t gap_first(Sight *sight, size_t n, int64_t next);

/* Its age by the stamps of the commits above it. */
extern GapAge gap_age(Sight *sight, size_t n, const GapRules *rules);

/* The last of its ids, which are there from `first` on, that may be given up at two looks; below `first`: none. */
extern int64_t gap_give_up_to(Sight *sight, size_t n, int64_t first, const GapRules *rules);

/* Finds out what is burned: `open` and `is_open` of the commit above it. FAILED: notes_failure. */
extern StepResult gap_ask_notes(Sight *sight, size_t n, int64_t next, Notes *notes);

/* Asks for the first notes of all gaps ahead that are not old, together, as far as there is room. */
extern void gaps_ask_ahead(Sight *sight, int64_t next, const GapRules *rules, Notes *notes);

/* How many of the gaps, from the first one on, may be given up together; that one may. */
extern size_t gaps_to_give_up(Sight *sight, int64_t next, const GapRules *rules);

/* gap_ask_notes for the first `n` gaps, save the old ones. */
extern StepResult gaps_ask_notes(Sight *sight, size_t n, int64_t next, const GapRules *rules, Notes *notes);

/* true when a note that the first `n` gaps wait for has arrived. */
extern bool gaps_notes_have_arrived(Sight *sight, size_t n, int64_t next, Notes *notes);

#endif
