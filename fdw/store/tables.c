/*
 * tables.c: how are the two tables of a store made, dropped and looked at?
 *
 * Each task is a walk through the states below, one request in each; DynamoDB makes and drops tables in its own time,
 * so the two waiting states ask again, ever more slowly, until the tables are as they should be.
 */
#include "store/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb/attribute.h"
#include "dynamodb/call.h"
#include "dynamodb/json.h"
#include "dynamodb/paging.h"
#include "dynamodb/request.h"

#define FIRST_POLL_MS 50
#define SLOWEST_POLL_MS 2000

typedef enum TablesState
{
	DESCRIBE_COMMITS,
	DESCRIBE_COUNTERS,
	CREATE_COMMITS,
	CREATE_COUNTERS,
	AWAIT_COMMITS,				/* until ACTIVE, or gone */
	AWAIT_COUNTERS,
	GET_COUNTER,
	FIND_LAST_COMMIT,
	PUT_COUNTER,
	LIST_COUNTERS,
	DELETE_COMMITS,
	DELETE_COUNTERS,
	FINISHED
} TablesState;

struct TablesOperation
{
	Client	   *client;
	StoreNames	names;			/* views */
	TablesTask	task;
	Usage	   *usage;
	TablesState state;
	Call	   *call;			/* the state's request; NULL while it is still to be sent */
	int64_t		not_before;		/* http_now_ms before which it is not sent */
	int64_t		poll_ms;		/* how long the next wait is */
	cJSON	   *start_key;		/* LIST_COUNTERS: where the next page begins */
	PagingTrail trail;			/* where those before did */
	bool		has_commit_table;	/* as found at first */
	bool		has_counter_table;
	bool		keys_fit;
	bool		counter_found;
	int64_t		last_commit_id; /* 0: no commit */
	TablesReport report;
	StepResult	result;			/* once FINISHED */
	Failure		failure;
};

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
	operation->state = task == TABLES_HEAD ? GET_COUNTER : DESCRIBE_COMMITS;
	operation->poll_ms = FIRST_POLL_MS;
	operation->report.item_count = operation->report.table_bytes = -1;
	return operation;
}

static void
tables_done(TablesOperation *operation)
{
	operation->state = FINISHED;
	operation->result = STEP_DONE;
}

static void
tables_fail(TablesOperation *operation, const Failure *failure)
{
	operation->failure = *failure;
	operation->state = FINISHED;
	operation->result = STEP_FAILED;
}

#define TABLES_FAIL(operation, kind, ...) \
	do { \
		Failure		failure_; \
		failure_set(&failure_, kind, NULL, __VA_ARGS__); \
		tables_fail(operation, &failure_); \
	} while (0)

static void
tables_fail_bad_answer(TablesOperation *operation)
{
	TABLES_FAIL(operation, FAILURE_BAD_ANSWER, "an answer about the tables is not one of DynamoDB's");
}

/* Enters a state; its request goes out at once. */
static void
tables_go(TablesOperation *operation, TablesState state)
{
	operation->state = state;
	operation->not_before = 0;
	operation->poll_ms = FIRST_POLL_MS;
}

/* Stays in the state; its request goes out again after a while. */
static void
tables_again_later(TablesOperation *operation)
{
	operation->not_before = http_now_ms() + operation->poll_ms;
	operation->poll_ms = operation->poll_ms * 2 < SLOWEST_POLL_MS ? operation->poll_ms * 2 : SLOWEST_POLL_MS;
}

static void
request_counters(ByteBuffer *body, const StoreNames *names, const cJSON *start_key)
{
	Expression	expression = {0};
	ByteBuffer		projection = {0};
	ReadRequest request = {
		.table = names->counter_table,
		.expression = &expression,
		.exclusive_start_key = start_key,
		.consistent = true,
	};

	expression_name(&expression, &projection, COUNTER_NAME);
	request.projection = projection.data;
	if (projection.failed)
		body->failed = true;
	else
		request_read(body, &request);
	expression_free(&expression);
	buffer_free(&projection);
}

