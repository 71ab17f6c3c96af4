/*
 * operations.c: which functions of the layers below belong to which kind of operation?
 */
#include "postgres.h"

#include "postgres/session/operations.h"
#include "dynamodb/call.h"
#include "store/append.h"
#include "store/discover.h"
#include "store/feed.h"
#include "store/keyed.h"
#include "store/tables.h"
#include "store/timed_read.h"

/* The functions take their own type: a call by way of another pointer type would be undefined. */
#define TELLS_AND_FREES(name) \
	static const Failure *failure_of_##name(const void *operation) { return name##_failure(operation); } \
	static void free_##name(void *operation) { name##_free(operation); }
#define STEPS(name) \
	TELLS_AND_FREES(name) \
	static StepResult step_##name(void *operation) { return name##_step(operation); } \
	const OperationKind name##_operation = {.step = step_##name, .failure = failure_of_##name, .free = free_##name}
#define HANDS_OUT(name) \
	TELLS_AND_FREES(name) \
	static ReadResult next_of_##name(void *operation, const cJSON **item) { return name##_next(operation, item); } \
	const OperationKind name##_operation = {.next = next_of_##name, .failure = failure_of_##name, .free = free_##name}

STEPS(append);
STEPS(call);
STEPS(discover);
STEPS(tables);
HANDS_OUT(feed);
HANDS_OUT(keyed);
HANDS_OUT(read);
HANDS_OUT(timed_read);
