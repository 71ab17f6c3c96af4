/*
 * kept: commits above a gap that wait for it, kept from one feed to the next.
 *
 * A feed that ends at a gap has read the commits above it, and the next feed would read them again, poll after poll. Where
 * they are many they are kept instead, and the next feed asks only for the ids that are missing, and for those above the
 * highest one. Kept commits are no proof that an id between them is missing: their pages are older than that feed. So no
 * gap between them is given up unless its ids were asked for anew.
 */
#ifndef DYNAMODB_ES_KEPT_H
#define DYNAMODB_ES_KEPT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/range.h"

/* So many gaps are asked for at once. */
#define KEPT_MOST_RANGES 64

typedef struct KeptCommit
{
	cJSON	   *item;			/* owned */
	int64_t		id;
} KeptCommit;

/* The limits are set by whoever has it, the rest is zeroes at first. */
typedef struct Kept
{
	size_t		least_bytes;	/* of memory; less than that is read again */
	size_t		most_bytes;		/* and no more is kept */
	int64_t		after;			/* the position that they follow */
	KeptCommit *commits;		/* owned; from `first` on, by id */
	size_t		first;
	size_t		count;
	size_t		room;
	size_t		bytes;
} Kept;

/*
 * Adds a commit with a higher id than all others, and takes the item over. false: there is no room for it, or no memory,
 * and it has been freed.
 */
extern bool kept_add(Kept *kept, cJSON *item, int64_t id);

/* The first one, or the last. There must be any. */
extern int64_t kept_lowest(const Kept *kept);
extern int64_t kept_highest(const Kept *kept);

/* Takes the first commit out: the item is the caller's. */
extern cJSON *kept_take(Kept *kept);

/* Leaves only the limits. */
extern void kept_clear(Kept *kept);

/* Gives all to *to, whose own are freed; the limits go along. */
extern void kept_move(Kept *kept, Kept *to);

/*
 * What is to be asked for beside them: the ids from `after` on up to the first; gaps from there on that begin below
 * *known_below, which is lowered where there are too many of these; and what is above the highest, unless as much is kept as
 * may be. Returns how many ranges these are.
 */
extern size_t kept_ranges(const Kept *kept, int64_t after, int64_t *known_below, KeyRange ranges[KEPT_MOST_RANGES]);

#endif
