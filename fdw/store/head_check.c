/*
 * head_check.c: is the counter behind? See head_check.h.
 */
#include "store/head_check.h"

#include <inttypes.h>

#include "dynamodb/json.h"
#include "store/counter.h"

static bool
ask(HeadCheck *check)
{
	ByteBuffer	body = {0};

	if (check->is_certain)
		counter_write_get(&body, check->names);
	else
		counter_write_glance(&body, check->names);
	check->call = call_start(check->client, OPERATION_GET_ITEM, &body, check->usage);
	buffer_free(&body);
	return check->call != NULL;
}

/* PENDING also where it has yet to be asked for with certainty. */
static StepResult
judge(HeadCheck *check, const cJSON *response)
{
	int64_t		head = 0;

	(void) counter_read_head(json_member(response, "Item"), &head);
	head_check_free(check);
	if (head >= check->position)
		return STEP_DONE;
	if (check->is_certain)
	{
		failure_set(&check->failure, FAILURE_BEHIND, NULL, "%" PRId64, head);
		return STEP_FAILED;
	}
	check->is_certain = true;
	return STEP_PENDING;
}

StepResult
head_check_step(HeadCheck *check)
{
	StepResult	result;

	do
	{
		if (check->call == NULL && !ask(check))
		{
			failure_set(&check->failure, FAILURE_MEMORY, NULL, "out of memory");
			return STEP_FAILED;
		}
		result = call_step(check->call);
		if (result == STEP_FAILED)
			check->failure = *call_failure(check->call);
		if (result == STEP_DONE)
			result = judge(check, call_response(check->call));
	} while (result == STEP_PENDING && check->call == NULL);
	return result;
}

bool
head_check_is_ready(const HeadCheck *check)
{
	return check->call == NULL || call_has_arrived(check->call);
}

void
head_check_free(HeadCheck *check)
{
	call_free(check->call);
	check->call = NULL;
}
