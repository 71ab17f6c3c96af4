/*
 * schema.c: is a table that is there one of a store's?
 */
#include "store/schema.h"

#include <stdio.h>
#include <string.h>

#include "dynamodb/json.h"
#include "store/counter.h"

TableDefinition
schema_of_commits(const StoreNames *names)
{
	return (TableDefinition)
	{
		.table = names->commit_table,
		.hash = {COMMIT_AGGREGATE_ID, ATTRIBUTE_S},
		.range = {COMMIT_VERSION, ATTRIBUTE_N},
		.index = names->commit_index,
		.index_hash = {COMMIT_ACTIVE, ATTRIBUTE_S},
		.index_range = {COMMIT_ID, ATTRIBUTE_N},
	};
}

TableDefinition
schema_of_counters(const StoreNames *names)
{
	return (TableDefinition)
	{
		.table = names->counter_table,
		.hash = {COUNTER_NAME, ATTRIBUTE_S},
	};
}

/* The attribute that a table or an index has as its HASH or RANGE key; NULL: none. */
static const char *
key_attribute(const cJSON *keyed, const char *key_type)
{
	const cJSON *key;

	cJSON_ArrayForEach(key, json_member(keyed, "KeySchema"))
	{
		const char *type = json_member_text(key, "KeyType");

		if (type != NULL && strcmp(type, key_type) == 0)
			return json_member_text(key, "AttributeName");
	}
	return NULL;
}

/* The type that a table declares for a key attribute: "S", "N", "B"; "?" where it does not. */
static const char *
declared_type(const cJSON *description, const char *name)
{
	const cJSON *definition;

	cJSON_ArrayForEach(definition, json_member(description, "AttributeDefinitions"))
	{
		const char *defined = json_member_text(definition, "AttributeName");
		const char *type = json_member_text(definition, "AttributeType");

		if (defined != NULL && type != NULL && strcmp(defined, name) == 0)
			return type;
	}
	return "?";
}

/* `wanted` has no name: there is to be no such key. */
static bool
attribute_fits(const cJSON *description, const cJSON *keyed, const char *key_type, const KeyAttribute *wanted)
{
	const char *name = key_attribute(keyed, key_type);

	if (name == NULL || wanted->name == NULL)
		return name == NULL && wanted->name == NULL;
	return strcmp(name, wanted->name) == 0
		&& strcmp(declared_type(description, name), attribute_type_name(wanted->type)) == 0;
}

static bool
key_fits(const cJSON *description, const cJSON *keyed, const KeyAttribute *hash, const KeyAttribute *range)
{
	return attribute_fits(description, keyed, "HASH", hash) && attribute_fits(description, keyed, "RANGE", range);
}

bool
schema_key_fits(const cJSON *description, const TableDefinition *wanted)
{
	return key_fits(description, description, &wanted->hash, &wanted->range);
}

/* NULL: some engines do not say it. */
static const char *
projection_of(const cJSON *index)
{
	return json_member_text(json_member(index, "Projection"), "ProjectionType");
}

/* An index that lacks attributes would show them as NULL. */
static bool
projection_fits(const cJSON *index)
{
	const char *projection = projection_of(index);

	return projection == NULL || strcmp(projection, "ALL") == 0;
}

bool
schema_index_fits(const cJSON *description, const cJSON *index, const TableDefinition *wanted)
{
	return key_fits(description, index, &wanted->index_hash, &wanted->index_range) && projection_fits(index);
}

static const cJSON *
find_index(const cJSON *description, const char *wanted)
{
	const cJSON *index;

	cJSON_ArrayForEach(index, json_member(description, "GlobalSecondaryIndexes"))
	{
		const char *name = json_member_text(index, "IndexName");

		if (wanted != NULL && name != NULL && strcmp(name, wanted) == 0)
			return index;
	}
	return NULL;
}

