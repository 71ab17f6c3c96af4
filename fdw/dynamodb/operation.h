/*
 * operation: DynamoDB's operations, and what is different about each.
 */
#ifndef DYNAMODB_ES_OPERATION_H
#define DYNAMODB_ES_OPERATION_H

#include <stdbool.h>

typedef enum Operation
{
	OPERATION_GET_ITEM,
	OPERATION_BATCH_GET_ITEM,
	OPERATION_PUT_ITEM,
	OPERATION_UPDATE_ITEM,
	OPERATION_QUERY,
	OPERATION_SCAN,
	OPERATION_TRANSACT_WRITE_ITEMS,
	OPERATION_CREATE_TABLE,
	OPERATION_DELETE_TABLE,
	OPERATION_DESCRIBE_TABLE,
	OPERATION_LIST_TABLES
} Operation;

#define OPERATIONS (OPERATION_LIST_TABLES + 1)

/* "Query", as in X-Amz-Target and EXPLAIN. */
extern const char *operation_name(Operation operation);

/* It takes from a table's read throughput, and no write. */
extern bool operation_reads(Operation operation);

/* A failed condition answers the item that it failed on. */
extern bool operation_errors_have_items(Operation operation);

#endif
