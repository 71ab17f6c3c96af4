/*
 * looks: second looks at ids that a first read has not found. All that are due at a time are sent together, as far as
 * LOOKS_AT_ONCE goes, and taken one after the other.
 */
#ifndef DYNAMODB_ES_LOOKS_H
#define DYNAMODB_ES_LOOKS_H

#include "store/gap.h"

#define LOOKS_AT_ONCE 16

/* Where it is read, and how; what these point at must outlive the looks. */
typedef struct LooksSource
{
	Client	   *client;
	const StoreNames *names;
	const ReadSpec *spec;		/* of reads of one range, which is filled in */
	Usage	   *usage;
} LooksSource;

typedef struct Looks
{
	KeyRange	ranges[SIGHT_MOST]; /* ascending: from `first` on, so many */
	size_t		first;
	size_t		count;
	ReadOperation *reads[LOOKS_AT_ONCE];	/* owned; of range n at n modulo LOOKS_AT_ONCE */
	size_t		sent;			/* of the ranges, from `first` on */
	const cJSON *found;			/* of the first range, and not taken yet; NULL: none */
	int64_t		found_id;
	Failure		failure;
} Looks;

/*
 * Looks at what is open of the first `n` gaps ahead, where notes were asked for: none may be left of before. Two gaps are
 * looked at in one request where the commits between them cost less than a request of its own does.
 */
extern void looks_choose(Looks *looks, Sight *sight, size_t n, int64_t next, const GapRules *rules);

/* The range that is to be looked at first; NULL: there is none. */
extern const KeyRange *looks_range(const Looks *looks);

/*
 * The next commit in it, found and found_id, which stays there until looks_take. READ_END: it has no more; the range is
 * to be dropped then. READ_FAILED: failure.
 */
extern ReadResult looks_peek(Looks *looks, const LooksSource *source);
extern void looks_take(Looks *looks);
extern void looks_drop(Looks *looks);

/* true when looks_peek would not be PENDING. */
extern bool looks_is_ready(const Looks *looks);
extern void looks_free(Looks *looks);

#endif
