/*
 * lane: the rows of a batch that belong to one aggregate, put one after the other in the order of their versions.
 */
#ifndef DYNAMODB_ES_LANE_H
#define DYNAMODB_ES_LANE_H

#include "dynamodb/call.h"
#include "store/append_row.h"
#include "store/burn.h"
#include "store/put.h"

typedef enum LaneState
{
	LANE_NEW,					/* every version can be told without a look at the store */
	LANE_NEEDS_LAST_VERSION,
	LANE_READING_LAST_VERSION,
	LANE_NEEDS_VERSION_BEFORE,	/* is there the version before that of the row `checked`? */
	LANE_READING_VERSION_BEFORE,
	LANE_NEEDS_IDS,				/* of its own: those of the batch are spent, too old or too low */
	LANE_TAKING_IDS,
	LANE_READY,					/* to put its next row, once that has an id */
	LANE_PUTTING,
	LANE_DONE,
	LANE_FAILED
} LaneState;

/* What all lanes of a batch have in common. */
typedef struct LaneContext
{
	Client	   *client;
	const StoreNames *names;
	const AppendSettings *settings;
	Usage	   *usage;
	size_t		nlanes;			/* of the batch */
	BurnList	burned;
	bool		ids_are_foreign;	/* the counter gives out ids that others' commits have: none may be noted as burned */
} LaneContext;

typedef struct Lane
{
	AppendRow **rows;			/* a part of the batch's array; in the order of versions once these are known */
	size_t		nrows;
	size_t		next;			/* the rows before it are settled */
	LaneState	state;
	size_t		checked;		/* the rows before it follow a version that exists, or nobody asks for that */
	size_t		with_ids;		/* the batch has given ids to the rows before it */
	bool		takes_ids;		/* the lane takes its ids itself from now on; the batch gives it none */
	int64_t		last_version;	/* the aggregate's last version as it was read; -1: not read, or there was none */
	int			lost_races;		/* how often others took the version of the next row */
	bool		is_put_again;	/* the next row was throttled to the end once, and has its second chance */
	int			attempts;		/* made for the next row under an id that grew too old; a fresh id goes on from there */
	int64_t		not_before;		/* the earliest time of the next attempt, http_now_ms; no fresh id is taken before */
	bool		is_asked_again; /* `call` was throttled to the end once, and has its second chance */
	Call	   *call;
	PutOperation *put;
	Failure		failure;		/* after LANE_FAILED, of the row `next` */
} Lane;

/*
 * Makes the lanes of a batch, in the order in which it first names their aggregates. `order` and `lanes` have room for as
 * many as there are rows; the lanes' own rows are parts of `order`. How many lanes there are.
 */
extern size_t lanes_make(Lane *lanes, AppendRow **order, AppendRow *rows, size_t nrows);

/* Sets the lane up for its rows, which stand in the order of the statement. */
extern void lane_init(Lane *lane, AppendRow **rows, size_t nrows);

/*
 * Fills in the versions that were left out, `last` being the aggregate's last one (-1: none), and brings the rows
 * into the order of versions. Needed before ids are given. Of two rows with one version the later one is skipped, or
 * fails the lane: false then. Where versions have to be contiguous, the lane may have to look for some, too, before it is READY.
 */
extern bool lane_resolve_versions(Lane *lane, const LaneContext *context, int64_t last);

/* Gives an id to its next row that is to be put and has none; there must be one. Later ids are higher ones. */
extern void lane_give_id(Lane *lane, int64_t id, int64_t deadline);

/* true when nothing can be sent before its next row is given an id. */
extern bool lane_awaits_id(const Lane *lane);

/* true when the next row that can be sent has an id. */
extern bool lane_holds_ids(const Lane *lane);

/* true while a request of the lane is on the way. */
extern bool lane_is_busy(const Lane *lane);

/* Goes on with what is on the way; and, with `may_send`, starts what comes next. */
extern void lane_step(Lane *lane, LaneContext *context, bool may_send);

/* Waits no longer for a version, or for ids; for a put it does. It is not to be started on anything then. */
extern void lane_give_up(Lane *lane);

/* Brings the rows that are settled, stored or skipped, before `next`, wherever they stand. */
extern void lane_pass_settled(Lane *lane);

/*
 * Is the item that has the row's version the row's own, by the token in that attribute: a repeated statement of the
 * same client? Then the row takes over its id and time. `item` may be NULL.
 */
extern bool lane_row_is_own(AppendRow *row, const char *token_attribute, const cJSON *item);

/* Counts the ids of the rows that are certainly not stored as burned, and takes them away. */
extern void lane_burn_unused(Lane *lane, BurnList *burned);
extern void lane_free(Lane *lane);

/*
 * For the files of lanes alone: it has failed, of the row `next`; a row is given an id; and what comes next, once it is known of
 * the rows before `checked` that they follow a version that exists.
 */
extern void lane_fail(Lane *lane, const Failure *failure);
extern void lane_fail_with(Lane *lane, FailureKind kind, const char *message);
extern void lane_row_give_id(AppendRow *row, int64_t id, int64_t deadline);
extern void lane_check_on(Lane *lane, const LaneContext *context);

#endif
