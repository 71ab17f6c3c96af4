/*
 * append_ids.c: where does each row of a batch have its commit id from?
 */
#include "store/append_ids.h"

#include <inttypes.h>
#include <stdlib.h>

#include "store/counter.h"

bool
append_ids_init(AppendIds *ids, LaneContext *context, AppendRow *rows, size_t nrows)
{
	ids->context = context;
	ids->rows = rows;
	ids->nrows = nrows;
	ids->places = calloc(nrows > 0 ? nrows : 1, sizeof(Lane *));
	return ids->places != NULL;
}

void
append_ids_free(AppendIds *ids)
{
	call_free(ids->counter);
	free(ids->places);
}

static int
compare_ids(const void *a, const void *b)
{
	const AppendRow *x = *(AppendRow *const *) a;
	const AppendRow *y = *(AppendRow *const *) b;

	if (x->commit.commit_id != y->commit.commit_id)
		return x->commit.commit_id > y->commit.commit_id ? 1 : -1;
	return (x > y) - (x < y);
}

/* No index of DynamoDB's is unique, so this is the one moment at which an id that comes twice can be seen. */
bool
append_ids_differ(AppendRow *rows, size_t nrows, const AppendRow **row, Failure *failure)
{
	AppendRow **sorted = calloc(nrows + 1, sizeof(AppendRow *));
	size_t		count = 0;
	bool		differ = true;

	if (sorted == NULL)
	{
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
		return false;
	}
	for (size_t i = 0; i < nrows; i++)
		if (!rows[i].skipped)
			sorted[count++] = &rows[i];
	qsort(sorted, count, sizeof(AppendRow *), compare_ids);
	for (size_t i = 1; i < count && differ; i++)
		if (sorted[i]->commit.commit_id == sorted[i - 1]->commit.commit_id)
		{
			failure_set(failure, FAILURE_SAME_ID, NULL, "%" PRId64, sorted[i]->commit.commit_id);
			*row = sorted[i];
			differ = false;
		}
	free(sorted);
	return differ;
}

/* Imported rows have their ids, which never grow too old. */
static void
use_own(AppendIds *ids)
{
	for (size_t i = 0; i < ids->nrows; i++)
		ids->rows[i].id_deadline = INT64_MAX;
	ids->begin = ids->nrows;
}

void
append_ids_place(AppendIds *ids, Lane *lanes, size_t nlanes)
{
	if (ids->context->settings->mode == APPEND_IMPORT)
		use_own(ids);
	for (size_t i = 0; i < nlanes; i++)
		for (size_t j = 0; j < lanes[i].nrows; j++)
		{
			const AppendRow *row = lanes[i].rows[j];

			ids->places[row - ids->rows] = row->skipped ? NULL : &lanes[i];
		}
}

bool
append_ids_are_left(const AppendIds *ids)
{
	return ids->begin < ids->nrows;
}

bool
append_ids_are_coming(const AppendIds *ids)
{
	return ids->counter != NULL;
}

static bool
place_takes_id(const AppendIds *ids, size_t place)
{
	return ids->places[place] != NULL && !ids->places[place]->takes_ids;
}

/*
 * They follow the order of the statement; within an aggregate, whose rows may have been put into another order, they follow
 * the versions.
 */
bool
append_ids_ask(AppendIds *ids)
{
	const LaneContext *context = ids->context;
	ByteBuffer	body = {0};
	size_t		count = 0;

	for (ids->end = ids->begin; ids->end < ids->nrows; ids->end++)
	{
		if (count == context->settings->ids_at_once)
			break;
		count += place_takes_id(ids, ids->end);
	}
	if (count == 0)
	{
		ids->begin = ids->end;
		return true;
	}
	ids->asked = (int64_t) count;
	counter_write_take(&body, context->names, ids->asked);
	ids->counter = call_start(context->client, OPERATION_UPDATE_ITEM, &body, context->usage);
	buffer_free(&body);
	return ids->counter != NULL;
}

/* Of those that were asked for, of which `last` is the last, the ones that nobody needs any more are burned. */
static void
give(AppendIds *ids, bool wanted, int64_t last, int64_t deadline)
{
	int64_t		left = ids->asked;

	for (; ids->begin < ids->end && wanted; ids->begin++)
		if (place_takes_id(ids, ids->begin))
			lane_give_id(ids->places[ids->begin], last - --left, deadline);
	while (left > 0)
		burn_add(&ids->context->burned, last - --left);
}

StepResult
append_ids_step(AppendIds *ids, bool wanted, Failure *failure)
{
	Call	   *counter = ids->counter;
	StepResult	result = counter != NULL ? call_step(counter) : STEP_PENDING;
	int64_t		last;

	if (result == STEP_PENDING)
		return STEP_PENDING;
	ids->counter = NULL;
	if (result == STEP_FAILED)
		*failure = *call_failure(counter);
	else if (!counter_read_taken(call_response(counter), ids->asked, &last, failure))
		result = STEP_FAILED;
	else
		give(ids, wanted, last, call_sent_at(counter) + ids->context->settings->deadline_ms);
	call_free(counter);
	return result;
}

void
append_ids_give_up(AppendIds *ids)
{
	call_free(ids->counter);
	ids->counter = NULL;
}
