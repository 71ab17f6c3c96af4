/*
 * read_request.c: how is a page asked for? See read_request.h.
 */
#include "store/read_request.h"

#include <string.h>

#include "dynamodb/json.h"
#include "dynamodb/request.h"
#include "store/counter.h"

/* The texts of one request, which share its placeholders. */
typedef struct PageTexts
{
	Expression	expression;
	ByteBuffer	key_condition;
	ByteBuffer	filter;
	ByteBuffer	projection;
} PageTexts;

static void
condition_lower(PageTexts *texts, const KeyRange *range)
{
	char		digits[24];
	AttributeValue value = attribute_int64(range->lower, digits);

	expression_value(&texts->expression, &texts->key_condition, &value);
}

static void
condition_upper(PageTexts *texts, const KeyRange *range)
{
	char		digits[48];
	AttributeValue value = range->upper_is_cut ? attribute_number_below(range->upper + 1, digits)
		: attribute_int64(range->upper, digits);

	expression_value(&texts->expression, &texts->key_condition, &value);
}

/* DynamoDB takes a single condition on a sort key, so two bounds are one BETWEEN. */
static void
condition_range(PageTexts *texts, const char *name, const KeyRange *range)
{
	ByteBuffer *out = &texts->key_condition;

	if (!range->has_lower && !range->has_upper)
		return;
	buffer_puts(out, " AND ");
	expression_name(&texts->expression, out, name);
	if (range->has_lower && range->has_upper && range->lower == range->upper && !range->upper_is_cut)
	{
		buffer_puts(out, " = ");
		condition_lower(texts, range);
	}
	else if (range->has_lower && range->has_upper)
	{
		buffer_puts(out, " BETWEEN ");
		condition_lower(texts, range);
		buffer_puts(out, " AND ");
		condition_upper(texts, range);
	}
	else if (range->has_lower)
	{
		buffer_puts(out, " >= ");
		condition_lower(texts, range);
	}
	else
	{
		buffer_puts(out, " <= ");
		condition_upper(texts, range);
	}
}

static void
condition_hash(PageTexts *texts, const char *name, const char *text, size_t length)
{
	AttributeValue value = attribute_string(text, length);

	expression_name(&texts->expression, &texts->key_condition, name);
	buffer_puts(&texts->key_condition, " = ");
	expression_value(&texts->expression, &texts->key_condition, &value);
}

static bool
has_projection(const ReadSpec *spec)
{
	return !spec->count_only && spec->nattributes <= READ_MAX_PROJECTED;
}

static void
projection_add(PageTexts *texts, const char *name)
{
	if (texts->projection.length > 0)
		buffer_puts(&texts->projection, ", ");
	expression_name(&texts->expression, &texts->projection, name);
}

static void
texts_write(PageTexts *texts, const ReadSpec *spec, const PageRequest *page)
{
	switch (spec->path)
	{
		case READ_AGGREGATE:
			condition_hash(texts, COMMIT_AGGREGATE_ID, page->aggregate->text, page->aggregate->length);
			condition_range(texts, COMMIT_VERSION, page->range);
			break;
		case READ_INDEX:
			condition_hash(texts, COMMIT_ACTIVE, COMMIT_ACTIVE_VALUE, strlen(COMMIT_ACTIVE_VALUE));
			condition_range(texts, COMMIT_ID, page->range);
			break;
		case READ_SCAN:
			break;
	}
	if (spec->filter != NULL)
		filter_write(spec->filter, &texts->expression, &texts->filter);
	for (size_t i = 0; i < spec->nattributes && has_projection(spec); i++)
		projection_add(texts, spec->attributes[i]);
}

static void
texts_free(PageTexts *texts)
{
	expression_free(&texts->expression);
	buffer_free(&texts->key_condition);
	buffer_free(&texts->filter);
	buffer_free(&texts->projection);
}

void
read_request_write(ByteBuffer *out, const StoreNames *names, const ReadSpec *spec, const PageRequest *page)
{
	PageTexts	texts = {0};
	ReadRequest request = {
		.table = names->commit_table,
		.index = spec->path == READ_INDEX ? names->commit_index : NULL,
		.expression = &texts.expression,
		.exclusive_start_key = page->start_key,
		.limit = page->limit,
		.segment = page->segment,
		.total_segments = spec->path == READ_SCAN ? spec->segments : 0,
		.count_only = spec->count_only,
		.backward = spec->backward,
		.consistent = spec->consistent && spec->path != READ_INDEX,
	};

	texts_write(&texts, spec, page);
	request.key_condition = texts.key_condition.data;
	request.filter = texts.filter.data;
	request.projection = texts.projection.data;
	if (texts.key_condition.failed || texts.filter.failed || texts.projection.failed)
		out->failed = true;
	else
		request_read(out, &request);
	texts_free(&texts);
}

static void
batch_projection_write(PageTexts *texts, const ReadSpec *spec)
{
	projection_add(texts, COMMIT_AGGREGATE_ID);
	projection_add(texts, COMMIT_VERSION);
	for (size_t i = 0; i < spec->nattributes && !spec->count_only; i++)
		if (strcmp(spec->attributes[i], COMMIT_AGGREGATE_ID) != 0 && strcmp(spec->attributes[i], COMMIT_VERSION) != 0)
			projection_add(texts, spec->attributes[i]);
}

void
read_batch_request_write(ByteBuffer *out, const StoreNames *names, const ReadSpec *spec, const ByteBuffer *keys)
{
	PageTexts	texts = {0};
	BatchGetRequest request = {
		.table = names->commit_table, .keys = keys->data, .expression = &texts.expression, .consistent = spec->consistent,
	};

	/* The key may be two attributes more. */
	if (spec->count_only || spec->nattributes + 2 <= READ_MAX_PROJECTED)
		batch_projection_write(&texts, spec);
	request.projection = texts.projection.data;
	if (keys->failed || texts.projection.failed)
		out->failed = true;
	else
		request_batch_get(out, &request);
	texts_free(&texts);
}

const char *
read_sort_key(const ReadSpec *spec)
{
	switch (spec->path)
	{
		case READ_AGGREGATE:
			return COMMIT_VERSION;
		case READ_INDEX:
			return COMMIT_ID;
		case READ_SCAN:
			break;
	}
	return NULL;
}

Operation
read_head_request_write(ByteBuffer *out, const StoreNames *names, const ReadSpec *spec)
{
	const AggregateId *id;
	AttributeValue aggregate;

	if (spec->path == READ_INDEX)
	{
		counter_write_get(out, names);
		return OPERATION_GET_ITEM;
	}
	id = spec->pieces != NULL ? &spec->pieces[0].aggregate : &spec->aggregates[0];
	aggregate = attribute_string(id->text, id->length);
	request_last_by_key(out, names->commit_table, NULL, COMMIT_AGGREGATE_ID, &aggregate, COMMIT_VERSION);
	return OPERATION_QUERY;
}

bool
read_head_of(const ReadSpec *spec, const cJSON *response, int64_t *head)
{
	const cJSON *items = json_member(response, "Items");
	AttributeValue version;

	if (spec->path == READ_INDEX)
		return counter_read(json_member(response, "Item"), head) == COUNTER_INTEGER;
	version = attribute_get(cJSON_IsArray(items) ? items->child : NULL, COMMIT_VERSION);
	return attribute_to_int64(&version, head);
}
