/*
 * tables_states.c: what follows from the answer in each state of a walk over the tables?
 *
 * One function for each state. It is given the answer to the state's request, or NULL and the kind of the failure; some
 * failures are an answer too: a table that is not there, or that another session has just made. false: this one is none,
 * and ends the walk.
 */
#include "store/tables_states.h"

#include <string.h>

#include "dynamodb/attribute.h"
#include "dynamodb/json.h"
#include "store/counter.h"

/* A put of the counter that came too late, and a raise that did. */
#define MAX_REFUSALS 2

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
		walk_fail(operation, FAILURE_UNFIT, "%s", words);
		return true;
	}
	return false;
}

static void
look_at_counter(TablesOperation *operation)
{
	const TableSchema *counters = &operation->report.counters;

	if (counters->exists && schema_fits(counters))
		walk_go(operation, GET_COUNTER);
	else
		walk_done(operation);
}

/* At the ids that are stored, where there may be some, and then at the counter. */
static void
look_at_ids(TablesOperation *operation)
{
	const TableSchema *commits = &operation->report.commits;

	if (commits->exists && schema_fits(commits) && schema_index_is_usable(commits) && !operation->report.commit_table_done)
		walk_go(operation, FIND_LAST_COMMIT);
	else
		look_at_counter(operation);
}

static void
create_missing(TablesOperation *operation)
{
	if (!operation->report.commits.exists)
		walk_go(operation, CREATE_COMMITS);
	else if (!operation->report.counters.exists)
		walk_go(operation, CREATE_COUNTERS);
	else
		walk_go(operation, AWAIT_COMMITS);
}

static void
drop_existing(TablesOperation *operation)
{
	if (operation->report.counters.exists)
		walk_go(operation, LIST_COUNTERS);
	else if (operation->report.commits.exists)
		walk_go(operation, DELETE_COMMITS);
	else
		walk_fail(operation, FAILURE_NOT_FOUND, "There is neither a table \"%s\" nor a table \"%s\".",
					operation->names.commit_table, operation->names.counter_table);
}

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

static bool
describe_commits(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response != NULL)
		read_commits_description(operation, response);
	else if (refused != FAILURE_NOT_FOUND)
		return false;
	walk_go(operation, DESCRIBE_COUNTERS);
	return true;
}

static bool
describe_counters(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response != NULL)
		read_counters_description(operation, response);
	else if (refused != FAILURE_NOT_FOUND)
		return false;
	tables_described(operation);
	return true;
}

/* The table is on its way then, or is another session's doing. */
static bool
create_commits(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response != NULL)
		operation->report.commit_table_done = true;
	else if (refused != FAILURE_EXISTS)
		return false;
	walk_go(operation, operation->report.counters.exists ? AWAIT_COMMITS : CREATE_COUNTERS);
	return true;
}

static bool
create_counters(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response != NULL)
		operation->report.counter_table_done = true;
	else if (refused != FAILURE_EXISTS)
		return false;
	walk_go(operation, AWAIT_COMMITS);
	return true;
}

/* A table that CREATE waits for may not be there yet: DescribeTable is eventually consistent. */
static bool
may_be_missing(const TablesOperation *operation, FailureKind refused)
{
	return refused == FAILURE_NOT_FOUND && (operation->report.commit_table_done || operation->report.counter_table_done);
}

static bool
await_commits(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	TableSchema *commits = &operation->report.commits;

	if (response == NULL && !may_be_missing(operation, refused))
		return false;
	if (response == NULL)
		commits->exists = false;
	else
		read_commits_description(operation, response);
	if (response != NULL && refuse_other_tables(operation))
		return true;
	if (commits->exists && strcmp(commits->status, "ACTIVE") == 0 && schema_index_is_usable(commits))
		walk_go(operation, AWAIT_COUNTERS);
	else
		walk_again_later(operation);
	return true;
}

static bool
await_counters(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	TableSchema *counters = &operation->report.counters;

	if (response == NULL && !may_be_missing(operation, refused))
		return false;
	if (response == NULL)
		counters->exists = false;
	else
		read_counters_description(operation, response);
	if (response != NULL && refuse_other_tables(operation))
		return true;
	if (counters->exists && strcmp(counters->status, "ACTIVE") == 0)
		look_at_ids(operation);
	else
		walk_again_later(operation);
	return true;
}

