/*
 * schema: what DescribeTable says of a table, beside what a store's tables have to be.
 *
 * Names alone tell little: the stores of dynamodb-event-store 2.x have the same ones, and ids that are strings. So the
 * types of the key attributes count as well, and that the index holds all attributes.
 */
#ifndef DYNAMODB_ES_SCHEMA_H
#define DYNAMODB_ES_SCHEMA_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "dynamodb/request.h"
#include "store/commit.h"

/* Room for a key as text: two names of at most 255 bytes, and their types. */
#define SCHEMA_KEY_TEXT 576

/* The two tables of a store, as they are made. Views of the names. */
extern TableDefinition schema_of_commits(const StoreNames *names);
extern TableDefinition schema_of_counters(const StoreNames *names);

/* A table as it is. Texts are cut where they are longer than DynamoDB allows. */
typedef struct TableSchema
{
	bool		exists;
	char		status[32];		/* "ACTIVE", "CREATING", … */
	char		key[SCHEMA_KEY_TEXT];	/* "aggregateId S, version N" */
	bool		key_fits;
	bool		has_index;		/* the one that the definition names */
	char		index_status[32];	/* empty where the engine does not say it */
	char		index_key[SCHEMA_KEY_TEXT];
	bool		index_key_fits;
	char		projection[32]; /* "ALL"; empty where the engine does not say it */
	bool		projection_fits;	/* or is not known */
} TableSchema;

/* What the Table member of an answer to DescribeTable says, beside how it is to be. */
extern void schema_read(const cJSON *description, const TableDefinition *wanted, TableSchema *schema);

/* true when nothing contradicts the definition. A missing index is no contradiction: see has_index. */
extern bool schema_fits(const TableSchema *schema);

/* It has the index, and that can be read as far as is known. */
extern bool schema_index_is_usable(const TableSchema *schema);

/*
 * Writes a sentence about what is wrong with the table, an index that is missing included, and takes that out of
 * *schema, so that the next call tells of the next fault. false when there is none.
 */
extern bool schema_next_fault(TableSchema *schema, const TableDefinition *wanted, char *words, size_t size);

/* Does one index of a described table have that key, with these types, and all attributes as far as that is known? */
extern bool schema_index_fits(const cJSON *description, const cJSON *index, const TableDefinition *wanted);

/* Does the described table itself have the key? */
extern bool schema_key_fits(const cJSON *description, const TableDefinition *wanted);

#endif