/* The request of the state that the operation is in. */
static Operation
tables_request(const TablesOperation *operation, ByteBuffer *body)
{
	const StoreNames *names = &operation->names;
	AttributeValue active = attribute_string(COMMIT_ACTIVE_VALUE, strlen(COMMIT_ACTIVE_VALUE));
	TableDefinition commits = {
		.table = names->commit_table,
		.hash = {COMMIT_AGGREGATE_ID, ATTRIBUTE_S},
		.range = {COMMIT_VERSION, ATTRIBUTE_N},
		.index = names->commit_index,
		.index_hash = {COMMIT_ACTIVE, ATTRIBUTE_S},
		.index_range = {COMMIT_ID, ATTRIBUTE_N},
	};
	TableDefinition counters = {
		.table = names->counter_table,
		.hash = {COUNTER_NAME, ATTRIBUTE_S},
	};

	switch (operation->state)
	{
		case DESCRIBE_COMMITS:
		case AWAIT_COMMITS:
			request_describe_table(body, names->commit_table);
			return OPERATION_DESCRIBE_TABLE;
		case DESCRIBE_COUNTERS:
		case AWAIT_COUNTERS:
			request_describe_table(body, names->counter_table);
			return OPERATION_DESCRIBE_TABLE;
		case CREATE_COMMITS:
			request_create_table(body, &commits);
			return OPERATION_CREATE_TABLE;
		case CREATE_COUNTERS:
			request_create_table(body, &counters);
			return OPERATION_CREATE_TABLE;
		case FIND_LAST_COMMIT:
			request_last_by_key(body, names->commit_table, names->commit_index, COMMIT_ACTIVE, &active, COMMIT_ID);
			return OPERATION_QUERY;
		case PUT_COUNTER:
			request_counter_put_new(body, names->counter_table, names->counter, operation->last_commit_id);
			return OPERATION_PUT_ITEM;
		case LIST_COUNTERS:
			request_counters(body, names, operation->start_key);
			return OPERATION_SCAN;
		case DELETE_COMMITS:
			request_delete_table(body, names->commit_table);
			return OPERATION_DELETE_TABLE;
		case DELETE_COUNTERS:
			request_delete_table(body, names->counter_table);
			return OPERATION_DELETE_TABLE;
		case GET_COUNTER:
		case FINISHED:
			break;
	}
	request_counter_get(body, names->counter_table, names->counter);
	return OPERATION_GET_ITEM;
}

static void
copy_status(char status[32], const cJSON *object, const char *member)
{
	const char *text = json_member_text(object, member);

	snprintf(status, 32, "%s", text != NULL ? text : "");
}

static bool
key_schema_is(const cJSON *description, const char *hash, const char *range)
{
	const cJSON *schema = json_member(description, "KeySchema");
	const cJSON *first = cJSON_GetArrayItem(schema, 0);
	const cJSON *second = cJSON_GetArrayItem(schema, 1);
	const char *first_name = json_member_text(first, "AttributeName");
	const char *second_name = json_member_text(second, "AttributeName");

	return first_name != NULL && second_name != NULL && strcmp(first_name, hash) == 0 && strcmp(second_name, range) == 0;
}

static void
read_description(TablesOperation *operation, const cJSON *response)
{
	const cJSON *description = json_member(response, "Table");
	const cJSON *index;

	copy_status(operation->report.commit_table_status, description, "TableStatus");
	operation->report.index_status[0] = '\0';
	operation->keys_fit = key_schema_is(description, COMMIT_AGGREGATE_ID, COMMIT_VERSION);
	cJSON_ArrayForEach(index, json_member(description, "GlobalSecondaryIndexes"))
	{
		const char *name = json_member_text(index, "IndexName");

		if (name != NULL && strcmp(name, operation->names.commit_index) == 0)
		{
			copy_status(operation->report.index_status, index, "IndexStatus");
			operation->keys_fit = operation->keys_fit && key_schema_is(index, COMMIT_ACTIVE, COMMIT_ID);
		}
	}
	operation->report.item_count = json_member_count(description, "ItemCount");
	operation->report.table_bytes = json_member_count(description, "TableSizeBytes");
}