static bool
await_commits_gone(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response == NULL && refused != FAILURE_NOT_FOUND)
		return false;
	if (response != NULL)
	{
		read_commits_description(operation, response);
		walk_again_later(operation);
	}
	else if (operation->report.counter_table_shared)
		walk_done(operation);
	else
		walk_go(operation, AWAIT_COUNTERS_GONE);
	return true;
}

static bool
await_counters_gone(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response == NULL && refused != FAILURE_NOT_FOUND)
		return false;
	if (response == NULL)
	{
		walk_done(operation);
		return true;
	}
	read_counters_description(operation, response);
	walk_again_later(operation);
	return true;
}

/* Before the counter is looked at: what is appended in between makes that no lower. */
static bool
find_last_commit(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	const cJSON *items = json_member(response, "Items");
	const cJSON *last = items != NULL ? items->child : NULL;
	AttributeValue id = attribute_get(last, COMMIT_ID);
	int64_t		number = 0;

	/* 1.0 did not ask for it: keys that were enough stay so. */
	if (response == NULL && !(operation->task == TABLES_STATUS && refused == FAILURE_ACCESS_DENIED))
		return false;
	operation->report.last_id_is_none = last != NULL && !attribute_to_int64(&id, &number);
	if (operation->report.last_id_is_none && operation->task != TABLES_CHECK)
	{
		walk_fail(operation, FAILURE_UNFIT, "The largest commit id of index \"%s\" is no bigint.",
					operation->names.commit_index);
		return true;
	}
	if (response != NULL && !operation->report.last_id_is_none)
		operation->report.max_commit_id = number > 0 ? number : 0;
	look_at_counter(operation);
	return true;
}

/* What CREATE does about a counter as it was found: none may be below the commits that are there. */
static void
mend_counter(TablesOperation *operation)
{
	TablesReport *report = &operation->report;

	operation->least_head = report->max_commit_id;
	if (operation->counter_is_retired)
		walk_go(operation, REVIVE_COUNTER);
	else if (report->max_commit_id > report->head)
		walk_go(operation, report->counter_found ? RAISE_COUNTER : PUT_COUNTER);
	else if (report->commit_table_done || report->counter_table_done || operation->refusals > 0)
		walk_done(operation);
	else
		walk_fail(operation, FAILURE_EXISTS, "Tables \"%s\" and \"%s\" exist already.",
					operation->names.commit_table, operation->names.counter_table);
}

static bool
get_counter(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	TablesReport *report = &operation->report;
	const cJSON *item = json_member(response, "Item");
	CounterContent content = counter_read(item, &report->head);
	Failure		failure;

	if (response == NULL)
		return false;
	report->counter_found = content == COUNTER_INTEGER;
	operation->counter_is_retired = counter_is_retired(item);
	report->counter_is_none = content == COUNTER_EXHAUSTED || content == COUNTER_UNFIT;
	if (content == COUNTER_EXHAUSTED && operation->task != TABLES_CHECK)
	{
		counter_failure(item, &failure);
		walk_fail_as(operation, &failure);
	}
	else if (report->counter_is_none && operation->task != TABLES_CHECK)
		walk_fail(operation, FAILURE_UNFIT, "Counter \"%s\" does not hold an integer.", operation->names.counter);
	else if (report->head < operation->least_head
			 && (operation->task == TABLES_RAISE || operation->refusals >= MAX_REFUSALS))
		walk_fail(operation, FAILURE_BAD_ANSWER, "the counter is not raised, and is lower all the same");
	else if (operation->task == TABLES_CREATE)
		mend_counter(operation);
	else
		walk_done(operation);
	return true;
}

/* It is as high already, perhaps by an attempt whose answer was lost; or it was made meanwhile. */
static bool
counter_refused(TablesOperation *operation, FailureKind refused)
{
	if (refused != FAILURE_CONDITION)
		return false;
	operation->refusals++;
	walk_go(operation, GET_COUNTER);
	return true;
}

static bool
put_counter(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response == NULL)
		return counter_refused(operation, refused);
	operation->report.counter_made = true;
	operation->report.head = operation->least_head;
	walk_done(operation);
	return true;
}

static bool
raise_counter(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response == NULL)
		return counter_refused(operation, refused);
	operation->report.old_head = operation->report.head;
	operation->report.head = operation->least_head;
	operation->report.counter_raised = true;
	walk_done(operation);
	return true;
}

static bool
revive_counter(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response == NULL)
		return false;
	operation->counter_is_retired = false;
	mend_counter(operation);
	return true;
}

