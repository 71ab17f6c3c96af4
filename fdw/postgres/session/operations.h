/*
 * operations: what a backend runs of the layers below: how each kind of operation goes on, tells its failure, and is freed.
 */
#ifndef DYNAMODB_ES_OPERATIONS_H
#define DYNAMODB_ES_OPERATIONS_H

#include <cjson/cJSON.h>

#include "base/failure.h"
#include "base/step.h"
#include "store/read.h"

/* One row for each kind. Those that are run to their end have a step; those that hand out items have a next one. */
typedef struct OperationKind
{
	StepResult	(*step) (void *operation);
	ReadResult	(*next) (void *operation, const cJSON **item);
	const Failure *(*failure) (const void *operation);
	void		(*free) (void *operation);
} OperationKind;

/* Of append.h, call.h, discover.h, feed.h, keyed.h, read.h, tables.h and timed_read.h. */
extern const OperationKind append_operation;
extern const OperationKind call_operation;	/* a single request */
extern const OperationKind discover_operation;
extern const OperationKind feed_operation;
extern const OperationKind keyed_operation;
extern const OperationKind read_operation;
extern const OperationKind tables_operation;
extern const OperationKind timed_read_operation;

#endif