/*
 * Is there what the state's answer must have? What is missing must not pass for a table or a counter that is not
 * there: counters would begin anew, and tables of other stores would be deleted.
 */
static bool
answer_is_complete(const TablesOperation *operation, const cJSON *response)
{
	const cJSON *item = json_member(response, "Item");

	switch (operation->state)
	{
		case DESCRIBE_COMMITS:
		case DESCRIBE_COUNTERS:
		case AWAIT_COMMITS:
		case AWAIT_COUNTERS:
			return json_member_text(json_member(response, "Table"), "TableStatus") != NULL;
		case GET_COUNTER:
			return item == NULL || cJSON_IsObject(item);
		case FIND_LAST_COMMIT:
		case LIST_COUNTERS:
			return cJSON_IsArray(json_member(response, "Items"));
		default:
			return true;
	}
}

/* Both descriptions are here. */
static void
tables_described(TablesOperation *operation)
{
	switch (operation->task)
	{
		case TABLES_STATUS:
			if (operation->has_counter_table)
				tables_go(operation, GET_COUNTER);
			else
				tables_done(operation);
			break;
		case TABLES_CREATE:
			if (operation->has_commit_table && (!operation->keys_fit || operation->report.index_status[0] == '\0'))
				TABLES_FAIL(operation, FAILURE_UNFIT,
							"Table \"%s\" exists, but its keys and index \"%s\" are not those of a commits table.",
							operation->names.commit_table, operation->names.commit_index);
			else if (!operation->has_commit_table)
				tables_go(operation, CREATE_COMMITS);
			else if (!operation->has_counter_table)
				tables_go(operation, CREATE_COUNTERS);
			else
				tables_go(operation, AWAIT_COMMITS);
			break;
		case TABLES_DROP:
			if (operation->has_commit_table && !operation->keys_fit)
				TABLES_FAIL(operation, FAILURE_OTHER, "Table \"%s\" has other keys than a commits table.",
							operation->names.commit_table);
			else if (operation->has_counter_table)
				tables_go(operation, LIST_COUNTERS);
			else if (operation->has_commit_table)
				tables_go(operation, DELETE_COMMITS);
			else
				TABLES_FAIL(operation, FAILURE_NOT_FOUND, "There is neither a table \"%s\" nor a table \"%s\".",
							operation->names.commit_table, operation->names.counter_table);
			break;
		case TABLES_HEAD:
			break;
	}
}

/* A counter was looked for and is not there, or is and the pair was complete from the start. */
static void
counter_read(TablesOperation *operation, const cJSON *response)
{
	AttributeValue id = attribute_get(json_member(response, "Item"), COUNTER_ID);
	Failure		failure;

	if (commit_counter_is_exhausted(json_member(response, "Item")))
	{
		commit_counter_failure(json_member(response, "Item"), &failure);
		tables_fail(operation, &failure);
		return;
	}
	operation->counter_found = attribute_to_int64(&id, &operation->report.head);
	if (id.type != ATTRIBUTE_ABSENT && !operation->counter_found)
	{
		TABLES_FAIL(operation, FAILURE_UNFIT, "Counter \"%s\" does not hold an integer.", operation->names.counter);
		return;
	}
	if (operation->task != TABLES_CREATE)
		tables_done(operation);
	else if (!operation->counter_found && !operation->report.commit_table_done)
		tables_go(operation, FIND_LAST_COMMIT);
	else if (operation->report.commit_table_done || operation->report.counter_table_done)
		tables_done(operation);
	else
		TABLES_FAIL(operation, FAILURE_EXISTS, "Tables \"%s\" and \"%s\" exist already.",
					operation->names.commit_table, operation->names.counter_table);
}

