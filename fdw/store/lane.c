/*
 * lane.c: what happens to the rows of one aggregate, one after the other?
 *
 * As a rule each is put under the id that the batch took for it. A lane takes ids of its own when the next version
 * was taken by somebody else, so that ids and versions still rise together, and when the batch's have grown too old
 * to be used. In which order the rows come is lane_rows.c's.
 */
#include "store/lane.h"

#include <string.h>

#include "dynamodb/json.h"
#include "dynamodb/request.h"
#include "store/counter.h"

/* Times that the next version is looked for anew. */
#define MAX_LOST_RACES 20

static void
lane_send(Lane *lane, const LaneContext *context, Operation operation, ByteBuffer *body, LaneState next)
{
	lane->call = call_start(context->client, operation, body, context->usage);
	buffer_free(body);
	if (lane->call == NULL)
		lane_fail_with(lane, FAILURE_MEMORY, "out of memory");
	else
		lane->state = next;
}

static void
ask_last_version(Lane *lane, const LaneContext *context)
{
	const Commit *commit = &lane->rows[0]->commit;
	AttributeValue aggregate_id = attribute_string(commit->aggregate_id, commit->aggregate_id_length);
	ByteBuffer	body = {0};

	request_last_by_key(&body, context->names->commit_table, NULL, COMMIT_AGGREGATE_ID, &aggregate_id, COMMIT_VERSION);
	lane_send(lane, context, OPERATION_QUERY, &body, LANE_READING_LAST_VERSION);
}

/* Commits are not deleted: what is there now will be there when the row is put. */
static void
ask_version_before(Lane *lane, const LaneContext *context)
{
	const Commit *commit = &lane->rows[lane->checked]->commit;
	char		digits[24];
	ItemKey		before = commit_key(commit, commit->version - 1, digits);
	ByteBuffer	body = {0};

	request_get(&body, context->names->commit_table, &before);
	lane_send(lane, context, OPERATION_GET_ITEM, &body, LANE_READING_VERSION_BEFORE);
}

/* How many ids a lane takes for itself: for the rows that are left, or the first of them. */
static size_t
own_ids(const Lane *lane, const LaneContext *context)
{
	size_t		left = 0;

	for (size_t i = lane->next; i < lane->nrows && left < context->settings->ids_at_once; i++)
		left += !lane->rows[i]->skipped;
	return left;
}

/* Fresh ids instead of what it may have. */
static void
take_own_ids(Lane *lane, LaneContext *context)
{
	ByteBuffer	body = {0};

	lane->takes_ids = true;
	lane_burn_unused(lane, &context->burned);
	counter_write_take(&body, context->names, (int64_t) own_ids(lane, context));
	lane_send(lane, context, OPERATION_UPDATE_ITEM, &body, LANE_TAKING_IDS);
}

static void
put_next(Lane *lane, LaneContext *context)
{
	AppendRow  *row = lane->rows[lane->next];

	if (http_now_ms() > row->id_deadline)	/* or it has none */
	{
		take_own_ids(lane, context);
		return;
	}
	lane->put = row->has_known_id ? put_look_start(context->client, context->names, &row->commit, context->usage)
		: put_start(context->client, context->names, &row->commit, row->id_deadline, lane->attempts, context->usage);
	if (lane->put == NULL)
	{
		lane_fail_with(lane, FAILURE_MEMORY, "out of memory");
		return;
	}
	row->fate = row->has_known_id ? APPEND_NOT_STORED : APPEND_UNKNOWN;
	lane->state = LANE_PUTTING;
}

static bool
is_number(const AttributeValue *value)
{
	return value->type == ATTRIBUTE_N && json_is_number(value->text, value->length);
}

static void
last_version_arrived(Lane *lane, const LaneContext *context)
{
	const cJSON *items = json_member(call_response(lane->call), "Items");
	AttributeValue version = attribute_get(items != NULL ? items->child : NULL, COMMIT_VERSION);
	int64_t		last = -1;

	if (!cJSON_IsArray(items) || (items->child != NULL && !is_number(&version)))
		lane_fail_with(lane, FAILURE_BAD_ANSWER, "the last version of the aggregate is not a number");
	else if (items->child != NULL && !attribute_to_int64(&version, &last))
		lane_fail_with(lane, FAILURE_UNREADABLE, version.text);
	else
		/* What others have stored below 0 comes before the first version. */
		lane_resolve_versions(lane, context, last < 0 ? -1 : last);
}

