/*
 * put.c: is the commit in the store?
 *
 * The put itself, and a strongly consistent look at the item that is there: where the condition failed without DynamoDB
 * showing it, and where every attempt is over and one of them may have arrived.
 */
#include "store/put.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb/json.h"
#include "dynamodb/request.h"

/* How long a put whose own answers are lost waits for the look, ms: the endpoint may well have fallen silent. */
#define LOOK_PATIENCE_MS 3000

struct PutOperation
{
	Client	   *client;
	const StoreNames *names;
	Commit	   *commit;
	Usage	   *usage;
	Call	   *put;			/* NULL: the commit must not be put */
	Call	   *look;			/* NULL unless the put's own answer leaves it open whose item is there */
	bool		in_doubt;		/* the look is the last resort: an item decides, nothing else does */
	int64_t		look_until;		/* http_now_ms, then: its answer is not waited for any longer */
	const cJSON *standing_item; /* in the answer of one of the two */
	StepResult	state;
	PutOutcome	outcome;
	Failure		failure;
};

static void
put_end(PutOperation *put, PutOutcome outcome, const Failure *failure)
{
	put->state = STEP_DONE;
	put->outcome = outcome;
	if (failure != NULL)
		put->failure = *failure;
}

static void
put_end_without_memory(PutOperation *put, PutOutcome outcome)
{
	put_end(put, outcome, NULL);
	failure_set(&put->failure, FAILURE_MEMORY, NULL, "out of memory");
}

/* A CallWriter. */
static void
put_write(void *arg, int64_t now, ByteBuffer *body)
{
	PutOperation *put = arg;
	ByteBuffer	item = {0};

	commit_stamp(put->commit, now);
	commit_write_item(put->commit, &item);
	if (item.failed)
		body->failed = true;
	else
		request_put_new(body, put->names->commit_table, item.data, COMMIT_AGGREGATE_ID);
	buffer_free(&item);
}

static PutOperation *
put_new(Client *client, const StoreNames *names, Commit *commit, Usage *usage)
{
	PutOperation *put = calloc(1, sizeof(PutOperation));

	if (put == NULL)
		return NULL;
	put->client = client;
	put->names = names;
	put->commit = commit;
	put->usage = usage;
	put->state = STEP_PENDING;
	return put;
}

PutOperation *
put_start(Client *client, const StoreNames *names, Commit *commit, int64_t deadline, int attempts, Usage *usage)
{
	PutOperation *put = put_new(client, names, commit, usage);
	const CallSettings settings = {.writer = put_write, .writer_arg = put, .deadline = deadline, .attempts = attempts};

	if (put == NULL)
		return NULL;
	put->put = call_start_with(client, OPERATION_PUT_ITEM, NULL, &settings, usage);
	if (put->put == NULL)
		put_end_without_memory(put, PUT_REFUSED);
	return put;
}

/*
 * Is the item the commit's own? An imported commit is the same in each import of it. So there the item proves nothing, unless an
 * attempt of this put may have stored it.
 */
static bool
is_own(const PutOperation *put, const cJSON *item)
{
	bool		may_be_stored = put->put != NULL && (!put->commit->is_imported || call_may_have_happened(put->put));

	return may_be_stored && commit_is_item(put->commit, item);
}

/* The version is taken: by the commit itself, if the item there is what was sent. false when there is no item to tell. */
static bool
decide_by_item(PutOperation *put, const cJSON *item)
{
	AttributeValue id = attribute_get(item, COMMIT_ID);
	int64_t		stored_id;

	if (!cJSON_IsObject(item))
		return false;
	put->standing_item = item;
	if (is_own(put, item))
		put_end(put, PUT_STORED, NULL);
	else if (!put->commit->is_imported && attribute_to_int64(&id, &stored_id) && stored_id == put->commit->commit_id)
		put_end(put, PUT_ID_TWICE, NULL);
	else
		put_end(put, PUT_TAKEN, NULL);
	return true;
}