static void
last_commit_found(TablesOperation *operation, const cJSON *response)
{
	const cJSON *items = json_member(response, "Items");
	AttributeValue id = attribute_get(items != NULL ? items->child : NULL, COMMIT_ID);

	if (attribute_to_int64(&id, &operation->last_commit_id) && operation->last_commit_id > 0)
		tables_go(operation, PUT_COUNTER);
	else if (operation->report.counter_table_done)
		tables_done(operation);
	else
		TABLES_FAIL(operation, FAILURE_EXISTS, "Tables \"%s\" and \"%s\" exist already.",
					operation->names.commit_table, operation->names.counter_table);
}

static bool
is_own_counter(const cJSON *item, const char *counter)
{
	AttributeValue name = attribute_get(item, COUNTER_NAME);
	size_t		length = strlen(counter);

	return name.type == ATTRIBUTE_S && strncmp(name.text, counter, length) == 0
		&& (name.text[length] == '\0' || strncmp(name.text + length, COUNTER_BURNED_INFIX, strlen(COUNTER_BURNED_INFIX)) == 0);
}

/* The counter of this store and its burn notes may go with their table; that of another keeps it. */
static void
counters_listed(TablesOperation *operation, const cJSON *response)
{
	PagingResult result = paging_next_key(&operation->trail, response, &operation->start_key);
	const cJSON *item;

	cJSON_ArrayForEach(item, json_member(response, "Items"))
		if (!is_own_counter(item, operation->names.counter))
			operation->report.counter_table_shared = true;
	if (result == PAGING_MEMORY)
		TABLES_FAIL(operation, FAILURE_MEMORY, "out of memory");
	else if (result == PAGING_WRONG)
		tables_fail_bad_answer(operation);
	else if (result == PAGING_MORE && !operation->report.counter_table_shared)
		return;
	else if (operation->has_commit_table)
		tables_go(operation, DELETE_COMMITS);
	else if (!operation->report.counter_table_shared)
		tables_go(operation, DELETE_COUNTERS);
	else
		tables_done(operation);
}

/* The commits table is on its way out, or was not there. */
static void
commits_deleted(TablesOperation *operation)
{
	bool		counters_go = operation->has_counter_table && !operation->report.counter_table_shared;

	tables_go(operation, counters_go ? DELETE_COUNTERS : AWAIT_COMMITS);
}

/* The answer to the state's request. */
static void
tables_answered(TablesOperation *operation, const cJSON *response)
{
	TablesReport *report = &operation->report;

	switch (operation->state)
	{
		case DESCRIBE_COMMITS:
			operation->has_commit_table = true;
			read_description(operation, response);
			tables_go(operation, DESCRIBE_COUNTERS);
			break;
		case DESCRIBE_COUNTERS:
			operation->has_counter_table = true;
			copy_status(report->counter_table_status, json_member(response, "Table"), "TableStatus");
			tables_described(operation);
			break;
		case CREATE_COMMITS:
			report->commit_table_done = true;
			tables_go(operation, operation->has_counter_table ? AWAIT_COMMITS : CREATE_COUNTERS);
			break;
		case CREATE_COUNTERS:
			report->counter_table_done = true;
			tables_go(operation, AWAIT_COMMITS);
			break;
		case AWAIT_COMMITS:
			read_description(operation, response);
			if (operation->task == TABLES_CREATE && strcmp(report->commit_table_status, "ACTIVE") == 0
				&& strcmp(report->index_status, "ACTIVE") == 0)
				tables_go(operation, AWAIT_COUNTERS);
			else
				tables_again_later(operation);
			break;
		case AWAIT_COUNTERS:
			copy_status(report->counter_table_status, json_member(response, "Table"), "TableStatus");
			if (operation->task == TABLES_CREATE && strcmp(report->counter_table_status, "ACTIVE") == 0)
				tables_go(operation, GET_COUNTER);
			else
				tables_again_later(operation);
			break;
		case GET_COUNTER:
			counter_read(operation, response);
			break;
		case FIND_LAST_COMMIT:
			last_commit_found(operation, response);
			break;
		case PUT_COUNTER:
			report->counter_made = true;
			report->head = operation->last_commit_id;
			tables_done(operation);
			break;
		case LIST_COUNTERS:
			counters_listed(operation, response);
			break;
		case DELETE_COMMITS:
			report->commit_table_done = true;
			commits_deleted(operation);
			break;
		case DELETE_COUNTERS:
			report->counter_table_done = true;
			tables_go(operation, AWAIT_COMMITS);
			break;
		case FINISHED:
			break;
	}
}

