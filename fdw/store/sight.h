/*
 * sight: the commits of one read along the index, in the order of their ids. Some may be looked at before they are taken; those
 * are kept as copies.
 */
#ifndef DYNAMODB_ES_SIGHT_H
#define DYNAMODB_ES_SIGHT_H

#include "store/kept.h"
#include "store/read.h"

/* At most so many are looked at ahead. */
#define SIGHT_MOST 256

typedef struct Sighted
{
	cJSON	   *item;			/* owned */
	int64_t		id;
	int64_t		stamp;			/* when it was appended, as far as it says so, ms since the epoch; INT64_MAX: it does not */
	int64_t		taken_at;		/* http_now_ms: its page had arrived by then */
	double		units;			/* what it costs to read it, about */
	int64_t		open;			/* of the gap below it, the ids before this one are burned */
	bool		is_open;		/* and no note begins with this one; otherwise that is not known yet */
} Sighted;

typedef struct Sight
{
	ReadOperation *read;		/* owned */
	Kept		kept;			/* of ids that are not read; owned */
	int64_t		kept_stamp;		/* what counts as theirs: they are no witnesses of a gap's age */
	const cJSON *peeked;		/* the read's next one, and its id; NULL: it was not looked at */
	int64_t		peeked_id;
	bool		read_ended;
	cJSON	   *taken;			/* the one that was taken last, where it was kept; owned */
	bool		ended;			/* there are no more */
	int64_t		highest;		/* id that was seen; it never goes down */
	Sighted		ahead[SIGHT_MOST];	/* from `first` on, in order */
	size_t		first;
	size_t		count;
} Sight;

/* What is to be fetched: what the caller wants, and what a sight needs itself. The array is to be freed; NULL: no memory. */
extern const char **sight_attributes(const char *const *wanted, size_t nwanted, size_t *count);

/* The commit id of an item; false: what stands there is none. */
extern bool sight_id_of(const cJSON *item, int64_t *id);

/*
 * The next commit, when none is ahead: *item is the sight's, or NULL where it has no id and is to be passed over. READ_ITEM
 * and so on as of read_next.
 */
extern ReadResult sight_take(Sight *sight, const cJSON **item, int64_t *id);

/* Puts the commit that was just taken back, as the first one ahead. false when memory ran out. */
extern bool sight_put_back(Sight *sight, const cJSON *item, int64_t id);

/*
 * Looks at one more commit ahead. READ_EMPTY_PAGE: call again. READ_FAILED with read_failure, or FAILURE_NONE in it when
 * memory ran out here.
 */
extern ReadResult sight_ahead(Sight *sight);

/* true when the next one, or that there is none, can be told without waiting. */
extern bool sight_is_ready(Sight *sight);

/* true when one more can be looked at, or it is seen that there is none, without any request. */
extern bool sight_is_clear(const Sight *sight);

/* The nth commit ahead, from 0. */
extern Sighted *sight_at(Sight *sight, size_t n);

/* Takes the first commit ahead: the item is the caller's. */
extern cJSON *sight_pop(Sight *sight);

/* What is left unread of the page at hand is only looked at for its ids. */
extern void sight_skim(Sight *sight);

/*
 * Gives all that is ahead, and at hand, to *to, as far as there is room and memory; nothing, where it is less than to->least_bytes.
 * The sight is of no more use then.
 */
extern void sight_keep(Sight *sight, Kept *to);
extern void sight_free(Sight *sight);

#endif
