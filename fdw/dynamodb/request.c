/*
 * request: what does DynamoDB get to read? See request.h.
 *
 * Each body is written from left to right, without members that would say what is the default anyway.
 */
#include "dynamodb/request.h"

#include <inttypes.h>
#include <string.h>

#include "dynamodb/json.h"

#define RETURN_CAPACITY ",\"ReturnConsumedCapacity\":\"TOTAL\""
#define RETURN_ITEM_ON_FAILURE ",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\""

static void
write_text(ByteBuffer *out, const char *text)
{
	json_write_string(out, text, strlen(text));
}

/* ,"Member":"text", or nothing for NULL. */
static void
write_member(ByteBuffer *out, const char *member, const char *text)
{
	if (text == NULL)
		return;
	buffer_puts(out, ",\"");
	buffer_puts(out, member);
	buffer_puts(out, "\":");
	write_text(out, text);
}

/* The opening of every body. */
static void
write_table(ByteBuffer *out, const char *table)
{
	buffer_puts(out, "{\"TableName\":");
	write_text(out, table);
}

/*
 * The place of :"name" in the list, or NULL. Quotes inside a name are escaped there, so this text occurs only where it
 * is the whole of a member's value.
 */
static const char *
find_name(Expression *expression, const char *name)
{
	ByteBuffer		quoted = {0};
	const char *found = NULL;

	buffer_putc(&quoted, ':');
	write_text(&quoted, name);
	if (quoted.failed)
		expression->names.failed = true;
	else if (expression->nnames > 0 && !expression->names.failed)
		found = strstr(expression->names.data, quoted.data);
	buffer_free(&quoted);
	return found;
}

/* "#2": of the names, or ":2": of the values, and a comma before all but the first. */
static void
open_placeholder(ByteBuffer *members, const char *sign, int number)
{
	buffer_puts(members, number > 0 ? ",\"" : "\"");
	buffer_puts(members, sign);
	buffer_put_int64(members, number);
	buffer_puts(members, "\":");
}

void
expression_name(Expression *expression, ByteBuffer *out, const char *name)
{
	const char *found = find_name(expression, name);

	if (found != NULL)
	{
		/* Back over "#12": from the colon. */
		const char *end = found - 1;
		const char *start = end;

		while (*start != '#')
			start--;
		buffer_append(out, start, (size_t) (end - start));
		return;
	}
	open_placeholder(&expression->names, "#", expression->nnames);
	write_text(&expression->names, name);
	buffer_putc(out, '#');
	buffer_put_int64(out, expression->nnames++);
}

void
expression_value(Expression *expression, ByteBuffer *out, const AttributeValue *value)
{
	open_placeholder(&expression->values, ":", expression->nvalues);
	attribute_write(&expression->values, value);
	buffer_putc(out, ':');
	buffer_put_int64(out, expression->nvalues++);
}

void
expression_free(Expression *expression)
{
	buffer_free(&expression->names);
	buffer_free(&expression->values);
	memset(expression, 0, sizeof(*expression));
}

static void
write_expression(ByteBuffer *out, const Expression *expression)
{
	if (expression == NULL)
		return;
	if (expression->names.failed || expression->values.failed)
	{
		out->failed = true;
		return;
	}
	if (expression->nnames > 0)
	{
		buffer_puts(out, ",\"ExpressionAttributeNames\":{");
		buffer_puts(out, expression->names.data);
		buffer_putc(out, '}');
	}
	if (expression->nvalues > 0)
	{
		buffer_puts(out, ",\"ExpressionAttributeValues\":{");
		buffer_puts(out, expression->values.data);
		buffer_putc(out, '}');
	}
}

void
request_read(ByteBuffer *out, const ReadRequest *request)
{
	write_table(out, request->table);
	write_member(out, "IndexName", request->index);
	write_member(out, "KeyConditionExpression", request->key_condition);
	write_member(out, "FilterExpression", request->filter);
	write_member(out, "ProjectionExpression", request->projection);
	write_expression(out, request->expression);
	if (request->exclusive_start_key != NULL)
	{
		buffer_puts(out, ",\"ExclusiveStartKey\":");
		json_write_value(out, request->exclusive_start_key);
	}
	if (request->limit > 0)
		buffer_printf(out, ",\"Limit\":%" PRId64, request->limit);
	if (request->total_segments > 1)
		buffer_printf(out, ",\"Segment\":%d,\"TotalSegments\":%d", request->segment, request->total_segments);
	if (request->count_only)
		buffer_puts(out, ",\"Select\":\"COUNT\"");
	if (request->backward)
		buffer_puts(out, ",\"ScanIndexForward\":false");
	if (request->consistent)
		buffer_puts(out, ",\"ConsistentRead\":true");
	buffer_puts(out, RETURN_CAPACITY "}");
}

