/*
 * tables.c: how are the two tables of a store made, dropped and looked at?
 *
 * Each task is a walk through the states of tables_request.h, one request in each; DynamoDB makes and drops tables in its own
 * time, so the waiting states ask again, ever more slowly, until the tables are as they should be.
 */
#include "store/tables.h"

#include <stdlib.h>

#include "store/tables_states.h"

TablesOperation *
tables_start(Client *client, const StoreNames *names, TablesTask task, Usage *usage)
{
	TablesOperation *operation = calloc(1, sizeof(TablesOperation));

	if (operation == NULL)
		return NULL;
	operation->client = client;
	operation->names = *names;
	operation->task = task;
	operation->usage = usage;
	walk_go(operation, task == TABLES_HEAD ? GET_COUNTER : DESCRIBE_COMMITS);
	operation->report.item_count = operation->report.table_bytes = operation->report.max_commit_id = -1;
	return operation;
}

TablesOperation *
tables_start_raise(Client *client, const StoreNames *names, int64_t head, Usage *usage)
{
	TablesOperation *operation = tables_start(client, names, TABLES_RAISE, usage);

	if (operation == NULL)
		return NULL;
	walk_go(operation, RAISE_COUNTER);
	operation->least_head = head;
	return operation;
}

/* false: it is not time yet. */
static bool
tables_send(TablesOperation *operation)
{
	ByteBuffer		body = {0};
	Operation	request;
	TablesAsked asked = {
		.names = &operation->names, .least_head = operation->least_head, .start_key = operation->start_key
	};

	if (http_now_ms() < operation->not_before)
	{
		client_wake_at(operation->client, operation->not_before);
		return false;
	}
	request = tables_request(operation->state, &asked, &body);
	operation->call = call_start(operation->client, request, &body, operation->usage);
	buffer_free(&body);
	if (operation->call == NULL)
		walk_fail(operation, FAILURE_MEMORY, "out of memory");
	return true;
}

static void
tables_ended(TablesOperation *operation, Call *call, StepResult result)
{
	const Failure *failure = call_failure(call);

	if (result == STEP_DONE && !tables_answer_is_complete(operation->state, call_response(call)))
		walk_fail_bad_answer(operation);
	else if (!tables_state_ended(operation, result == STEP_DONE ? call_response(call) : NULL, failure->kind))
		walk_fail_as(operation, failure);
}

StepResult
tables_step(TablesOperation *operation)
{
	while (operation->state != FINISHED)
	{
		Call	   *call = operation->call;
		StepResult	result;

		if (call == NULL)
		{
			if (!tables_send(operation))
				return STEP_PENDING;
			continue;
		}
		result = call_step(call);
		if (result == STEP_PENDING)
			return STEP_PENDING;
		operation->call = NULL;
		tables_ended(operation, call, result);
		call_free(call);
	}
	return operation->result;
}

const char *
tables_awaited(const TablesOperation *operation)
{
	switch (operation->state)
	{
		case AWAIT_COMMITS:
		case AWAIT_COUNTERS:
		case AWAIT_COMMITS_GONE:
		case AWAIT_COUNTERS_GONE:
			return operation->awaited;
		case DESCRIBE_COMMITS:
		case DESCRIBE_COUNTERS:
		case CREATE_COMMITS:
		case CREATE_COUNTERS:
		case FIND_LAST_COMMIT:
		case GET_COUNTER:
		case PUT_COUNTER:
		case RAISE_COUNTER:
		case REVIVE_COUNTER:
		case LIST_COUNTERS:
		case LIST_COUNTERS_AGAIN:
		case DELETE_COMMITS:
		case RETIRE_COUNTER:
		case DELETE_COUNTERS:
		case FINISHED:
			break;
	}
	return "";
}

const TablesReport *
tables_report(const TablesOperation *operation)
{
	return &operation->report;
}

const Failure *
tables_failure(const TablesOperation *operation)
{
	return &operation->failure;
}

void
tables_free(TablesOperation *operation)
{
	if (operation == NULL)
		return;
	call_free(operation->call);
	cJSON_Delete(operation->start_key);
	paging_free(&operation->trail);
	free(operation);
}
