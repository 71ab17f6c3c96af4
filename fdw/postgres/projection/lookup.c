/*
 * lookup.c: how is a read waited for that is no feed?
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "dynamodb/call.h"
#include "dynamodb/json.h"
#include "postgres/core/budget.h"
#include "postgres/core/errors.h"
#include "postgres/projection/lookup.h"
#include "postgres/session/task.h"
#include "postgres/session/wait.h"
#include "store/counter.h"

struct Lookup
{
	MemoryContext context;		/* all of it; the connection goes with it */
	Tenure	   *tenure;
	char	   *relation_name;
	Usage		usage;
};

static Lookup *
lookup_new(const FeedReader *reader)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dynamodb_es lookup", ALLOCSET_SMALL_SIZES);
	Lookup	   *lookup = MemoryContextAllocZero(context, sizeof(Lookup));

	lookup->context = context;
	lookup->relation_name = MemoryContextStrdup(context, reader->map->relation_name);
	lookup->tenure =
		tenure_new(context, connection_acquire(reader->user, reader->options.server, task_owner(reader->source)));
	return lookup;
}

Lookup *
lookup_begin(const FeedReader *reader, ReadSpec *spec)
{
	Lookup	   *lookup = lookup_new(reader);

	spec->budget = budget_of_statement();
	tenure_hold(lookup->tenure,
				read_start(tenure_client(lookup->tenure), &reader->options.names, spec, &lookup->usage), &read_operation);
	return lookup;
}

const cJSON *
lookup_next(Lookup *lookup)
{
	return tenure_await_item(lookup->tenure, &lookup->usage, lookup->relation_name);
}

void
lookup_end(Lookup *lookup)
{
	MemoryContextDelete(lookup->context);
}

int64
lookup_counter(const FeedReader *reader)
{
	Lookup	   *lookup = lookup_new(reader);
	ByteBuffer	body = {0};
	StepResult	result;
	int64_t		head = 0;
	Call	   *call;

	counter_write_glance(&body, &reader->options.names);
	call = call_start(tenure_client(lookup->tenure), OPERATION_GET_ITEM, &body, &lookup->usage);
	buffer_free(&body);
	tenure_hold(lookup->tenure, call, &call_operation);
	while ((result = call_step(call)) == STEP_PENDING)
	{
		InvalidateCatalogSnapshotConditionally();
		wait_for_client(tenure_client(lookup->tenure));
	}
	if (result == STEP_DONE)
		(void) counter_read_head(json_member(call_response(call), "Item"), &head);
	else if (call_failure(call)->kind != FAILURE_ACCESS_DENIED)
		report_failure(call_failure(call), lookup->relation_name);
	lookup_end(lookup);
	return head;
}
