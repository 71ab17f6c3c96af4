/*
 * served.c: what does DynamoDB answer to a read? See served.h.
 */
#include "served.h"

#include "dynamodb/attribute.h"
#include "dynamodb/json.h"

typedef struct Bounds
{
	int64_t		lower;
	int64_t		upper;
} Bounds;

int
served_random(ServedStore *store, int n)
{
	store->seed = store->seed * 1103515245u + 12345u;
	return (int) ((store->seed >> 8) % (unsigned) n);
}

static int64_t
number_of(const cJSON *value)
{
	const char *text = json_member_text(value, "N");

	assert_non_null(text);
	return strtoll(text, NULL, 10);
}

/* The value of a placeholder ":1" at the beginning of the text. */
static int64_t
placeholder(const cJSON *body, const char *text)
{
	char		name[8] = {0};

	assert_int_equal(sscanf(text, "%7[:0-9]", name), 1);
	return number_of(json_member(json_member(body, "ExpressionAttributeValues"), name));
}

/* After "#0 = :0" there may be " AND #1 …" with one condition on the sort key. */
static Bounds
bounds_of(const cJSON *body)
{
	const char *condition = json_member_text(body, "KeyConditionExpression");
	const char *sort = condition != NULL ? strstr(condition, " AND #1 ") : NULL;
	Bounds		bounds = {INT64_MIN, INT64_MAX};

	if (sort == NULL)
		return bounds;
	sort += strlen(" AND #1 ");
	if (strncmp(sort, ">= ", 3) == 0)
		bounds.lower = placeholder(body, sort + 3);
	else if (strncmp(sort, "<= ", 3) == 0)
		bounds.upper = placeholder(body, sort + 3);
	else if (strncmp(sort, "= ", 2) == 0)
		bounds.lower = bounds.upper = placeholder(body, sort + 2);
	else
	{
		assert_int_equal(strncmp(sort, "BETWEEN ", 8), 0);
		bounds.lower = placeholder(body, sort + 8);
		bounds.upper = placeholder(body, strstr(sort + 8, " AND ") + 5);
	}
	return bounds;
}

static void
write_key(ByteBuffer *out, int64_t key)
{
	buffer_printf(out, "{\"aggregateId\":{\"S\":\"a\"},\"version\":{\"N\":\"%lld\"},\"commitId\":{\"N\":\"%lld\"}", (long long) key, (long long) key);
}

static void
write_item(ByteBuffer *out, int64_t key, int64_t stamp)
{
	write_key(out, key);
	if (stamp != 0)
		buffer_printf(out, ",\"committedAt\":{\"N\":\"%lld\"}", (long long) stamp);
	buffer_putc(out, '}');
}

static int64_t
integer_member(const cJSON *body, const char *name, int64_t otherwise)
{
	const cJSON *member = json_member(body, name);

	return member != NULL ? (int64_t) member->valuedouble : otherwise;
}

/* One page: the keys that are asked for, from behind the start key on, in their direction. */
static void
write_page(ServedStore *store, const cJSON *body, ByteBuffer *answer)
{
	bool		backward = cJSON_IsFalse(json_member(body, "ScanIndexForward"));
	const cJSON *start = json_member(body, "ExclusiveStartKey");
	int64_t		segment = integer_member(body, "Segment", 0);
	int64_t		segments = integer_member(body, "TotalSegments", 1);
	int64_t		limit = integer_member(body, "Limit", (int64_t) store->page_items);
	Bounds		bounds = bounds_of(body);
	size_t		count = 0;
	int64_t		last = 0;
	bool		more = false;

	if (limit > (int64_t) store->page_items)
		limit = (int64_t) store->page_items;
	if (start != NULL && backward)
		bounds.upper = number_of(json_member(start, "version")) - 1;
	else if (start != NULL)
		bounds.lower = number_of(json_member(start, "version")) + 1;
	buffer_puts(answer, "{\"Items\":[");
	for (size_t i = 0; i < store->nkeys; i++)
	{
		size_t		at = backward ? store->nkeys - 1 - i : i;
		int64_t		key = store->keys[at];

		if (store->visible_at[at] > http_now_ms() || key < bounds.lower || key > bounds.upper || key % segments != segment)
			continue;
		more = (int64_t) count == limit;
		if (more)
			break;
		buffer_puts(answer, count++ > 0 ? "," : "");
		write_item(answer, key, store->stamps[at]);
		last = key;
	}
	store->served += count;
	buffer_printf(answer, "],\"Count\":%zu,\"ScannedCount\":%zu,\"ConsumedCapacity\":{\"CapacityUnits\":%.1f}", count, count,
				  count > 0 ? (double) count * (store->units_each > 0 ? store->units_each : 0.5) : 0.5);
	/* DynamoDB says so too where the limit was met exactly. */
	if (more || (count > 0 && (int64_t) count == limit))
	{
		buffer_puts(answer, ",\"LastEvaluatedKey\":");
		write_key(answer, last);
		buffer_putc(answer, '}');
	}
	buffer_putc(answer, '}');
}

