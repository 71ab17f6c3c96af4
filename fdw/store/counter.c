/*
 * counter: where do commit ids come from, and which of them came to nothing? See counter.h.
 */
#include "store/counter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb/json.h"
#include "dynamodb/request.h"

/* Between a counter's name and the first id of a note. */
#define BURNED_INFIX "#burned#"

static ItemKey
key_of_name(const char *name)
{
	return (ItemKey)
	{
		.attributes = {{COUNTER_NAME, attribute_string(name, strlen(name))}}, .count = 1
	};
}

/* The placeholders of an update: #0 is the id, and :0, :1 are the numbers. */
static void
make_placeholders(Expression *expression, const int64_t *numbers, size_t nnumbers)
{
	ByteBuffer	known = {0};

	expression_name(expression, &known, COUNTER_ID);
	for (size_t i = 0; i < nnumbers; i++)
	{
		char		digits[24];
		AttributeValue value = attribute_int64(numbers[i], digits);

		expression_value(expression, &known, &value);
	}
	if (known.failed)
		expression->names.failed = true;
	buffer_free(&known);
}

void
counter_write_take(ByteBuffer *body, const StoreNames *names, int64_t n)
{
	ItemKey		key = key_of_name(names->counter);
	Expression	expression = {0};

	make_placeholders(&expression, &n, 1);
	request_update(body, &(UpdateRequest) {
		.table = names->counter_table, .key = &key, .update = "ADD #0 :0", .expression = &expression, .returns_new = true
	});
	expression_free(&expression);
}

void
counter_write_get(ByteBuffer *body, const StoreNames *names)
{
	ItemKey		key = key_of_name(names->counter);

	request_get(body, names->counter_table, &key);
}

void
counter_write_glance(ByteBuffer *body, const StoreNames *names)
{
	ItemKey		key = key_of_name(names->counter);

	request_glance(body, names->counter_table, &key);
}

/* An item of a name and a number. */
static void
write_item(ByteBuffer *item, const char *name, const char *attribute, int64_t number)
{
	char		digits[24];
	const Attribute attributes[] = {
		{COUNTER_NAME, attribute_string(name, strlen(name))},
		{attribute, attribute_int64(number, digits)},
	};

	attributes_write(item, attributes, 2);
}

void
counter_write_put_new(ByteBuffer *body, const StoreNames *names, int64_t id)
{
	ByteBuffer	item = {0};

	write_item(&item, names->counter, COUNTER_ID, id);
	if (item.failed)
		body->failed = true;
	else
		request_put_new(body, names->counter_table, item.data, COUNTER_NAME);
	buffer_free(&item);
}

void
counter_write_raise(ByteBuffer *body, const StoreNames *names, int64_t id)
{
	ItemKey		key = key_of_name(names->counter);
	Expression	expression = {0};

	make_placeholders(&expression, &id, 1);
	request_update(body, &(UpdateRequest) {
		.table = names->counter_table, .key = &key, .update = "SET #0 = :0",
		.condition = "attribute_not_exists(#0) OR #0 < :0", .expression = &expression
	});
	expression_free(&expression);
}

/* #0 is the note of the drop, and #1 the id. */
static void
write_update_of_drop(ByteBuffer *body, const StoreNames *names, UpdateRequest *request)
{
	ItemKey		key = key_of_name(names->counter);
	Expression	expression = {0};
	ByteBuffer	known = {0};

	expression_name(&expression, &known, COUNTER_DROPPED_AT);
	if (request->condition != NULL)
		expression_name(&expression, &known, COUNTER_ID);
	if (known.failed)
		expression.names.failed = true;
	request->table = names->counter_table;
	request->key = &key;
	request->expression = &expression;
	request_update(body, request);
	expression_free(&expression);
	buffer_free(&known);
}

void
counter_write_retire(ByteBuffer *body, const StoreNames *names)
{
	write_update_of_drop(body, names, &(UpdateRequest) {.update = "SET #0 = #1", .condition = "attribute_exists(#1)"});
}

void
counter_write_revive(ByteBuffer *body, const StoreNames *names)
{
	write_update_of_drop(body, names, &(UpdateRequest) {.update = "REMOVE #0"});
}

void
counter_write_move(ByteBuffer *body, const StoreNames *names, int64_t id, int64_t next)
{
	const int64_t numbers[] = {id, next};
	ItemKey		key = key_of_name(names->counter);
	Expression	expression = {0};

	make_placeholders(&expression, numbers, 2);
	request_transaction_update(body, &(UpdateRequest) {
		.table = names->counter_table, .key = &key, .update = "SET #0 = :1",
		.condition = id == 0 ? "attribute_not_exists(#0) OR #0 = :0" : "#0 = :0", .expression = &expression
	});
	expression_free(&expression);
}

void
counter_write_list(ByteBuffer *body, const StoreNames *names, const cJSON *start_key)
{
	static const char *const attributes[] = {COUNTER_NAME, COUNTER_ID, COUNTER_DROPPED_AT, COUNTER_BURNED_COUNT};
	Expression	expression = {0};
	ByteBuffer	projection = {0};
	ReadRequest request = {
		.table = names->counter_table,
		.expression = &expression,
		.exclusive_start_key = start_key,
		.consistent = true,
	};

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
	{
		buffer_puts(&projection, i > 0 ? ", " : "");
		expression_name(&expression, &projection, attributes[i]);
	}
	request.projection = projection.data;
	if (projection.failed)
		body->failed = true;
	else
		request_read(body, &request);
	expression_free(&expression);
	buffer_free(&projection);
}