static void
look_at_item(PutOperation *put)
{
	char		digits[24];
	ItemKey		key = commit_key(put->commit, put->commit->version, digits);
	ByteBuffer	body = {0};

	request_get(&body, put->names->commit_table, &key);
	put->look = call_start(put->client, OPERATION_GET_ITEM, &body, put->usage);
	buffer_free(&body);
	if (put->look == NULL && !put->in_doubt)
		put_end_without_memory(put, put->put != NULL ? PUT_UNKNOWN : PUT_REFUSED);
	else if (put->look == NULL)
		put_end(put, PUT_UNKNOWN, call_failure(put->put));
}

PutOperation *
put_look_start(Client *client, const StoreNames *names, Commit *commit, Usage *usage)
{
	PutOperation *put = put_new(client, names, commit, usage);

	if (put != NULL)
		look_at_item(put);
	return put;
}

/* An attempt may have been carried out, whose answer is lost: what is there now tells, unless it is nothing. */
static void
look_in_doubt(PutOperation *put)
{
	put->in_doubt = true;
	put->look_until = http_now_ms() + LOOK_PATIENCE_MS;
	look_at_item(put);
}

static void
put_failed(PutOperation *put)
{
	const Failure *failure = call_failure(put->put);

	if (failure->kind == FAILURE_CONDITION)
	{
		if (!decide_by_item(put, json_member(call_error(put->put), "Item")))
			look_at_item(put);
	}
	else if (call_may_have_happened(put->put))
		look_in_doubt(put);
	else
		put_end(put, PUT_REFUSED, failure);
}

static void
refuse_known_id(PutOperation *put)
{
	put_end(put, PUT_REFUSED, NULL);
	failure_set(&put->failure, FAILURE_SAME_ID, NULL, "%" PRId64, put->commit->commit_id);
}

static void
looked(PutOperation *put, StepResult result)
{
	Failure		failure;

	if (result == STEP_DONE && decide_by_item(put, json_member(call_response(put->look), "Item")))
		return;
	if (put->put == NULL && result == STEP_FAILED)
		put_end(put, PUT_REFUSED, call_failure(put->look));
	else if (put->put == NULL)
		refuse_known_id(put);
	else if (put->in_doubt)
		/* Nothing there decides nothing: the put may still arrive. */
		put_end(put, PUT_UNKNOWN, call_failure(put->put));
	else if (result == STEP_FAILED)
		put_end(put, PUT_UNKNOWN, call_failure(put->look));
	else
	{
		failure_set(&failure, FAILURE_UNKNOWN_FATE, NULL, "the version was taken, and is free again");
		put_end(put, PUT_UNKNOWN, &failure);
	}
}

/* true when the look is not waited for any longer. */
static bool
look_is_given_up(const PutOperation *put)
{
	if (!put->in_doubt || http_now_ms() >= put->look_until)
		return put->in_doubt;
	client_wake_at(put->client, put->look_until);
	return false;
}

StepResult
put_step(PutOperation *put)
{
	while (put->state == STEP_PENDING)
	{
		Call	   *call = put->look != NULL ? put->look : put->put;
		StepResult	result = call_step(call);

		if (result == STEP_PENDING && look_is_given_up(put))
			result = STEP_FAILED;
		if (result == STEP_PENDING)
			break;
		if (call == put->look)
			looked(put, result);
		else if (result == STEP_DONE)
			put_end(put, PUT_STORED, NULL);
		else
			put_failed(put);
	}
	return put->state;
}

PutOutcome
put_outcome(const PutOperation *put)
{
	return put->outcome;
}

const cJSON *
put_standing_item(const PutOperation *put)
{
	return put->standing_item;
}

const Failure *
put_failure(const PutOperation *put)
{
	return &put->failure;
}

int64_t
put_retry_at(const PutOperation *put)
{
	return put->put != NULL ? call_retry_at(put->put) : 0;
}

int
put_attempts(const PutOperation *put)
{
	return call_attempts(put->put);
}

void
put_free(PutOperation *put)
{
	if (put == NULL)
		return;
	call_free(put->put);
	call_free(put->look);
	free(put);
}
