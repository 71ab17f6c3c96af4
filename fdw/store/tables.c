/*
 * tables.c: how are the two tables of a store made, dropped and looked at?
 *
 * Each task is a walk through the states of tables_request.h, one request in each; DynamoDB makes and drops tables in its own time,
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
#include "store/counter.h"
#include "store/tables_request.h"

/* A put of the counter that came too late, and a raise that did. */
#define MAX_REFUSALS 2

#define FIRST_POLL_MS 50
#define SLOWEST_POLL_MS 2000

/* For both tables. DynamoDB takes seconds as a rule, and minutes for an index; AWS's own waiters give up after 8. */
#define LONGEST_WAIT_MS (10 * 60 * 1000)

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
	int64_t		wait_until;		/* http_now_ms: when the tables are not waited for any longer; 0: they were not yet */
	char		awaited[TABLES_AWAITED_TEXT];	/* see tables_awaited */
	cJSON	   *start_key;		/* LIST_COUNTERS: where the next page begins */
	PagingTrail trail;			/* where those before did */
	int64_t		least_head;		/* what the counter is raised to where it is below; 0: nothing */
	int			refusals;		/* of that, by the counter's having been as high by then */
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
	operation->report.item_count = operation->report.table_bytes = operation->report.max_commit_id = -1;
	return operation;
}