static void
write_note_name(ByteBuffer *name, const StoreNames *names, int64_t first)
{
	buffer_printf(name, "%s" BURNED_INFIX "%" PRId64, names->counter, first);
}

void
counter_write_note(ByteBuffer *body, const StoreNames *names, int64_t first, int64_t count)
{
	ByteBuffer	name = {0};
	ByteBuffer	item = {0};

	write_note_name(&name, names, first);
	if (!name.failed)
		write_item(&item, name.data, COUNTER_BURNED_COUNT, count);
	if (name.failed || item.failed)
		body->failed = true;
	else
		request_put(body, names->counter_table, item.data);
	buffer_free(&name);
	buffer_free(&item);
}

void
counter_write_note_get(ByteBuffer *body, const StoreNames *names, int64_t first)
{
	ByteBuffer	name = {0};
	ItemKey		key;

	write_note_name(&name, names, first);
	if (name.failed)
		body->failed = true;
	else
	{
		key = key_of_name(name.data);
		request_glance(body, names->counter_table, &key);
	}
	buffer_free(&name);
}

/* The smallest double that is above all of int64_t. */
static bool
is_beyond_all_ids(const AttributeValue *value)
{
	return value->type == ATTRIBUTE_N && json_is_number(value->text, value->length)
		&& strtod(value->text, NULL) >= 9223372036854775808.0;
}

CounterContent
counter_read(const cJSON *item, int64_t *id)
{
	AttributeValue value = attribute_get(item, COUNTER_ID);

	if (value.type == ATTRIBUTE_ABSENT)
		return COUNTER_NOTHING;
	if (attribute_to_int64(&value, id))
		return COUNTER_INTEGER;
	return is_beyond_all_ids(&value) ? COUNTER_EXHAUSTED : COUNTER_UNFIT;
}

bool
counter_read_head(const cJSON *item, int64_t *head)
{
	int64_t		id = 0;
	CounterContent content = counter_read(item, &id);

	if (!cJSON_IsObject(item) || (content != COUNTER_NOTHING && content != COUNTER_INTEGER) || id < 0)
		return false;
	*head = id;
	return true;
}

bool
counter_read_taken(const cJSON *response, int64_t n, int64_t *last, Failure *failure)
{
	const cJSON *attributes = json_member(response, "Attributes");

	if (counter_read(attributes, last) == COUNTER_INTEGER && *last >= n)
		return true;
	counter_failure(attributes, failure);
	return false;
}

void
counter_failure(const cJSON *item, Failure *failure)
{
	int64_t		id;

	if (counter_read(item, &id) == COUNTER_EXHAUSTED)
		failure_set(failure, FAILURE_EXHAUSTED, NULL, "the counter is beyond %" PRId64 ", the largest commit id", INT64_MAX);
	else
		failure_set(failure, FAILURE_BAD_ANSWER, NULL, "the counter did not answer a commit id");
}

/* What follows the counter's name and the infix in the name of a note; NULL: it is named otherwise. */
static const char *
note_suffix(const char *counter, const AttributeValue *name)
{
	size_t		length = strlen(counter);

	if (name->type != ATTRIBUTE_S || strncmp(name->text, counter, length) != 0
		|| strncmp(name->text + length, BURNED_INFIX, strlen(BURNED_INFIX)) != 0)
		return NULL;
	return name->text + length + strlen(BURNED_INFIX);
}

bool
counter_is_retired(const cJSON *item)
{
	AttributeValue dropped_at = attribute_get(item, COUNTER_DROPPED_AT);
	int64_t		id;
	int64_t		id_when_dropped;

	return counter_read(item, &id) == COUNTER_INTEGER && attribute_to_int64(&dropped_at, &id_when_dropped)
		&& id == id_when_dropped;
}

bool
counter_is_expendable(const cJSON *item, const char *counter)
{
	AttributeValue name = attribute_get(item, COUNTER_NAME);
	int64_t		id;

	if (name.type != ATTRIBUTE_S)
		return false;
	if (strcmp(name.text, counter) == 0 || counter_is_retired(item))
		return true;
	if (counter_read(item, &id) != COUNTER_NOTHING)
		return false;
	return note_suffix(counter, &name) != NULL || (strstr(name.text, BURNED_INFIX) != NULL && counter_note_count(item) > 0);
}

CounterNote
counter_read_note(const cJSON *item, const char *counter, int64_t *first, int64_t *count)
{
	AttributeValue name = attribute_get(item, COUNTER_NAME);
	AttributeValue n = attribute_get(item, COUNTER_BURNED_COUNT);
	const char *suffix = note_suffix(counter, &name);
	AttributeValue id;

	/* Without a count it is another store's counter, of an odd name. */
	if (suffix == NULL || n.type == ATTRIBUTE_ABSENT)
		return COUNTER_NO_NOTE;
	id = attribute_number(suffix, name.length - (size_t) (suffix - name.text));
	return attribute_to_int64(&id, first) && attribute_to_int64(&n, count) && *first > 0 && *count > 0
		? COUNTER_NOTE : COUNTER_BAD_NOTE;
}

int64_t
counter_note_count(const cJSON *item)
{
	AttributeValue n = attribute_get(item, COUNTER_BURNED_COUNT);
	int64_t		count;

	return attribute_to_int64(&n, &count) && count > 0 ? count : 0;
}
