/*
 * tables_request: the states of a walk over a store's tables (tables.c), with one request in each.
 */
#ifndef DYNAMODB_ES_TABLES_REQUEST_H
#define DYNAMODB_ES_TABLES_REQUEST_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "dynamodb/request.h"
#include "store/commit.h"

typedef enum TablesState
{
	DESCRIBE_COMMITS,
	DESCRIBE_COUNTERS,
	CREATE_COMMITS,
	CREATE_COUNTERS,
	AWAIT_COMMITS,				/* until ACTIVE */
	AWAIT_COUNTERS,
	AWAIT_COMMITS_GONE,
	AWAIT_COUNTERS_GONE,
	FIND_LAST_COMMIT,			/* before the counter is read: commits appended in between only raise the counter */
	GET_COUNTER,
	PUT_COUNTER,
	RAISE_COUNTER,
	REVIVE_COUNTER,				/* it was noted as that of a dropped store */
	LIST_COUNTERS,				/* is another store's among them? */
	DELETE_COMMITS,
	RETIRE_COUNTER,				/* among others' */
	LIST_COUNTERS_AGAIN,		/* others may have been retired meanwhile */
	DELETE_COUNTERS,
	FINISHED
} TablesState;

/* What requests are made of. Views. */
typedef struct TablesAsked
{
	const StoreNames *names;
	int64_t		least_head;		/* PUT_COUNTER, RAISE_COUNTER */
	const cJSON *start_key;		/* LIST_COUNTERS, LIST_COUNTERS_AGAIN; or NULL */
} TablesAsked;

/* Writes the request's body. */
extern Operation tables_request(TablesState state, const TablesAsked *asked, ByteBuffer *body);

/*
 * true when the answer has all that this state needs. An incomplete answer must not look like a table or a counter that does
 * not exist: a counter would begin anew, or tables of other stores would be deleted.
 */
extern bool tables_answer_is_complete(TablesState state, const cJSON *response);

#endif
