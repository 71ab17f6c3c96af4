/*
 * call_attempt: what follows from an attempt that has ended. call.c's own; and what a Call consists of.
 */
#ifndef DYNAMODB_ES_CALL_ATTEMPT_H
#define DYNAMODB_ES_CALL_ATTEMPT_H

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/call_context.h"
#include "dynamodb/call_settings.h"
#include "dynamodb/client.h"
#include "dynamodb/intake.h"

struct Call
{
	Client	   *client;
	CallContext *context;		/* the client's */
	Operation	operation;
	ByteBuffer	body;
	CallSettings settings;
	int64_t		stamp_ms;		/* the time that the body names, where it has a writer */
	HttpTransfer *transfer;		/* the attempt under way; NULL between two */
	int			attempts;
	int			retry_cost;		/* of the last retry; 0: there was none */
	int64_t		sent_at;		/* the last attempt, http_now_ms */
	int64_t		signed_offset_ms;	/* the clock's offset that it was signed with */
	int64_t		signed_ms;		/* when it was, by this machine's clock */
	bool		was_late;		/* it went out so long after that its signature may have expired */
	bool		clock_retried;	/* an attempt beyond max_attempts was made because the clock was wrong */
	int64_t		not_before;		/* the next one */
	int64_t		rest_not_before;	/* see call_rest_not_before */
	bool		was_throttled;	/* by the last answer, in whole or in part */
	int64_t		deadline;		/* no attempt after that; 0: none */
	int64_t		retry_at;		/* the next one, where that was too late; 0: there was to be none */
	CredentialsTicket ticket;	/* see provider_ask */
	uint64_t	generation;		/* of the credentials of the last attempt */
	bool		renewed;		/* it was sent once more with fresh credentials */
	Usage	   *usage;
	bool		is_awaited;		/* counted among those that are not done */
	StepResult	state;
	Intake		intake;			/* of the attempt's answer, which stays in there */
	bool		may_have_happened;
	Failure		failure;
};

/* How many attempts count against max_attempts, with those of earlier calls. */
extern int	call_attempts_counted(const Call *call);

/* What its client's requests of that kind have cost; NULL: nobody counts. */
extern Usage *call_total(const Call *call);

/* How many requests of its kind the client has under way, and should have. */
extern Window *call_window(const Call *call);

/*
 * The transfer has ended, and its answer was read: counts it, frees it, and decides whether it is sent again. `state` is
 * PENDING then, and `not_before` set.
 */
extern void call_attempt_ended(Call *call);

#endif
