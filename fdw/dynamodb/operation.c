/*
 * operation: one row for each of DynamoDB's operations. See operation.h.
 */
#include "dynamodb/operation.h"

typedef struct OperationRule
{
	const char *name;
	bool		reads;
	bool		errors_have_items;
} OperationRule;

static const OperationRule rules[] = {
	[OPERATION_GET_ITEM] = {.name = "GetItem", .reads = true},
	[OPERATION_BATCH_GET_ITEM] = {.name = "BatchGetItem", .reads = true},
	[OPERATION_PUT_ITEM] = {.name = "PutItem", .errors_have_items = true},
	[OPERATION_UPDATE_ITEM] = {.name = "UpdateItem"},
	[OPERATION_QUERY] = {.name = "Query", .reads = true},
	[OPERATION_SCAN] = {.name = "Scan", .reads = true},
	[OPERATION_TRANSACT_WRITE_ITEMS] = {.name = "TransactWriteItems", .errors_have_items = true},
	[OPERATION_CREATE_TABLE] = {.name = "CreateTable"},
	[OPERATION_DELETE_TABLE] = {.name = "DeleteTable"},
	[OPERATION_DESCRIBE_TABLE] = {.name = "DescribeTable"},
	[OPERATION_LIST_TABLES] = {.name = "ListTables"},
};

const char *
operation_name(Operation operation)
{
	return rules[operation].name;
}

bool
operation_reads(Operation operation)
{
	return rules[operation].reads;
}

bool
operation_errors_have_items(Operation operation)
{
	return rules[operation].errors_have_items;
}