static void
version_before_arrived(Lane *lane, const LaneContext *context)
{
	if (cJSON_IsObject(json_member(call_response(lane->call), "Item")))
	{
		lane->checked++;
		lane_check_on(lane, context);
		return;
	}
	lane->next = lane->checked;
	lane_fail_with(lane, FAILURE_NOT_CONTIGUOUS, "");
}

static void
own_ids_arrived(Lane *lane, const LaneContext *context)
{
	int64_t		deadline = call_sent_at(lane->call) + context->settings->deadline_ms;
	int64_t		left = (int64_t) own_ids(lane, context);
	Failure		failure;
	int64_t		last;

	if (!counter_read_taken(call_response(lane->call), left, &last, &failure))
		lane_fail(lane, &failure);
	else
	{
		for (size_t i = lane->next; left > 0; i++)
			if (!lane->rows[i]->skipped)
				lane_row_give_id(lane->rows[i], last - --left, deadline);
		lane->state = LANE_READY;
		if (http_now_ms() > deadline)
			lane_fail_with(lane, FAILURE_UNREACHABLE, "the counter's answers come too late for its ids to be used");
	}
}

/*
 * What was throttled to the end, perhaps by others of the batch, which by then are few, is tried once more. *is_given is
 * set then.
 */
static bool
second_chance(const LaneContext *context, const Failure *failure, bool *is_given)
{
	if (failure->kind != FAILURE_THROTTLED || context->nlanes == 1 || *is_given)
		return false;
	*is_given = true;
	return true;
}

static void
call_failed(Lane *lane, const LaneContext *context)
{
	const Failure *failure = call_failure(lane->call);

	if (!second_chance(context, failure, &lane->is_asked_again))
	{
		lane_fail(lane, failure);
		return;
	}
	lane->state = lane->state == LANE_READING_LAST_VERSION ? LANE_NEEDS_LAST_VERSION
		: lane->state == LANE_READING_VERSION_BEFORE ? LANE_NEEDS_VERSION_BEFORE : LANE_NEEDS_IDS;
}

static void
call_ended(Lane *lane, const LaneContext *context, StepResult result)
{
	Call	   *call = lane->call;

	if (result == STEP_DONE)
		lane->is_asked_again = false;
	if (result == STEP_FAILED)
		call_failed(lane, context);
	else if (lane->state == LANE_READING_LAST_VERSION)
		last_version_arrived(lane, context);
	else if (lane->state == LANE_READING_VERSION_BEFORE)
		version_before_arrived(lane, context);
	else
		own_ids_arrived(lane, context);
	lane->call = NULL;
	call_free(call);
}

/* The next row is stored, or skipped. */
static void
row_settled(Lane *lane)
{
	lane->next++;
	lane->is_put_again = false;
	lane->attempts = 0;
	lane->lost_races = 0;
	lane->state = LANE_READY;
}

static void
row_stored(Lane *lane)
{
	lane->rows[lane->next]->fate = APPEND_STORED;
	row_settled(lane);
}

/* What has the version took its id after ours: the rows that are left have lower ids than that, and need higher ones, unless they bring theirs. */
static void
lane_follow(Lane *lane, const LaneContext *context, int64_t own_id, const cJSON *item)
{
	AttributeValue id = attribute_get(item, COMMIT_ID);
	int64_t		standing_id;

	if (context->settings->mode == APPEND_COUNTER && attribute_to_int64(&id, &standing_id) && standing_id > own_id
		&& lane->next < lane->nrows)
	{
		lane->takes_ids = true;
		lane->state = LANE_NEEDS_IDS;
	}
}

/*
 * The version is taken by a commit with the row's own id. If it has the row's token, it is the row's commit. Otherwise the counter
 * has gone back, and other ids that it gave out may belong to other commits, too.
 */
static void
id_given_twice(Lane *lane, LaneContext *context, const cJSON *item)
{
	AppendRow  *row = lane->rows[lane->next];
	char		digits[24];

	context->ids_are_foreign = true;
	row->fate = APPEND_NOT_STORED;
	if (lane_row_is_own(row, context->settings->token_attribute, item))
		row_stored(lane);
	else
		lane_fail_with(lane, FAILURE_ID_TWICE, attribute_int64(row->commit.commit_id, digits).text);
}