void
request_batch_get(ByteBuffer *out, const BatchGetRequest *request)
{
	buffer_puts(out, "{\"RequestItems\":{");
	write_text(out, request->table);
	buffer_puts(out, ":{\"Keys\":[");
	buffer_puts(out, request->keys);
	buffer_putc(out, ']');
	write_member(out, "ProjectionExpression", request->projection);
	write_expression(out, request->expression);
	if (request->consistent)
		buffer_puts(out, ",\"ConsistentRead\":true");
	buffer_puts(out, "}}" RETURN_CAPACITY "}");
}

/* ,"Key":{"name":{"S":"commits"}} */
static void
write_key(ByteBuffer *out, const ItemKey *key)
{
	buffer_puts(out, ",\"Key\":{");
	attributes_write(out, key->attributes, key->count);
	buffer_putc(out, '}');
}

void
request_get(ByteBuffer *out, const char *table, const ItemKey *key)
{
	write_table(out, table);
	write_key(out, key);
	buffer_puts(out, ",\"ConsistentRead\":true" RETURN_CAPACITY "}");
}

void
request_glance(ByteBuffer *out, const char *table, const ItemKey *key)
{
	write_table(out, table);
	write_key(out, key);
	buffer_puts(out, RETURN_CAPACITY "}");
}

/* What an Update says both by itself and in a transaction. */
static void
write_update(ByteBuffer *out, const UpdateRequest *request)
{
	write_table(out, request->table);
	write_key(out, request->key);
	write_member(out, "UpdateExpression", request->update);
	write_member(out, "ConditionExpression", request->condition);
	write_expression(out, request->expression);
}

void
request_update(ByteBuffer *out, const UpdateRequest *request)
{
	write_update(out, request);
	if (request->returns_new)
		buffer_puts(out, ",\"ReturnValues\":\"UPDATED_NEW\"");
	buffer_puts(out, RETURN_CAPACITY "}");
}

void
request_put(ByteBuffer *out, const char *table, const char *item)
{
	write_table(out, table);
	buffer_puts(out, ",\"Item\":{");
	buffer_puts(out, item);
	buffer_puts(out, "}" RETURN_CAPACITY "}");
}

void
request_last_by_key(ByteBuffer *out, const char *table, const char *index, const char *hash_name,
					const AttributeValue *hash, const char *attribute)
{
	Expression	expression = {0};
	ByteBuffer	condition = {0};
	ByteBuffer	projection = {0};
	ReadRequest request = {
		.table = table,
		.index = index,
		.expression = &expression,
		.limit = 1,
		.backward = true,
		.consistent = index == NULL,
	};

	expression_name(&expression, &condition, hash_name);
	buffer_puts(&condition, " = ");
	expression_value(&expression, &condition, hash);
	expression_name(&expression, &projection, attribute);
	request.key_condition = condition.data;
	request.projection = projection.data;
	if (condition.failed || projection.failed)
		out->failed = true;
	else
		request_read(out, &request);
	expression_free(&expression);
	buffer_free(&condition);
	buffer_free(&projection);
}

/* What a put says both by itself and in a transaction. */
static void
write_put_new(ByteBuffer *out, const char *table, const char *item, const char *key_attribute)
{
	write_table(out, table);
	buffer_puts(out, ",\"Item\":{");
	buffer_puts(out, item);
	buffer_puts(out, "},\"ConditionExpression\":\"attribute_not_exists(#0)\",\"ExpressionAttributeNames\":{\"#0\":");
	write_text(out, key_attribute);
	buffer_puts(out, "}" RETURN_ITEM_ON_FAILURE);
}

void
request_put_new(ByteBuffer *out, const char *table, const char *item, const char *key_attribute)
{
	write_put_new(out, table, item, key_attribute);
	buffer_puts(out, RETURN_CAPACITY "}");
}

void
request_transaction_open(ByteBuffer *out)
{
	buffer_puts(out, "{\"TransactItems\":[");
}

/* Opens an action; the first one stands at the list's own bracket. */
static void
open_action(ByteBuffer *out, const char *action)
{
	bool		is_first = out->length > 0 && out->data[out->length - 1] == '[';

	buffer_printf(out, "%s{\"%s\":", is_first ? "" : ",", action);
}

void
request_transaction_update(ByteBuffer *out, const UpdateRequest *request)
{
	open_action(out, "Update");
	write_update(out, request);
	buffer_puts(out, RETURN_ITEM_ON_FAILURE "}}");
}

