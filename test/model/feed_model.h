/*
 * feed_model: the states of the model, what leads from one to the next, and what must hold in each. See feed_model.c.
 */
#ifndef DYNAMODB_ES_FEED_MODEL_H
#define DYNAMODB_ES_FEED_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "search.h"

#define MOST_IDS 4
#define READERS 2
#define APPENDERS 2
#define WITNESSES 3
#define RANGE_END 2				/* the first of two ranges ends with it */

/* Ticks. STAMPED is the time-out for stamps: it exceeds TIMEOUT by what a clock may be wrong. */
#define TIMEOUT 2
#define SKEW 1
#define STAMPED (TIMEOUT + SKEW)
#define OLD (STAMPED + 2)

#define BIT(id) (1u << (id))
#define UPTO(id) (BIT((id) + 1) - 1)	/* ids up to that one */

typedef uint8_t Ids;			/* a set of ids */

typedef enum Mutant
{
	NONE, FIRST_GAP, STAMPS_WITH_TIMEOUT, ONE_LOOK, TO_ARRIVAL, NOTE_ONCE, NOT_JOINED, FILTERED, NO_ROW_LOCK, LATE_WITHOUT_ROW,
	FORGETFUL, ONE_WITNESS, FUTURE_COUNTS, EARLY_NOTE, POSITION_TO_SEEN, KEPT_AS_READ
} Mutant;

typedef struct World
{
	int			ids;
	int			readers;
	bool		stamps;			/* a feed table; otherwise a projection, with sightings and late looks */
	bool		ranges;
	bool		keeps;			/* what waits above a gap is kept from poll to poll */
	bool		slow;			/* clocks may be slow */
	bool		excused;		/* a gap that has less than three commits above it may go wrong by an odd clock, or stay for a stamp of the future */
	int			witnesses;		/* 0: WITNESSES */
	bool		calm;			/* no appender stops or is refused; one that never puts does what both would do */
	int			stale;			/* how many of these there may be */
	int			late;
	int			odd;
	int			future;
} World;

typedef enum Status
{
	FREE, HELD, STORED, VISIBLE, REFUSED, GONE	/* GONE: the appender stopped, or has written its note */
} Status;

typedef enum Phase
{
	IDLE, SENT, LOOKS, READY, CHECKED, FOUND_LATE
} Phase;

typedef struct Reader
{
	uint8_t		phase;
	uint8_t		start;			/* the position when the poll began */
	uint8_t		below;			/* ids below it may be given up */
	uint8_t		due;			/* as the rule would have `below` */
	uint8_t		next;
	uint8_t		looked_to;
	uint8_t		waits;			/* for that id; 0: for none */
	uint8_t		known[TIMEOUT + 1]; /* the highest id known to be given out for so many ticks */
	uint8_t		gap;			/* FIRST_GAP: what is waited for, up to where, for how long */
	uint8_t		gap_last;
	uint8_t		gap_age;
	uint8_t		parts;			/* of the answer, that were served: bits */
	Ids			kept;			/* from the poll before: not asked for again */
	Ids			wanted;			/* asked for in this poll */
	Ids			seen;
	Ids			aged;			/* stamped before the time-out, at the sending */
	Ids			old;
	Ids			asked;			/* NOTE_ONCE */
	Ids			noted;			/* notes that a poll that waits could not miss */
	Ids			delivers;
	Ids			passes;
} Reader;

/* Only bytes: it is compared as a whole. */
typedef struct State
{
	uint8_t		taken;			/* the counter */
	uint8_t		status[MOST_IDS + 1];
	uint8_t		age[MOST_IDS + 1];	/* since the id was taken */
	uint8_t		position;
	uint8_t		stale;			/* how many of these may still come */
	uint8_t		late_left;
	Ids			fresh_notes;	/* of this tick */
	Ids			notes;
	Ids			slow;
	Ids			odd;
	Ids			future;
	Ids			late;			/* came too late, or may */
	Ids			excused;
	Ids			delivered;
	Ids			passed;			/* rows */
	Ids			applied_late;	/* rows that are done */
	Reader		reader[READERS];
} State;

/* The check at hand. */
extern const World *world;
extern Mutant mutant;

/* What may be found. */
#define TWICE "a commit is delivered twice"
#define DISORDER "a commit is delivered after one with a higher id"
#define SKIPPED "an id below the position was neither delivered nor burned nor passed"
#define BURNED "an id is burned and its commit is stored"
#define LOST "a commit was passed that came in time"
#define STUCK "a gap is never passed, or a late commit never delivered"
#define SLOW "a gap is waited for although a higher id is known for the time-out"
#define UNREAD "a gap is waited for although there is a note"

static inline int
lowest(Ids ids)
{
	return __builtin_ctz(ids);
}

static inline int
highest(Ids ids)
{
	return ids == 0 ? 0 : 31 - __builtin_clz(ids);
}

static inline int
witnesses(void)
{
	return world->witnesses > 0 ? world->witnesses : WITNESSES;
}

static inline int
oldest_age(void)
{
	return world->stamps ? OLD : TIMEOUT;
}

/* The model's, see search.h. */
extern void all_steps(const void *state);
extern void check_state(const void *state);

/* Runs something whose findings do not count. */
extern void without_finding(void (*run) (State *state), State *state);

#endif
