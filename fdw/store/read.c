/*
 * read.c: how is an access path followed from its first page to its last?
 *
 * One request for each page, each starting where DynamoDB says that the one before ended. Only a page without a LastEvaluatedKey is the
 * last; an empty one is not.
 */
#include "store/read.h"

#include <stdlib.h>
#include <string.h>

#include "dynamodb/json.h"
#include "dynamodb/request.h"

struct ReadOperation
{
	Client	   *client;
	Usage	   *usage;
	ReadPath	path;
	bool		backward;
	bool		consistent;
	char	   *table;
	char	   *index;			/* NULL but for READ_INDEX */
	Expression	expression;
	ByteBuffer		key_condition;
	ByteBuffer		projection;

	Call	   *call;			/* the page under way; NULL while rows are handed out */
	cJSON	   *page;
	const cJSON *next_item;
	cJSON	   *start_key;		/* where the next page begins; NULL: at the beginning */
	bool		at_end;			/* the last page has arrived */
	bool		failed;
	Failure		failure;
};

bool
key_range_is_possible(const KeyRange *range)
{
	return !(range->has_lower && range->has_upper && range->lower > range->upper);
}

static void
condition_number(ReadOperation *read, int64_t number)
{
	char		digits[24];
	AttributeValue value = attribute_int64(number, digits);

	expression_value(&read->expression, &read->key_condition, &value);
}

/* DynamoDB takes a single condition on a sort key, so two bounds are one BETWEEN. */
static void
condition_range(ReadOperation *read, const char *name, const KeyRange *range)
{
	ByteBuffer	   *out = &read->key_condition;

	if (!range->has_lower && !range->has_upper)
		return;
	buffer_puts(out, " AND ");
	expression_name(&read->expression, out, name);
	if (range->has_lower && range->has_upper && range->lower == range->upper)
	{
		buffer_puts(out, " = ");
		condition_number(read, range->lower);
	}
	else if (range->has_lower && range->has_upper)
	{
		buffer_puts(out, " BETWEEN ");
		condition_number(read, range->lower);
		buffer_puts(out, " AND ");
		condition_number(read, range->upper);
	}
	else
	{
		buffer_puts(out, range->has_lower ? " >= " : " <= ");
		condition_number(read, range->has_lower ? range->lower : range->upper);
	}
}

static void
condition_hash(ReadOperation *read, const char *name, const char *text, size_t length)
{
	AttributeValue value = attribute_string(text, length);

	expression_name(&read->expression, &read->key_condition, name);
	buffer_puts(&read->key_condition, " = ");
	expression_value(&read->expression, &read->key_condition, &value);
}

static void
read_describe(ReadOperation *read, const ReadSpec *spec)
{
	switch (spec->path)
	{
		case READ_AGGREGATE:
			condition_hash(read, COMMIT_AGGREGATE_ID, spec->aggregate_id, spec->aggregate_id_length);
			condition_range(read, COMMIT_VERSION, &spec->range);
			break;
		case READ_INDEX:
			condition_hash(read, COMMIT_ACTIVE, COMMIT_ACTIVE_VALUE, strlen(COMMIT_ACTIVE_VALUE));
			condition_range(read, COMMIT_ID, &spec->range);
			break;
		case READ_SCAN:
			break;
	}
	for (size_t i = 0; i < spec->nattributes; i++)
	{
		if (i > 0)
			buffer_puts(&read->projection, ", ");
		expression_name(&read->expression, &read->projection, spec->attributes[i]);
	}
}

ReadOperation *
read_start(Client *client, const StoreNames *names, const ReadSpec *spec, Usage *usage)
{
	ReadOperation	   *read = calloc(1, sizeof(ReadOperation));

	if (read == NULL)
		return NULL;
	read->client = client;
	read->usage = usage;
	read->path = spec->path;
	read->backward = spec->backward;
	read->consistent = spec->consistent && spec->path != READ_INDEX;
	read->table = strdup(names->commit_table);
	if (spec->path == READ_INDEX)
		read->index = strdup(names->commit_index);
	read_describe(read, spec);
	if (read->table == NULL || (spec->path == READ_INDEX && read->index == NULL))
	{
		read_free(read);
		return NULL;
	}
	return read;
}

static ReadResult
read_fail(ReadOperation *read, const Failure *failure)
{
	read->failed = true;
	read->failure = *failure;
	return READ_FAILED;
}

static ReadResult
read_fail_with(ReadOperation *read, FailureKind kind, const char *message)
{
	Failure		failure;

	failure_set(&failure, kind, NULL, "%s", message);
	return read_fail(read, &failure);
}

static void
page_request(ReadOperation *read)
{
	ByteBuffer		body = {0};
	ReadRequest request = {
		.table = read->table,
		.index = read->index,
		.key_condition = read->key_condition.data,
		.projection = read->projection.data,
		.expression = &read->expression,
		.exclusive_start_key = read->start_key,
		.backward = read->backward,
		.consistent = read->consistent,
	};

	if (read->key_condition.failed || read->projection.failed || read->expression.names.failed
		|| read->expression.values.failed)
		body.failed = true;
	else
		request_read(&body, &request);
	read->call = call_start(read->client, read->path == READ_SCAN ? OPERATION_SCAN : OPERATION_QUERY, &body,
							read->usage);
	buffer_free(&body);
}

/* Takes the answer over; the page before it is gone then. */
static bool
page_arrived(ReadOperation *read)
{
	const cJSON *items;
	const cJSON *last;

	cJSON_Delete(read->page);
	read->page = call_take_response(read->call);
	call_free(read->call);
	read->call = NULL;

	items = json_member(read->page, "Items");
	if (!cJSON_IsArray(items))
		return false;
	read->next_item = items->child;

	cJSON_Delete(read->start_key);
	read->start_key = NULL;
	last = json_member(read->page, "LastEvaluatedKey");
	if (last == NULL || cJSON_IsNull(last))
		read->at_end = true;
	else if (cJSON_IsObject(last))
		read->start_key = cJSON_DetachItemViaPointer(read->page, (cJSON *) last);
	else
		return false;
	return true;
}

ReadResult
read_next(ReadOperation *read, const cJSON **item)
{
	for (;;)
	{
		if (read->failed)
			return READ_FAILED;
		if (read->next_item != NULL)
		{
			*item = read->next_item;
			read->next_item = read->next_item->next;
			return READ_ITEM;
		}
		if (read->call == NULL)
		{
			if (read->at_end)
				return READ_END;
			page_request(read);
			if (read->call == NULL)
				return read_fail_with(read, FAILURE_MEMORY, "out of memory");
		}
		switch (call_step(read->call))
		{
			case STEP_PENDING:
				return READ_PENDING;
			case STEP_FAILED:
				return read_fail(read, call_failure(read->call));
			case STEP_DONE:
				if (!page_arrived(read))
					return read_fail_with(read, FAILURE_BAD_ANSWER, "the page is not one of DynamoDB's");
		}
	}
}

const Failure *
read_failure(const ReadOperation *read)
{
	return &read->failure;
}

void
read_free(ReadOperation *read)
{
	if (read == NULL)
		return;
	call_free(read->call);
	cJSON_Delete(read->page);
	cJSON_Delete(read->start_key);
	expression_free(&read->expression);
	buffer_free(&read->key_condition);
	buffer_free(&read->projection);
	free(read->table);
	free(read->index);
	free(read);
}