void
request_transaction_put_new(ByteBuffer *out, const char *table, const char *item, const char *key_attribute)
{
	open_action(out, "Put");
	write_put_new(out, table, item, key_attribute);
	buffer_puts(out, "}}");
}

void
request_transaction_check(ByteBuffer *out, const char *table, const ItemKey *key)
{
	open_action(out, "ConditionCheck");
	write_table(out, table);
	write_key(out, key);
	buffer_puts(out, ",\"ConditionExpression\":\"attribute_exists(#0)\",\"ExpressionAttributeNames\":{\"#0\":");
	write_text(out, key->attributes[0].name);
	buffer_puts(out, "}" RETURN_ITEM_ON_FAILURE "}}");
}

void
request_transaction_close(ByteBuffer *out, const char *token)
{
	buffer_puts(out, "]");
	write_member(out, "ClientRequestToken", token);
	buffer_puts(out, RETURN_CAPACITY "}");
}

/* ,"KeySchema":[…]; `range` may have no name. */
static void
write_key_schema(ByteBuffer *out, const KeyAttribute *hash, const KeyAttribute *range)
{
	buffer_puts(out, ",\"KeySchema\":[{\"AttributeName\":");
	write_text(out, hash->name);
	buffer_puts(out, ",\"KeyType\":\"HASH\"}");
	if (range->name != NULL)
	{
		buffer_puts(out, ",{\"AttributeName\":");
		write_text(out, range->name);
		buffer_puts(out, ",\"KeyType\":\"RANGE\"}");
	}
	buffer_putc(out, ']');
}

/* Every key attribute once: DynamoDB refuses a second definition, and one of an attribute that is in no key. */
static void
write_attribute_definitions(ByteBuffer *out, const TableDefinition *definition)
{
	const KeyAttribute *keys[4] = {&definition->hash, &definition->range, NULL, NULL};
	size_t		nkeys = 2;
	bool		first = true;

	if (definition->index != NULL)
	{
		keys[nkeys++] = &definition->index_hash;
		keys[nkeys++] = &definition->index_range;
	}
	buffer_puts(out, ",\"AttributeDefinitions\":[");
	for (size_t i = 0; i < nkeys; i++)
	{
		bool		repeated = false;

		if (keys[i]->name == NULL)
			continue;
		for (size_t j = 0; j < i; j++)
			repeated = repeated || (keys[j]->name != NULL && strcmp(keys[j]->name, keys[i]->name) == 0);
		if (repeated)
			continue;
		buffer_puts(out, first ? "{\"AttributeName\":" : ",{\"AttributeName\":");
		write_text(out, keys[i]->name);
		buffer_printf(out, ",\"AttributeType\":\"%s\"}", attribute_type_name(keys[i]->type));
		first = false;
	}
	buffer_putc(out, ']');
}

void
request_create_table(ByteBuffer *out, const TableDefinition *definition)
{
	write_table(out, definition->table);
	write_attribute_definitions(out, definition);
	write_key_schema(out, &definition->hash, &definition->range);
	buffer_puts(out, ",\"BillingMode\":\"PAY_PER_REQUEST\"");
	if (definition->index != NULL)
	{
		buffer_puts(out, ",\"GlobalSecondaryIndexes\":[{\"IndexName\":");
		write_text(out, definition->index);
		write_key_schema(out, &definition->index_hash, &definition->index_range);
		buffer_puts(out, ",\"Projection\":{\"ProjectionType\":\"ALL\"}}]");
	}
	buffer_putc(out, '}');
}

void
request_delete_table(ByteBuffer *out, const char *table)
{
	write_table(out, table);
	buffer_putc(out, '}');
}

void
request_describe_table(ByteBuffer *out, const char *table)
{
	write_table(out, table);
	buffer_putc(out, '}');
}

void
request_list_tables(ByteBuffer *out, const char *after)
{
	buffer_putc(out, '{');
	if (after != NULL)
	{
		buffer_puts(out, "\"ExclusiveStartTableName\":");
		write_text(out, after);
	}
	buffer_putc(out, '}');
}

/* Quotes inside a text are escaped, and no attribute's value begins with one: this is a member of a request. */
size_t
request_find_table(const ByteBuffer *body, const char **name)
{
	static const char *const members[] = {"{\"RequestItems\":{\"", "\"TableName\":\""};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]) && body->data != NULL && !body->failed; i++)
	{
		const char *found = strstr(body->data, members[i]);

		if (found == NULL)
			continue;
		*name = found + strlen(members[i]);
		return strcspn(*name, "\"");
	}
	return 0;
}