/* Another commit has the version. */
static void
version_taken(Lane *lane, LaneContext *context, const cJSON *item)
{
	AppendRow  *row = lane->rows[lane->next];
	int64_t		own_id = row->commit.commit_id;

	row->fate = APPEND_NOT_STORED;
	if (lane_row_is_own(row, context->settings->token_attribute, item))
	{
		burn_add(&context->burned, own_id);
		row_stored(lane);
		lane_follow(lane, context, own_id, item);
	}
	else if (row->next_version && lane->lost_races++ < MAX_LOST_RACES)
	{
		lane->attempts = 0;
		lane->takes_ids = true;
		lane_burn_unused(lane, &context->burned);
		lane->state = LANE_NEEDS_LAST_VERSION;
	}
	else if (row->next_version)
		lane_fail_with(lane, FAILURE_CONFLICT, "the next version was taken by others too often");
	else if (context->settings->skip_conflicts)
	{
		burn_add(&context->burned, own_id);
		row->skipped = true;
		row_settled(lane);
		lane_follow(lane, context, own_id, item);
	}
	else
		lane_fail_with(lane, FAILURE_CONDITION, "");
}

/* The next row is certainly not stored. true: it is to be put once more. */
static bool
put_again(Lane *lane, const LaneContext *context, const PutOperation *put)
{
	if (put_retry_at(put) != 0)
	{
		/* Nothing was in the way of another attempt but the age of its id. */
		lane->attempts = put_attempts(put);
		lane->not_before = put_retry_at(put);
		lane->takes_ids = true;
		lane->state = LANE_NEEDS_IDS;
		return true;
	}
	if (!second_chance(context, put_failure(put), &lane->is_put_again))
		return false;
	lane->attempts = 0;
	lane->state = LANE_READY;
	return true;
}

static void
put_ended(Lane *lane, LaneContext *context)
{
	PutOperation *put = lane->put;
	AppendRow  *row = lane->rows[lane->next];

	lane->put = NULL;
	switch (put_outcome(put))
	{
		case PUT_STORED:
			row_stored(lane);
			break;
		case PUT_TAKEN:
			version_taken(lane, context, put_standing_item(put));
			break;
		case PUT_ID_TWICE:
			id_given_twice(lane, context, put_standing_item(put));
			break;
		case PUT_REFUSED:
			row->fate = APPEND_NOT_STORED;
			if (!put_again(lane, context, put))
				lane_fail(lane, put_failure(put));
			break;
		case PUT_UNKNOWN:
			lane_fail(lane, put_failure(put));
			lane->failure.kind = FAILURE_UNKNOWN_FATE;
			break;
	}
	put_free(put);
}

/* Starts what comes next. false when there is nothing to start. */
static bool
lane_start_next(Lane *lane, LaneContext *context)
{
	while (lane->next < lane->nrows && lane->rows[lane->next]->skipped)
		lane->next++;
	if (lane->next == lane->nrows && (lane->state == LANE_READY || lane->state == LANE_NEEDS_IDS))
		lane->state = LANE_DONE;
	switch (lane->state)
	{
		case LANE_NEEDS_LAST_VERSION:
			ask_last_version(lane, context);
			return true;
		case LANE_NEEDS_VERSION_BEFORE:
			ask_version_before(lane, context);
			return true;
		case LANE_NEEDS_IDS:
			if (http_now_ms() < lane->not_before)
			{
				client_wake_at(context->client, lane->not_before);
				return false;
			}
			take_own_ids(lane, context);
			return true;
		case LANE_READY:
			/* The batch gives it; dense ones come with the commits. */
			if (lane_awaits_id(lane))
				return false;
			put_next(lane, context);
			return true;
		case LANE_NEW:
		case LANE_READING_LAST_VERSION:
		case LANE_READING_VERSION_BEFORE:
		case LANE_TAKING_IDS:
		case LANE_PUTTING:
		case LANE_DONE:
		case LANE_FAILED:
			break;
	}
	return false;
}

void
lane_step(Lane *lane, LaneContext *context, bool may_send)
{
	do
	{
		if (lane->call != NULL)
		{
			StepResult	result = call_step(lane->call);

			if (result == STEP_PENDING)
				return;
			call_ended(lane, context, result);
		}
		if (lane->put != NULL)
		{
			if (put_step(lane->put) == STEP_PENDING)
				return;
			put_ended(lane, context);
		}
	} while (may_send && lane_start_next(lane, context));
}

void
lane_give_up(Lane *lane)
{
	call_free(lane->call);
	lane->call = NULL;
}

void
lane_free(Lane *lane)
{
	call_free(lane->call);
	put_free(lane->put);
}