static void
copy_text(char *copy, size_t size, const char *text)
{
	snprintf(copy, size, "%s", text != NULL ? text : "");
}

/* "aggregateId S, version N" */
static void
copy_key(char text[SCHEMA_KEY_TEXT], const cJSON *description, const cJSON *keyed)
{
	const char *hash = key_attribute(keyed, "HASH");
	const char *range = key_attribute(keyed, "RANGE");

	snprintf(text, SCHEMA_KEY_TEXT, "%.255s %.8s%s%.255s%s%.8s", hash != NULL ? hash : "?",
			 hash != NULL ? declared_type(description, hash) : "?", range != NULL ? ", " : "",
			 range != NULL ? range : "", range != NULL ? " " : "",
			 range != NULL ? declared_type(description, range) : "");
}

void
schema_read(const cJSON *description, const TableDefinition *wanted, TableSchema *schema)
{
	const cJSON *index = find_index(description, wanted->index);

	memset(schema, 0, sizeof(*schema));
	schema->exists = true;
	copy_text(schema->status, sizeof(schema->status), json_member_text(description, "TableStatus"));
	copy_key(schema->key, description, description);
	schema->key_fits = schema_key_fits(description, wanted);
	if (index == NULL)
		return;
	schema->has_index = true;
	copy_text(schema->index_status, sizeof(schema->index_status), json_member_text(index, "IndexStatus"));
	copy_key(schema->index_key, description, index);
	schema->index_key_fits = key_fits(description, index, &wanted->index_hash, &wanted->index_range);
	copy_text(schema->projection, sizeof(schema->projection), projection_of(index));
	schema->projection_fits = projection_fits(index);
}

bool
schema_fits(const TableSchema *schema)
{
	return schema->key_fits && (!schema->has_index || (schema->index_key_fits && schema->projection_fits));
}

bool
schema_index_is_usable(const TableSchema *schema)
{
	return schema->has_index && (schema->index_status[0] == '\0' || strcmp(schema->index_status, "ACTIVE") == 0);
}

/* "aggregateId S, version N", as it is to be. */
static void
wanted_key(char *text, size_t size, const KeyAttribute *hash, const KeyAttribute *range)
{
	if (range->name == NULL)
		snprintf(text, size, "%s %s", hash->name, attribute_type_name(hash->type));
	else
		snprintf(text, size, "%s %s, %s %s", hash->name, attribute_type_name(hash->type),
				 range->name, attribute_type_name(range->type));
}

bool
schema_next_fault(TableSchema *schema, const TableDefinition *wanted, char *words, size_t size)
{
	char		key[64];
	bool		needs_index = wanted->index != NULL;

	if (!schema->key_fits)
	{
		wanted_key(key, sizeof(key), &wanted->hash, &wanted->range);
		snprintf(words, size, "Table \"%s\" has the key (%s), where a store has (%s).", wanted->table, schema->key, key);
		/* Another table altogether: what its indexes lack does not matter. */
		schema->key_fits = schema->has_index = schema->index_key_fits = schema->projection_fits = true;
	}
	else if (needs_index && !schema->has_index)
	{
		snprintf(words, size, "Table \"%s\" has no index \"%s\".", wanted->table, wanted->index);
		schema->has_index = schema->index_key_fits = schema->projection_fits = true;
	}
	else if (needs_index && !schema->index_key_fits)
	{
		wanted_key(key, sizeof(key), &wanted->index_hash, &wanted->index_range);
		snprintf(words, size, "Index \"%s\" of table \"%s\" has the key (%s), where a store has (%s).", wanted->index,
				 wanted->table, schema->index_key, key);
		schema->index_key_fits = true;
	}
	else if (needs_index && !schema->projection_fits)
	{
		snprintf(words, size, "Index \"%s\" of table \"%s\" holds %s of the attributes, where a store has ALL.",
				 wanted->index, wanted->table, schema->projection);
		schema->projection_fits = true;
	}
	else
		return false;
	return true;
}
