/*
 * commit: how does a commit become an item, and an item a commit? See commit.h.
 */
#include "store/commit.h"

#include <inttypes.h>
#include <string.h>

/* aggregateId to active, and appendedAt. */
#define MAX_OWN_ATTRIBUTES 7

/* The attributes of a commit but the extra ones, in their order in the item. Numbers are printed into `digits`. */
typedef struct OwnAttributes
{
	Attribute	attributes[MAX_OWN_ATTRIBUTES];
	size_t		count;
	char		digits[MAX_OWN_ATTRIBUTES][24];
} OwnAttributes;

static void
add_string(OwnAttributes *own, const char *name, const char *text, size_t length)
{
	own->attributes[own->count++] = (Attribute) {name, attribute_string(text, length)};
}

static void
add_number(OwnAttributes *own, const char *name, int64_t number)
{
	own->attributes[own->count] = (Attribute) {name, attribute_int64(number, own->digits[own->count])};
	own->count++;
}

static void
own_attributes(const Commit *commit, OwnAttributes *own)
{
	own->count = 0;
	add_string(own, COMMIT_AGGREGATE_ID, commit->aggregate_id, commit->aggregate_id_length);
	add_number(own, COMMIT_VERSION, commit->version);
	add_number(own, COMMIT_ID, commit->commit_id);
	add_number(own, COMMIT_COMMITTED_AT, commit->committed_at);
	add_string(own, COMMIT_EVENTS, commit->events, commit->events_length);
	add_string(own, COMMIT_ACTIVE, COMMIT_ACTIVE_VALUE, strlen(COMMIT_ACTIVE_VALUE));
	if (commit->committed_at_given && !commit->is_imported)
		add_number(own, COMMIT_APPENDED_AT, commit->appended_at);
}

static bool
refuse_key(const Commit *commit, Failure *failure)
{
	if (commit->aggregate_id_length == 0)
		failure_set(failure, FAILURE_OTHER, NULL, "The aggregate id is empty.");
	else if (commit->aggregate_id_length > MAX_AGGREGATE_ID_BYTES)
		failure_set(failure, FAILURE_TOO_LARGE, NULL, "The aggregate id has %zu bytes, and DynamoDB allows %d.",
					commit->aggregate_id_length, MAX_AGGREGATE_ID_BYTES);
	else if (commit->version < 0)
		failure_set(failure, FAILURE_OTHER, NULL, "The version is %" PRId64 ", and versions start at 0.",
					commit->version);
	else
		return false;
	return true;
}

static bool
refuse_numbers(const Commit *commit, Failure *failure)
{
	for (size_t i = 0; i < commit->nextra; i++)
	{
		const Attribute *extra = &commit->extra[i];

		if (extra->value.type == ATTRIBUTE_N && !number_is_storable(extra->value.text, extra->value.length))
		{
			failure_set(failure, FAILURE_OTHER, NULL, "DynamoDB cannot hold the number in the attribute \"%s\".",
						extra->name);
			return true;
		}
	}
	return false;
}

static bool
refuse_size(const Commit *commit, Failure *failure)
{
	Commit		widest = *commit;
	size_t		size;

	if (!commit->is_imported)
		widest.commit_id = INT64_MAX;
	widest.appended_at = INT64_MAX;
	if (!commit->committed_at_given)
		widest.committed_at = INT64_MAX;
	size = commit_item_size(&widest);
	if (size <= MAX_ITEM_BYTES)
		return false;
	failure_set(failure, FAILURE_TOO_LARGE, NULL, "The item would have up to %zu bytes, and DynamoDB allows %d.", size,
				MAX_ITEM_BYTES);
	return true;
}

bool
commit_check(const Commit *commit, Failure *failure)
{
	return !refuse_key(commit, failure) && !refuse_numbers(commit, failure) && !refuse_size(commit, failure);
}

ItemKey
commit_key(const Commit *commit, int64_t version, char digits[24])
{
	return (ItemKey)
	{
		.attributes = {
			{COMMIT_AGGREGATE_ID, attribute_string(commit->aggregate_id, commit->aggregate_id_length)},
			{COMMIT_VERSION, attribute_int64(version, digits)},
		},
		.count = 2
	};
}

size_t
commit_item_size(const Commit *commit)
{
	OwnAttributes own;
	size_t		size = 0;

	own_attributes(commit, &own);
	for (size_t i = 0; i < own.count; i++)
		size += attribute_size(&own.attributes[i]);
	for (size_t i = 0; i < commit->nextra; i++)
		size += attribute_size(&commit->extra[i]);
	return size;
}

void
commit_stamp(Commit *commit, int64_t now)
{
	commit->appended_at = now;
	if (!commit->committed_at_given)
		commit->committed_at = commit->clock_unit > 0 ? now - now % commit->clock_unit : now;
}

void
commit_write_item(const Commit *commit, ByteBuffer *out)
{
	OwnAttributes own;

	own_attributes(commit, &own);
	attributes_write(out, own.attributes, own.count);
	if (commit->nextra > 0)
		buffer_putc(out, ',');
	attributes_write(out, commit->extra, commit->nextra);
}

static bool
all_are_equal(const Attribute *attributes, size_t count, const cJSON *item)
{
	for (size_t i = 0; i < count; i++)
	{
		AttributeValue there = attribute_get(item, attributes[i].name);

		if (!attribute_equal(&attributes[i].value, &there))
			return false;
	}
	return true;
}

bool
commit_is_item(const Commit *commit, const cJSON *item)
{
	OwnAttributes own;

	own_attributes(commit, &own);
	return all_are_equal(own.attributes, own.count, item) && all_are_equal(commit->extra, commit->nextra, item);
}

static bool
read_text(const cJSON *item, const char *name, const char **text, size_t *length)
{
	AttributeValue value = attribute_get(item, name);

	*text = value.text;
	*length = value.length;
	return value.type == ATTRIBUTE_S;
}

static bool
read_number(const cJSON *item, const char *name, int64_t *number)
{
	AttributeValue value = attribute_get(item, name);

	return attribute_to_int64(&value, number);
}

bool
commit_read_item(const cJSON *item, Commit *commit)
{
	memset(commit, 0, sizeof(*commit));
	return read_text(item, COMMIT_AGGREGATE_ID, &commit->aggregate_id, &commit->aggregate_id_length) &&
		read_number(item, COMMIT_VERSION, &commit->version) &&
		read_number(item, COMMIT_ID, &commit->commit_id) &&
		read_number(item, COMMIT_COMMITTED_AT, &commit->committed_at) &&
		read_text(item, COMMIT_EVENTS, &commit->events, &commit->events_length) &&
		attribute_get(item, COMMIT_ACTIVE).type == ATTRIBUTE_S;
}

bool
commit_is_indexed(const cJSON *item)
{
	AttributeValue active = attribute_get(item, COMMIT_ACTIVE);
	AttributeValue wanted = attribute_string(COMMIT_ACTIVE_VALUE, strlen(COMMIT_ACTIVE_VALUE));

	return attribute_equal(&active, &wanted) && attribute_get(item, COMMIT_ID).type == ATTRIBUTE_N;
}