/*
 * Looks at a page of the counters table, for what keeps it: the counter of this store and its burn notes may go with it,
 * that of another, which is in use, may not. true when all was looked at, or as much as it takes to know that it stays.
 */
static bool
counters_are_judged(TablesOperation *operation, const cJSON *response)
{
	PagingResult result = paging_next_key(&operation->trail, response, &operation->start_key);
	const cJSON *item;

	cJSON_ArrayForEach(item, json_member(response, "Items"))
		if (!counter_is_expendable(item, operation->names.counter))
			operation->report.counter_table_shared = true;
	if (result == PAGING_MEMORY)
		walk_fail(operation, FAILURE_MEMORY, "out of memory");
	else if (result == PAGING_WRONG)
		walk_fail_bad_answer(operation);
	else
		return result == PAGING_END || operation->report.counter_table_shared;
	return false;
}

static bool
list_counters(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response == NULL)
		return false;
	if (!counters_are_judged(operation, response))
		return true;
	if (operation->report.commits.exists)
		walk_go(operation, DELETE_COMMITS);
	else if (!operation->report.counter_table_shared)
		walk_go(operation, DELETE_COUNTERS);
	else
		walk_done(operation);
	return true;
}

static bool
list_counters_again(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response == NULL)
		return false;
	if (counters_are_judged(operation, response))
		walk_go(operation, operation->report.counter_table_shared ? AWAIT_COMMITS_GONE : DELETE_COUNTERS);
	return true;
}

/*
 * A counter that stays keeps its ids: a store that is made anew goes on from there. Only who has deleted the commits says
 * that it is out of use.
 */
static bool
delete_commits(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	const TablesReport *report = &operation->report;

	if (response != NULL)
		operation->report.commit_table_done = true;
	else if (refused != FAILURE_NOT_FOUND)
		return false;
	if (report->counters.exists && !report->counter_table_shared)
		walk_go(operation, DELETE_COUNTERS);
	else if (report->counters.exists && report->commit_table_done)
		walk_go(operation, RETIRE_COUNTER);
	else
		walk_go(operation, AWAIT_COMMITS_GONE);
	return true;
}

/*
 * It is noted as a dropped store's, or there is none. Whoever has dropped the last other store at the same time had not
 * seen that when it looked: so both look again, and the later one sees all.
 */
static bool
retire_counter(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response == NULL && refused == FAILURE_ACCESS_DENIED)
	{
		operation->report.retiring_denied = true;
		walk_go(operation, AWAIT_COMMITS_GONE);
		return true;
	}
	if (response == NULL && refused != FAILURE_CONDITION)
		return false;
	cJSON_Delete(operation->start_key);
	operation->start_key = NULL;
	paging_free(&operation->trail);
	operation->report.counter_table_shared = false;
	walk_go(operation, LIST_COUNTERS_AGAIN);
	return true;
}

static bool
delete_counters(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	if (response != NULL)
		operation->report.counter_table_done = true;
	else if (refused != FAILURE_NOT_FOUND)
		return false;
	walk_go(operation, AWAIT_COMMITS_GONE);
	return true;
}

bool
tables_state_ended(TablesOperation *operation, const cJSON *response, FailureKind refused)
{
	static bool (*const states[]) (TablesOperation *operation, const cJSON *response, FailureKind refused) = {
		[DESCRIBE_COMMITS] = describe_commits,
		[DESCRIBE_COUNTERS] = describe_counters,
		[CREATE_COMMITS] = create_commits,
		[CREATE_COUNTERS] = create_counters,
		[AWAIT_COMMITS] = await_commits,
		[AWAIT_COUNTERS] = await_counters,
		[AWAIT_COMMITS_GONE] = await_commits_gone,
		[AWAIT_COUNTERS_GONE] = await_counters_gone,
		[FIND_LAST_COMMIT] = find_last_commit,
		[GET_COUNTER] = get_counter,
		[PUT_COUNTER] = put_counter,
		[RAISE_COUNTER] = raise_counter,
		[REVIVE_COUNTER] = revive_counter,
		[LIST_COUNTERS] = list_counters,
		[LIST_COUNTERS_AGAIN] = list_counters_again,
		[RETIRE_COUNTER] = retire_counter,
		[DELETE_COMMITS] = delete_commits,
		[DELETE_COUNTERS] = delete_counters,
	};

	return states[operation->state] (operation, response, refused);
}
