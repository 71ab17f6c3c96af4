/*
 * head_check: is the counter of a store at a position, at least? If not, it is another store than that whose position
 * this is, or an older state of it.
 *
 * It is read eventually consistent, at half the cost. What looks as if it were behind is read again, strongly consistent.
 */
#ifndef DYNAMODB_ES_HEAD_CHECK_H
#define DYNAMODB_ES_HEAD_CHECK_H

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/call.h"
#include "store/commit.h"

/* To be filled in up to `usage`, zeroed behind it. */
typedef struct HeadCheck
{
	Client	   *client;
	const StoreNames *names;
	int64_t		position;
	Usage	   *usage;
	Call	   *call;
	bool		is_certain;		/* strongly consistent */
	Failure		failure;
} HeadCheck;

/* FAILED: failure; FAILURE_BEHIND, with the counter's value as its message, where it is below the position. */
extern StepResult head_check_step(HeadCheck *check);

/* true when head_check_step would not be PENDING. */
extern bool head_check_is_ready(const HeadCheck *check);
extern void head_check_free(HeadCheck *check);

#endif
