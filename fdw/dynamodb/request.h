/*
 * request: the bodies of DynamoDB's requests. Text in, text out: nothing here sends or waits.
 *
 * Every attribute name goes through a placeholder (#0, #1, …), since many are reserved words, and every value through
 * one (:0, …). An unused placeholder is a ValidationException, so an Expression hands out only what is asked for.
 * Source: "Amazon DynamoDB API Reference" (API version 2012-08-10), the operations of the same names.
 */
#ifndef DYNAMODB_ES_REQUEST_H
#define DYNAMODB_ES_REQUEST_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "dynamodb/attribute.h"
#include "dynamodb/operation.h"

/*
 * Placeholders of one request: the insides of ExpressionAttributeNames and ExpressionAttributeValues, growing
 * together.
 */
typedef struct Expression
{
	ByteBuffer		names;			/* "#0":"aggregateId","#1":… */
	ByteBuffer		values;			/* ":0":{"S":"a"},… */
	int			nnames;
	int			nvalues;
} Expression;

/* Append a placeholder for a name or a value to *out, making it first; a name gets the same one each time. */
extern void expression_name(Expression *expression, ByteBuffer *out, const char *name);
extern void expression_value(Expression *expression, ByteBuffer *out, const AttributeValue *value);
extern void expression_free(Expression *expression);

/* What a Query or a Scan asks for; zero or NULL where there is nothing to ask. */
typedef struct ReadRequest
{
	const char *table;
	const char *index;			/* NULL: the table itself */
	const char *key_condition;	/* over the placeholders of *expression; NULL for a Scan */
	const char *filter;
	const char *projection;		/* NULL: all attributes */
	const Expression *expression;
	const cJSON *exclusive_start_key;	/* the LastEvaluatedKey of the page before */
	int64_t		limit;			/* items evaluated for this page; 0: as many as fit */
	int			segment;		/* Scan: which one, from 0 */
	int			total_segments; /* Scan: of how many; 0 or 1: the whole table */
	bool		count_only;		/* Select COUNT; no projection then */
	bool		backward;		/* Query: descending sort key */
	bool		consistent;		/* not for an index */
} ReadRequest;

extern void request_read(ByteBuffer *out, const ReadRequest *request);

/* BatchGetItem: items of one table by their keys, of which no two are equal. */
#define BATCH_GET_MOST_KEYS 100

typedef struct BatchGetRequest
{
	const char *table;
	const char *keys;			/* JSON text: an object for each, with commas */
	const char *projection;		/* over the placeholders of *expression; NULL: all attributes */
	const Expression *expression;
	bool		consistent;
} BatchGetRequest;

extern void request_batch_get(ByteBuffer *out, const BatchGetRequest *request);

/* A strongly consistent GetItem. */
extern void request_get(ByteBuffer *out, const char *table, const ItemKey *key);

/* The same, eventually consistent, at half the cost. */
extern void request_glance(ByteBuffer *out, const char *table, const ItemKey *key);

/* What an Update changes. Its texts are over the placeholders of *expression. */
typedef struct UpdateRequest
{
	const char *table;
	const ItemKey *key;
	const char *update;
	const char *condition;		/* NULL: none */
	const Expression *expression;
	bool		returns_new;	/* the answer has the attributes that were changed, as they are then */
} UpdateRequest;

extern void request_update(ByteBuffer *out, const UpdateRequest *request);

/* PutItem of `item` (JSON text of its attributes, without the braces around them), whatever has its key. */
extern void request_put(ByteBuffer *out, const char *table, const char *item);

/* The same where no item has its key. */
extern void request_put_new(ByteBuffer *out, const char *table, const char *item, const char *key_attribute);

/*
 * TransactWriteItems, from left to right: opened, one action after the other, closed. An action whose condition fails
 * has DynamoDB answer the item that stands in its way.
 */
extern void request_transaction_open(ByteBuffer *out);

/* As request_update, but it answers no attributes. */
extern void request_transaction_update(ByteBuffer *out, const UpdateRequest *request);

/* As request_put_new. */
extern void request_transaction_put_new(ByteBuffer *out, const char *table, const char *item, const char *key_attribute);

/* Writes nothing, on condition that there is an item with that key. */
extern void request_transaction_check(ByteBuffer *out, const char *table, const ItemKey *key);

/* `token`: 1 to 36 characters. Requests with one token are carried out once, for 10 minutes. */
extern void request_transaction_close(ByteBuffer *out, const char *token);

/*
 * The Query for the last item, by sort key, of a partition of a table (strongly consistent) or an index (not NULL):
 * `attribute` of it.
 */
extern void request_last_by_key(ByteBuffer *out, const char *table, const char *index, const char *hash_name,
								const AttributeValue *hash, const char *attribute);

/* One attribute of a key schema. */
typedef struct KeyAttribute
{
	const char *name;
	AttributeType type;			/* S or N */
} KeyAttribute;

typedef struct TableDefinition
{
	const char *table;
	KeyAttribute hash;
	KeyAttribute range;			/* name NULL: none */
	const char *index;			/* NULL: no secondary index */
	KeyAttribute index_hash;
	KeyAttribute index_range;
} TableDefinition;

/* CreateTable with on-demand billing; the index projects all attributes. */
extern void request_create_table(ByteBuffer *out, const TableDefinition *definition);
extern void request_delete_table(ByteBuffer *out, const char *table);
extern void request_describe_table(ByteBuffer *out, const char *table);

/* Finds the name of the first table that a body names, in there; its length, 0 where there is none. */
extern size_t request_find_table(const ByteBuffer *body, const char **name);

/* A page of table names; `after` is the LastEvaluatedTableName of the page before, or NULL. */
extern void request_list_tables(ByteBuffer *out, const char *after);

#endif
