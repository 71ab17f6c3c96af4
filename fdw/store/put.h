/*
 * put: one commit into the commits table, on condition that its version is free, and what became of it.
 *
 * A put may be carried out more than once, by the client's retries or by something on the way. So a failed condition can
 * mean that the put itself succeeded before: it did if the item that is there is exactly the one that was sent. Its commit id alone
 * does not tell: a counter that went back gives ids out twice, and that is an outcome of its own.
 * An imported commit is the same whenever it is put, so there a commit that was stored before counts as another one.
 * So the item decides after a put that may have arrived, and got no answer in all its attempts: it is looked for once. Where
 * there is no such item, the put may still arrive: the outcome is unknown and says so, as it does where the look fails.
 */
#ifndef DYNAMODB_ES_PUT_H
#define DYNAMODB_ES_PUT_H

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/call.h"
#include "store/commit.h"

typedef struct PutOperation PutOperation;

typedef enum PutOutcome
{
	PUT_STORED,					/* the commit is in the store */
	PUT_TAKEN,					/* another commit has its version; this one is not in the store, and never will be */
	PUT_ID_TWICE,				/* likewise, and that one has its commit id, too */
	PUT_REFUSED,				/* not in the store for another reason, which the failure tells */
	PUT_UNKNOWN					/* nothing settles it; the failure tells why */
} PutOutcome;

/*
 * *commit and *names are views and must outlive the operation, which fills in the commit's times as it sends it. No attempt is sent after `deadline` (http_now_ms);
 * `attempts` were made before, by another operation for the same row. NULL when memory ran out.
 */
extern PutOperation *put_start(Client *client, const StoreNames *names, Commit *commit, int64_t deadline,
							   int attempts, Usage *usage);

/*
 * Likewise, for a commit that must not be put, since another row has its commit id: is it there, so that it is the same row once more?
 * Then the outcome is PUT_TAKEN; otherwise PUT_REFUSED.
 */
extern PutOperation *put_look_start(Client *client, const StoreNames *names, Commit *commit, Usage *usage);

/* PENDING or DONE; the outcome tells the rest. */
extern StepResult put_step(PutOperation *put);
extern PutOutcome put_outcome(const PutOperation *put);

/* After PUT_TAKEN or PUT_ID_TWICE: the item that is there. Belongs to the operation. */
extern const cJSON *put_standing_item(const PutOperation *put);

/* After PUT_REFUSED or PUT_UNKNOWN. */
extern const Failure *put_failure(const PutOperation *put);

/*
 * After PUT_REFUSED: when it was due again (http_now_ms), were it not for its deadline (0: it was not), and how many
 * attempts it has had by then.
 */
extern int64_t put_retry_at(const PutOperation *put);
extern int	put_attempts(const PutOperation *put);
extern void put_free(PutOperation *put);

#endif
