/*
 * append.c: how does a commit get into the store, and what is known of it when something goes wrong on the way?
 *
 * Two requests, one after the other: the counter's ADD answers the id, then the item is put where no item has its key. An ADD that fails
 * leaves at worst unused ids.
 *
 * A put may be sent more than once, by the client's retries or by something on the way, so a failed condition can be the put's own success. Ids
 * are given out once, so the commit id of the item that is there decides: ours or another's. Where it cannot be learned, and where a put
 * that may have arrived got no answer, the fate is unknown, and is reported as that.
 */
#include "store/append.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dynamodb/attribute.h"
#include "dynamodb/json.h"

typedef enum AppendState
{
	APPEND_TAKING_ID,
	APPEND_PUTTING,
	APPEND_LOOKING,				/* at the item that the condition failed on */
	APPEND_FINISHED
} AppendState;

struct AppendOperation
{
	Client	   *client;
	StoreNames	names;			/* views, as the commit's texts */
	Commit		commit;
	Usage	   *usage;
	Call	   *call;			/* the request under way */
	AppendState state;
	StepResult	result;			/* once FINISHED */
	AppendFate	fate;
	Failure		failure;
};

static int64_t
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
append_fail(AppendOperation *append, const Failure *failure)
{
	append->failure = *failure;
	append->state = APPEND_FINISHED;
	append->result = STEP_FAILED;
}

static void
append_fail_memory(AppendOperation *append)
{
	Failure		failure;

	failure_set(&failure, FAILURE_MEMORY, NULL, "out of memory");
	append_fail(append, &failure);
}

/* Sends a request, and moves on to the state that waits for its answer. */
static void
append_send(AppendOperation *append, Operation operation, ByteBuffer *body, AppendState next)
{
	call_free(append->call);
	append->call = call_start(append->client, operation, body, append->usage);
	buffer_free(body);
	if (append->call == NULL)
		append_fail_memory(append);
	else
		append->state = next;
}

AppendOperation *
append_start(Client *client, const StoreNames *names, const Commit *commit, Usage *usage)
{
	AppendOperation	   *append = calloc(1, sizeof(AppendOperation));
	ByteBuffer		body = {0};

	if (append == NULL)
		return NULL;
	append->client = client;
	append->names = *names;
	append->commit = *commit;
	append->usage = usage;
	request_counter_add(&body, names->counter_table, names->counter, 1);
	append_send(append, OPERATION_UPDATE_ITEM, &body, APPEND_TAKING_ID);
	return append;
}

static void
put_commit(AppendOperation *append)
{
	Commit	   *commit = &append->commit;
	ByteBuffer		item = {0};
	ByteBuffer		body = {0};

	commit->appended_at = clock_ms();
	if (!commit->committed_at_given)
		commit->committed_at = commit->appended_at;
	commit_write_item(commit, &item);
	if (item.failed)
		body.failed = true;
	else
		request_put_new(&body, append->names.commit_table, item.data, COMMIT_AGGREGATE_ID);
	buffer_free(&item);
	append_send(append, OPERATION_PUT_ITEM, &body, APPEND_PUTTING);
	if (append->state == APPEND_PUTTING)
		append->fate = APPEND_UNKNOWN;
}

static void
id_arrived(AppendOperation *append)
{
	const cJSON *attributes = json_member(call_response(append->call), "Attributes");
	AttributeValue id = attribute_get(attributes, COUNTER_ID);

	if (!attribute_to_int64(&id, &append->commit.commit_id) || append->commit.commit_id < 1)
	{
		Failure		failure;

		failure_set(&failure, FAILURE_BAD_ANSWER, NULL, "the counter did not answer a commit id");
		append_fail(append, &failure);
		return;
	}
	put_commit(append);
}

static void
append_succeed(AppendOperation *append)
{
	append->fate = APPEND_STORED;
	append->state = APPEND_FINISHED;
	append->result = STEP_DONE;
}

static void
append_fate_unknown(AppendOperation *append, const Failure *failure)
{
	append->fate = APPEND_UNKNOWN;
	append_fail(append, failure);
	append->failure.kind = FAILURE_UNKNOWN_FATE;
}

/* The version is taken: by the commit itself, if the item there carries its id. false when the item does not tell. */
static bool
decide_by_item(AppendOperation *append, const cJSON *item)
{
	AttributeValue id = attribute_get(item, COMMIT_ID);
	int64_t		stored_id;
	Failure		failure;

	if (!cJSON_IsObject(item))
		return false;
	if (attribute_to_int64(&id, &stored_id) && stored_id == append->commit.commit_id)
	{
		append_succeed(append);
		return true;
	}
	append->fate = APPEND_NOT_STORED;
	failure_set(&failure, FAILURE_CONDITION, NULL, "%s", "");
	append_fail(append, &failure);
	return true;
}

static void
look_at_item(AppendOperation *append)
{
	char		digits[24];
	const Attribute key[2] = {
		{COMMIT_AGGREGATE_ID, attribute_string(append->commit.aggregate_id, append->commit.aggregate_id_length)},
		{COMMIT_VERSION, attribute_int64(append->commit.version, digits)},
	};
	ByteBuffer	body = {0};

	request_get(&body, append->names.commit_table, key);
	append_send(append, OPERATION_GET_ITEM, &body, APPEND_LOOKING);
}

static void
put_failed(AppendOperation *append)
{
	const Failure *failure = call_failure(append->call);

	if (failure->kind == FAILURE_CONDITION)
	{
		if (!decide_by_item(append, json_member(call_error(append->call), "Item")))
			look_at_item(append);
	}
	else if (call_may_have_happened(append->call))
		append_fate_unknown(append, failure);
	else
	{
		append->fate = APPEND_NOT_STORED;
		append_fail(append, failure);
	}
}

static void
looked(AppendOperation *append, StepResult result)
{
	Failure		failure;

	if (result == STEP_FAILED)
		append_fate_unknown(append, call_failure(append->call));
	else if (!decide_by_item(append, json_member(call_response(append->call), "Item")))
	{
		failure_set(&failure, FAILURE_UNKNOWN_FATE, NULL, "the version was taken, and is free again");
		append_fate_unknown(append, &failure);
	}
}

StepResult
append_step(AppendOperation *append)
{
	while (append->state != APPEND_FINISHED)
	{
		StepResult	result = call_step(append->call);

		if (result == STEP_PENDING)
			return STEP_PENDING;
		switch (append->state)
		{
			case APPEND_TAKING_ID:
				if (result == STEP_DONE)
					id_arrived(append);
				else
					append_fail(append, call_failure(append->call));
				break;
			case APPEND_PUTTING:
				if (result == STEP_DONE)
					append_succeed(append);
				else
					put_failed(append);
				break;
			case APPEND_LOOKING:
				looked(append, result);
				break;
			case APPEND_FINISHED:
				break;
		}
	}
	return append->result;
}

AppendFate
append_fate(const AppendOperation *append)
{
	return append->fate;
}

const Commit *
append_commit(const AppendOperation *append)
{
	return &append->commit;
}

const Failure *
append_failure(const AppendOperation *append)
{
	return &append->failure;
}

void
append_free(AppendOperation *append)
{
	if (append == NULL)
		return;
	call_free(append->call);
	free(append);
}
