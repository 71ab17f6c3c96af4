/*
 * append_ids: the commit ids of a batch (append.h): asked for from the counter, some rows' at a time, or brought along.
 */
#ifndef DYNAMODB_ES_APPEND_IDS_H
#define DYNAMODB_ES_APPEND_IDS_H

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/call.h"
#include "store/lane.h"

typedef struct AppendIds
{
	LaneContext *context;
	AppendRow  *rows;
	size_t		nrows;
	Lane	  **places;			/* for each row of the statement, in its order: the lane that gets the id; NULL: no id is needed */
	size_t		begin;			/* places before it have their ids */
	size_t		end;			/* the ADD under way asks for the places from `begin` to here */
	int64_t		asked;			/* how many ids that ADD asks for */
	Call	   *counter;		/* the ADD under way */
} AppendIds;

/* *ids is all zeroes; context and rows outlive it. false when memory ran out. To be freed in either case. */
extern bool append_ids_init(AppendIds *ids, LaneContext *context, AppendRow *rows, size_t nrows);
extern void append_ids_free(AppendIds *ids);

/* Whether imported rows have an id each. false: `row` has that of another one (FAILURE_SAME_ID), or memory ran out. */
extern bool append_ids_differ(AppendRow *rows, size_t nrows, const AppendRow **row, Failure *failure);

/* The rows of these lanes are the ones that are put: those that are not skipped get ids, or have them. */
extern void append_ids_place(AppendIds *ids, Lane *lanes, size_t nlanes);

/* Are there rows that may need an id, and have not been given one? Is an ADD under way? */
extern bool append_ids_are_left(const AppendIds *ids);
extern bool append_ids_are_coming(const AppendIds *ids);

/* Sends the next ADD, when none is under way. false when memory ran out. */
extern bool append_ids_ask(AppendIds *ids);

/*
 * PENDING: no answer has come, or none is on its way. DONE: its ids are the lanes', and what nobody needs is burned: all of
 * them if they are not `wanted` any more. FAILED: there is none, by that failure.
 */
extern StepResult append_ids_step(AppendIds *ids, bool wanted, Failure *failure);

/* Does not wait for the ADD any longer. */
extern void append_ids_give_up(AppendIds *ids);

#endif
