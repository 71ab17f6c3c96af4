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
	[OPERATION_GET_ITEM] = {"GetItem", .reads = true},
	[OPERATION_PUT_ITEM] = {"PutItem", .errors_have_items = true},
	[OPERATION_UPDATE_ITEM] = {"UpdateItem"},
	[OPERATION_QUERY] = {"Query", .reads = true},
	[OPERATION_SCAN] = {"Scan", .reads = true},
	[OPERATION_TRANSACT_WRITE_ITEMS] = {"TransactWriteItems", .errors_have_items = true},
	[OPERATION_CREATE_TABLE] = {"CreateTable"},
	[OPERATION_DELETE_TABLE] = {"DeleteTable"},
	[OPERATION_DESCRIBE_TABLE] = {"DescribeTable"},
	[OPERATION_LIST_TABLES] = {"ListTables"},
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