/* The failures that are an answer too: a table that is not there, or that another session has just made. */
static void
tables_refused(TablesOperation *operation, const Failure *failure)
{
	bool		missing = failure->kind == FAILURE_NOT_FOUND;

	if (operation->state == DESCRIBE_COMMITS && missing)
		tables_go(operation, DESCRIBE_COUNTERS);
	else if (operation->state == DESCRIBE_COUNTERS && missing)
		tables_described(operation);
	else if (operation->state == CREATE_COMMITS && failure->kind == FAILURE_EXISTS)
		tables_go(operation, operation->has_counter_table ? AWAIT_COMMITS : CREATE_COUNTERS);
	else if (operation->state == CREATE_COUNTERS && failure->kind == FAILURE_EXISTS)
		tables_go(operation, AWAIT_COMMITS);
	else if (operation->state == DELETE_COMMITS && missing)
		commits_deleted(operation);
	else if (operation->state == DELETE_COUNTERS && missing)
		tables_go(operation, AWAIT_COMMITS);
	else if (operation->state == AWAIT_COMMITS && missing && operation->task == TABLES_DROP)
	{
		if (operation->report.counter_table_shared)
			tables_done(operation);
		else
			tables_go(operation, AWAIT_COUNTERS);
	}
	else if (operation->state == AWAIT_COUNTERS && missing && operation->task == TABLES_DROP)
		tables_done(operation);
	else if ((operation->state == AWAIT_COMMITS || operation->state == AWAIT_COUNTERS) && missing
			 && (operation->report.commit_table_done || operation->report.counter_table_done))
		tables_again_later(operation);	/* DescribeTable is eventually consistent */
	else if (operation->state == PUT_COUNTER && failure->kind == FAILURE_CONDITION)
		tables_done(operation);	/* another session has written it meanwhile */
	else
		tables_fail(operation, failure);
}

/* false: it is not time yet. */
static bool
tables_send(TablesOperation *operation)
{
	ByteBuffer		body = {0};
	Operation	request;

	if (http_now_ms() < operation->not_before)
	{
		client_wake_at(operation->client, operation->not_before);
		return false;
	}
	request = tables_request(operation, &body);
	operation->call = call_start(operation->client, request, &body, operation->usage);
	buffer_free(&body);
	if (operation->call == NULL)
		TABLES_FAIL(operation, FAILURE_MEMORY, "out of memory");
	return true;
}

StepResult
tables_step(TablesOperation *operation)
{
	while (operation->state != FINISHED)
	{
		Call	   *call;
		StepResult	result;

		if (operation->call == NULL)
		{
			if (!tables_send(operation))
				return STEP_PENDING;
			continue;
		}
		result = call_step(operation->call);
		if (result == STEP_PENDING)
			return STEP_PENDING;
		call = operation->call;
		operation->call = NULL;
		if (result == STEP_DONE && answer_is_complete(operation, call_response(call)))
			tables_answered(operation, call_response(call));
		else if (result == STEP_DONE)
			tables_fail_bad_answer(operation);
		else
			tables_refused(operation, call_failure(call));
		call_free(call);
	}
	return operation->result;
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