TablesOperation *
tables_start_raise(Client *client, const StoreNames *names, int64_t head, Usage *usage)
{
	TablesOperation *operation = tables_start(client, names, TABLES_RAISE, usage);

	if (operation == NULL)
		return NULL;
	operation->state = RAISE_COUNTER;
	operation->least_head = head;
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

/* What a waiting state has seen of its table, for people. */
static void
describe_awaited(TablesOperation *operation)
{
	const StoreNames *names = &operation->names;
	const TablesReport *report = &operation->report;
	bool		of_commits = operation->state == AWAIT_COMMITS;
	const TableSchema *table = of_commits ? &report->commits : &report->counters;
	const char *status = table->exists ? table->status : "not there";
	const char *name = of_commits ? names->commit_table : names->counter_table;

	if (of_commits && table->has_index && table->index_status[0] != '\0')
		snprintf(operation->awaited, sizeof(operation->awaited), "table \"%s\" is %s, its index \"%s\" %s", name, status,
				 names->commit_index, table->index_status);
	else
		snprintf(operation->awaited, sizeof(operation->awaited), "table \"%s\" is %s", name, status);
}

/* Stays in the state; its request goes out again after a while, but not for ever. */
static void
tables_again_later(TablesOperation *operation)
{
	describe_awaited(operation);
	if (operation->wait_until == 0)
		operation->wait_until = http_now_ms() + LONGEST_WAIT_MS;
	if (http_now_ms() > operation->wait_until)
	{
		TABLES_FAIL(operation, FAILURE_NOT_READY, "After %d minutes %s.", LONGEST_WAIT_MS / 60000, operation->awaited);
		return;
	}
	operation->not_before = http_now_ms() + operation->poll_ms;
	operation->poll_ms = operation->poll_ms * 2 < SLOWEST_POLL_MS ? operation->poll_ms * 2 : SLOWEST_POLL_MS;
}

static void
read_commits_description(TablesOperation *operation, const cJSON *response)
{
	const cJSON *description = json_member(response, "Table");
	TableDefinition wanted = schema_of_commits(&operation->names);

	schema_read(description, &wanted, &operation->report.commits);
	operation->report.item_count = json_member_count(description, "ItemCount");
	operation->report.table_bytes = json_member_count(description, "TableSizeBytes");
}

static void
read_counters_description(TablesOperation *operation, const cJSON *response)
{
	TableDefinition wanted = schema_of_counters(&operation->names);

	schema_read(json_member(response, "Table"), &wanted, &operation->report.counters);
}

/*
 * Fails where one of the tables is no store's: neither is anything made or deleted beside it then. false when both
 * will do, or are not there.
 */
static bool
refuse_other_tables(TablesOperation *operation)
{
	TableSchema commits = operation->report.commits;
	TableSchema counters = operation->report.counters;
	TableDefinition wanted_commits = schema_of_commits(&operation->names);
	TableDefinition wanted_counters = schema_of_counters(&operation->names);
	char		words[sizeof(operation->failure.message)];

	if (operation->task == TABLES_STATUS && !commits.has_index)
		commits.has_index = commits.index_key_fits = commits.projection_fits = true;	/* STATUS shows that it is missing */
	if ((commits.exists && schema_next_fault(&commits, &wanted_commits, words, sizeof(words)))
		|| (counters.exists && schema_next_fault(&counters, &wanted_counters, words, sizeof(words))))
	{
		TABLES_FAIL(operation, FAILURE_UNFIT, "%s", words);
		return true;
	}
	return false;
}

static void
look_at_counter(TablesOperation *operation)
{
	const TableSchema *counters = &operation->report.counters;

	if (counters->exists && schema_fits(counters))
		tables_go(operation, GET_COUNTER);
	else
		tables_done(operation);
}

/* At the ids that are stored, where there may be some, and then at the counter. */
static void
look_at_ids(TablesOperation *operation)
{
	const TableSchema *commits = &operation->report.commits;

	if (commits->exists && schema_fits(commits) && schema_index_is_usable(commits) && !operation->report.commit_table_done)
		tables_go(operation, FIND_LAST_COMMIT);
	else
		look_at_counter(operation);
}

static void
create_missing(TablesOperation *operation)
{
	if (!operation->report.commits.exists)
		tables_go(operation, CREATE_COMMITS);
	else if (!operation->report.counters.exists)
		tables_go(operation, CREATE_COUNTERS);
	else
		tables_go(operation, AWAIT_COMMITS);
}

static void
drop_existing(TablesOperation *operation)
{
	if (operation->report.counters.exists)
		tables_go(operation, LIST_COUNTERS);
	else if (operation->report.commits.exists)
		tables_go(operation, DELETE_COMMITS);
	else
		TABLES_FAIL(operation, FAILURE_NOT_FOUND, "There is neither a table \"%s\" nor a table \"%s\".",
					operation->names.commit_table, operation->names.counter_table);
}

/* Both descriptions are here. */
static void
tables_described(TablesOperation *operation)
{
	if (operation->task != TABLES_CHECK && refuse_other_tables(operation))
		return;
	if (operation->task == TABLES_CREATE)
		create_missing(operation);
	else if (operation->task == TABLES_DROP)
		drop_existing(operation);
	else
		look_at_ids(operation);
}

static void
last_commit_found(TablesOperation *operation, const cJSON *response)
{
	const cJSON *last = json_member(response, "Items")->child;
	AttributeValue id = attribute_get(last, COMMIT_ID);
	int64_t		number = 0;

	if (last != NULL && !attribute_to_int64(&id, &number))
	{
		TABLES_FAIL(operation, FAILURE_UNFIT, "The largest commit id of index \"%s\" is no bigint.",
					operation->names.commit_index);
		return;
	}
	operation->report.max_commit_id = number > 0 ? number : 0;
	look_at_counter(operation);
}

/* What CREATE does about a counter as it was found: none may be below the commits that are there. */
static void
mend_counter(TablesOperation *operation)
{
	TablesReport *report = &operation->report;

	operation->least_head = report->max_commit_id;
	if (report->max_commit_id > report->head)
		tables_go(operation, report->counter_found ? RAISE_COUNTER : PUT_COUNTER);
	else if (report->commit_table_done || report->counter_table_done || operation->refusals > 0)
		tables_done(operation);
	else
		TABLES_FAIL(operation, FAILURE_EXISTS, "Tables \"%s\" and \"%s\" exist already.",
					operation->names.commit_table, operation->names.counter_table);
}

static void
counter_seen(TablesOperation *operation, const cJSON *response)
{
	TablesReport *report = &operation->report;
	const cJSON *item = json_member(response, "Item");
	CounterContent content = counter_read(item, &report->head);
	Failure		failure;

	report->counter_found = content == COUNTER_INTEGER;
	report->counter_is_none = content == COUNTER_EXHAUSTED || content == COUNTER_UNFIT;
	if (content == COUNTER_EXHAUSTED && operation->task != TABLES_CHECK)
	{
		counter_failure(item, &failure);
		tables_fail(operation, &failure);
	}
	else if (report->counter_is_none && operation->task != TABLES_CHECK)
		TABLES_FAIL(operation, FAILURE_UNFIT, "Counter \"%s\" does not hold an integer.", operation->names.counter);
	else if (report->head < operation->least_head
			 && (operation->task == TABLES_RAISE || operation->refusals >= MAX_REFUSALS))
		TABLES_FAIL(operation, FAILURE_BAD_ANSWER, "the counter is not raised, and is lower all the same");
	else if (operation->task == TABLES_CREATE)
		mend_counter(operation);
	else
		tables_done(operation);
}

/* It is as high as it has to be. */
static void
counter_raised(TablesOperation *operation)
{
	operation->report.old_head = operation->report.head;
	operation->report.head = operation->least_head;
	operation->report.counter_raised = true;
	tables_done(operation);
}

/* It is as high already, perhaps by an attempt whose answer was lost; or it was made meanwhile. */
static void
counter_refused(TablesOperation *operation)
{
	operation->refusals++;
	tables_go(operation, GET_COUNTER);
}

/* The counter of this store and its burn notes may go with their table; that of another keeps it. */
static void
counters_listed(TablesOperation *operation, const cJSON *response)
{
	PagingResult result = paging_next_key(&operation->trail, response, &operation->start_key);
	const cJSON *item;

	cJSON_ArrayForEach(item, json_member(response, "Items"))
		if (!counter_owns(operation->names.counter, item))
			operation->report.counter_table_shared = true;
	if (result == PAGING_MEMORY)
		TABLES_FAIL(operation, FAILURE_MEMORY, "out of memory");
	else if (result == PAGING_WRONG)
		tables_fail_bad_answer(operation);
	else if (result == PAGING_MORE && !operation->report.counter_table_shared)
		return;
	else if (operation->report.commits.exists)
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
	bool		counters_go = operation->report.counters.exists && !operation->report.counter_table_shared;

	tables_go(operation, counters_go ? DELETE_COUNTERS : AWAIT_COMMITS);
}

/* The commits table is on its way, or is another session's doing. */
static void
commits_created(TablesOperation *operation)
{
	tables_go(operation, operation->report.counters.exists ? AWAIT_COMMITS : CREATE_COUNTERS);
}

static void
commits_awaited(TablesOperation *operation, const cJSON *response)
{
	TableSchema *commits = &operation->report.commits;

	read_commits_description(operation, response);
	if (operation->task == TABLES_DROP)
		tables_again_later(operation);
	else if (refuse_other_tables(operation))
		return;
	else if (strcmp(commits->status, "ACTIVE") == 0 && schema_index_is_usable(commits))
		tables_go(operation, AWAIT_COUNTERS);
	else
		tables_again_later(operation);
}

static void
counters_awaited(TablesOperation *operation, const cJSON *response)
{
	read_counters_description(operation, response);
	if (operation->task == TABLES_DROP)
		tables_again_later(operation);
	else if (refuse_other_tables(operation))
		return;
	else if (strcmp(operation->report.counters.status, "ACTIVE") == 0)
		look_at_ids(operation);
	else
		tables_again_later(operation);
}

/* The answer to the state's request. */
static void
tables_answered(TablesOperation *operation, const cJSON *response)
{
	TablesReport *report = &operation->report;

	switch (operation->state)
	{
		case DESCRIBE_COMMITS:
			read_commits_description(operation, response);
			tables_go(operation, DESCRIBE_COUNTERS);
			break;
		case DESCRIBE_COUNTERS:
			read_counters_description(operation, response);
			tables_described(operation);
			break;
		case CREATE_COMMITS:
			report->commit_table_done = true;
			commits_created(operation);
			break;
		case CREATE_COUNTERS:
			report->counter_table_done = true;
			tables_go(operation, AWAIT_COMMITS);
			break;
		case AWAIT_COMMITS:
			commits_awaited(operation, response);
			break;
		case AWAIT_COUNTERS:
			counters_awaited(operation, response);
			break;
		case FIND_LAST_COMMIT:
			last_commit_found(operation, response);
			break;
		case GET_COUNTER:
			counter_seen(operation, response);
			break;
		case PUT_COUNTER:
			report->counter_made = true;
			report->head = operation->least_head;
			tables_done(operation);
			break;
		case RAISE_COUNTER:
			counter_raised(operation);
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

/* The table that a waiting state looks for is not there. */
static void
awaited_is_missing(TablesOperation *operation, const Failure *failure)
{
	bool		is_being_made = operation->report.commit_table_done || operation->report.counter_table_done;

	if (operation->task != TABLES_DROP && !is_being_made)
		tables_fail(operation, failure);
	else if (operation->task != TABLES_DROP)
	{
		/* DescribeTable is eventually consistent. */
		(operation->state == AWAIT_COMMITS ? &operation->report.commits : &operation->report.counters)->exists = false;
		tables_again_later(operation);
	}
	else if (operation->state == AWAIT_COMMITS && !operation->report.counter_table_shared)
		tables_go(operation, AWAIT_COUNTERS);
	else
		tables_done(operation);
}

/* The failures that are an answer too: a table that is not there, or that another session has just made. */
static void
tables_refused(TablesOperation *operation, const Failure *failure)
{
	bool		missing = failure->kind == FAILURE_NOT_FOUND;
	bool		exists = failure->kind == FAILURE_EXISTS;
	TablesState state = operation->state;

	if (state == DESCRIBE_COMMITS && missing)
		tables_go(operation, DESCRIBE_COUNTERS);
	else if (state == DESCRIBE_COUNTERS && missing)
		tables_described(operation);
	else if (state == CREATE_COMMITS && exists)
		commits_created(operation);
	else if (state == CREATE_COUNTERS && exists)
		tables_go(operation, AWAIT_COMMITS);
	else if (state == DELETE_COMMITS && missing)
		commits_deleted(operation);
	else if (state == DELETE_COUNTERS && missing)
		tables_go(operation, AWAIT_COMMITS);
	else if ((state == AWAIT_COMMITS || state == AWAIT_COUNTERS) && missing)
		awaited_is_missing(operation, failure);
	else if (state == FIND_LAST_COMMIT && operation->task == TABLES_STATUS && failure->kind == FAILURE_ACCESS_DENIED)
		look_at_counter(operation);	/* 1.0 did not ask for it: keys that were enough stay so */
	else if ((state == PUT_COUNTER || state == RAISE_COUNTER) && failure->kind == FAILURE_CONDITION)
		counter_refused(operation);
	else
		tables_fail(operation, failure);
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
		if (result == STEP_DONE && tables_answer_is_complete(operation->state, call_response(call)))
			tables_answered(operation, call_response(call));
		else if (result == STEP_DONE)
			tables_fail_bad_answer(operation);
		else
			tables_refused(operation, call_failure(call));
		call_free(call);
	}
	return operation->result;
}

const char *
tables_awaited(const TablesOperation *operation)
{
	return operation->state == AWAIT_COMMITS || operation->state == AWAIT_COUNTERS ? operation->awaited : "";
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
