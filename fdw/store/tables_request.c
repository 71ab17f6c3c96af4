/*
 * tables_request.c: what does each state of a walk over the tables ask for?
 */
#include "store/tables_request.h"

#include <string.h>

#include "dynamodb/attribute.h"
#include "dynamodb/json.h"
#include "store/counter.h"
#include "store/schema.h"

Operation
tables_request(TablesState state, const TablesAsked *asked, ByteBuffer *body)
{
	const StoreNames *names = asked->names;
	AttributeValue active = attribute_string(COMMIT_ACTIVE_VALUE, strlen(COMMIT_ACTIVE_VALUE));
	TableDefinition commits = schema_of_commits(names);
	TableDefinition counters = schema_of_counters(names);

	switch (state)
	{
		case DESCRIBE_COMMITS:
		case AWAIT_COMMITS:
		case AWAIT_COMMITS_GONE:
			request_describe_table(body, names->commit_table);
			return OPERATION_DESCRIBE_TABLE;
		case DESCRIBE_COUNTERS:
		case AWAIT_COUNTERS:
		case AWAIT_COUNTERS_GONE:
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
			counter_write_put_new(body, names, asked->least_head);
			return OPERATION_PUT_ITEM;
		case RAISE_COUNTER:
			counter_write_raise(body, names, asked->least_head);
			return OPERATION_UPDATE_ITEM;
		case RETIRE_COUNTER:
			counter_write_retire(body, names);
			return OPERATION_UPDATE_ITEM;
		case REVIVE_COUNTER:
			counter_write_revive(body, names);
			return OPERATION_UPDATE_ITEM;
		case LIST_COUNTERS:
		case LIST_COUNTERS_AGAIN:
			counter_write_list(body, names, asked->start_key);
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
	counter_write_get(body, names);
	return OPERATION_GET_ITEM;
}

bool
tables_answer_is_complete(TablesState state, const cJSON *response)
{
	const cJSON *item = json_member(response, "Item");

	switch (state)
	{
		case DESCRIBE_COMMITS:
		case DESCRIBE_COUNTERS:
		case AWAIT_COMMITS:
		case AWAIT_COUNTERS:
		case AWAIT_COMMITS_GONE:
		case AWAIT_COUNTERS_GONE:
			return json_member_text(json_member(response, "Table"), "TableStatus") != NULL;
		case GET_COUNTER:
			return item == NULL || cJSON_IsObject(item);
		case FIND_LAST_COMMIT:
		case LIST_COUNTERS:
		case LIST_COUNTERS_AGAIN:
			return cJSON_IsArray(json_member(response, "Items"));
		case CREATE_COMMITS:
		case CREATE_COUNTERS:
		case PUT_COUNTER:
		case RAISE_COUNTER:
		case RETIRE_COUNTER:
		case REVIVE_COUNTER:
		case DELETE_COMMITS:
		case DELETE_COUNTERS:
		case FINISHED:
			break;
	}
	return true;
}