static bool
has_key(const ServedStore *store, int64_t key)
{
	for (size_t i = 0; i < store->nkeys; i++)
		if (store->keys[i] == key)
			return true;
	return false;
}

/* The items of the keys, from the last one on, since they come in no order; those that are left out, in *rest. */
static void
write_batch(ServedStore *store, const cJSON *body, ByteBuffer *answer)
{
	const cJSON *table = json_member(json_member(body, "RequestItems"), "commits");
	const cJSON *keys = json_member(table, "Keys");
	int			asked = cJSON_GetArraySize(keys);
	int			answered = 0;
	size_t		count = 0;
	ByteBuffer	rest = {0};

	assert_in_range(asked, 1, 100);
	buffer_puts(answer, "{\"Responses\":{\"commits\":[");
	for (int i = asked - 1; i >= 0; i--)
	{
		int64_t		key = number_of(json_member(cJSON_GetArrayItem(keys, i), "version"));

		assert_string_equal(json_member_text(json_member(cJSON_GetArrayItem(keys, i), "aggregateId"), "S"), "a");
		if (served_random(store, 100) < store->left_out)
		{
			buffer_printf(&rest, "%s{\"version\":{\"N\":\"%lld\"},\"aggregateId\":{\"S\":\"a\"}}", rest.length > 0 ? "," : "", (long long) key);
			continue;
		}
		answered++;
		if (!has_key(store, key))
			continue;
		buffer_puts(answer, count++ > 0 ? "," : "");
		write_item(answer, key, 0);
	}
	store->served += count;
	buffer_puts(answer, "]},\"UnprocessedKeys\":{");
	if (rest.length > 0)
		buffer_printf(answer, "\"commits\":{\"Keys\":[%s]}", rest.data);
	buffer_printf(answer, "},\"ConsumedCapacity\":[{\"TableName\":\"commits\",\"CapacityUnits\":%.1f}]}", answered * 0.5);
	answer->failed = answer->failed || rest.failed;
	buffer_free(&rest);
}

static void
write_counter_item(const ServedStore *store, const cJSON *body, ByteBuffer *answer)
{
	const char *name = json_member_text(json_member(json_member(body, "Key"), "name"), "S");
	const char *note = strstr(name, "#burned#");
	int64_t		first = note != NULL ? strtoll(note + strlen("#burned#"), NULL, 10) : 0;

	if (note != NULL)
	{
		assert_in_range(first, 1, SERVED_MOST - 1);
		if (store->notes[first] == 0)
			buffer_puts(answer, "{}");
		else
			buffer_printf(answer, "{\"Item\":{\"n\":{\"N\":\"%lld\"}}}", (long long) store->notes[first]);
		return;
	}
	buffer_printf(answer, "{\"Item\":{\"name\":{\"S\":\"commits\"},\"id\":{\"N\":\"%lld\"}}}", (long long) store->head);
}

void
served_answer(void *arg, const char *operation, const char *body_text, Exchange *exchange, ByteBuffer *answer)
{
	ServedStore *store = arg;
	cJSON	   *body = cJSON_Parse(body_text);

	memset(exchange, 0, sizeof(*exchange));
	if (store->before != NULL)
		store->before(store);
	exchange->after_ms = store->each_ms + (store->slowest_ms > 0 ? served_random(store, store->slowest_ms) : 0);
	if (served_random(store, 100) < store->faults)
	{
		if (served_random(store, 2) == 0)
			exchange->fault = FAULT_LOST;
		else
		{
			exchange->status = 400;
			exchange->answer = ERROR_ANSWER("ThrottlingException", "");
		}
	}
	else if (body == NULL)
		answer->failed = true;	/* memory was made to run out */
	else if (strcmp(operation, "GetItem") == 0)
		write_counter_item(store, body, answer);
	else if (strcmp(operation, "BatchGetItem") == 0)
		write_batch(store, body, answer);
	else
		write_page(store, body, answer);
	cJSON_Delete(body);
}

int64_t
served_key(const cJSON *item)
{
	AttributeValue version = attribute_get(item, "version");
	int64_t		key;

	assert_true(attribute_to_int64(&version, &key));
	return key;
}
