/*
 * batch.c: how are rows appended, and what is the user told of it?
 *
 * When a statement fails or is cancelled, the message says what became of the rows that were on their way.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "postgres/append/batch.h"
#include "postgres/append/rollback.h"
#include "postgres/core/errors.h"
#include "postgres/session/trace.h"
#include "postgres/session/wake.h"
#include "postgres/session/wait.h"
#include "dynamodb/call.h"
#include "store/counter.h"

/* How long an error waits for the counter to follow what was imported before it, ms. */
#define RAISE_PATIENCE_MS 2000

static int
count_fate(const RowBatch *batch, AppendFate fate)
{
	int			count = 0;

	for (int i = 0; i < batch->nrows; i++)
		count += batch->rows[i].fate == fate && !batch->rows[i].skipped;
	return count;
}

static const AppendRow *
first_not_stored(const RowBatch *batch)
{
	for (int i = 0; i < batch->nrows; i++)
		if (batch->rows[i].fate != APPEND_STORED && !batch->rows[i].skipped)
			return &batch->rows[i];
	return NULL;
}

/* What became of the rows at hand, when an error ends their append; NULL where there is nothing to tell. */
static char *
describe_fates(const RowBatch *batch)
{
	int			unknown = count_fate(batch, APPEND_UNKNOWN);
	const AppendRow *first = first_not_stored(batch);

	if (batch->nrows == 0)
		return NULL;
	if (batch->nrows == 1 && batch->rows[0].fate == APPEND_STORED)
		return psprintf("The commit with %s, commit id " INT64_FORMAT " is stored.",
						describe_commit(&batch->rows[0].commit), batch->rows[0].commit.commit_id);
	if (batch->nrows == 1)
		return unknown == 0 ? NULL
			: psprintf("A commit with %s, commit id " INT64_FORMAT " may have been stored all the same.",
					   describe_commit(&batch->rows[0].commit), batch->rows[0].commit.commit_id);
	return psprintf("Rows of the batch that are stored: %d; not stored: %d; unknown: %d. The first one not known to be stored: %s.",
					count_fate(batch, APPEND_STORED), count_fate(batch, APPEND_NOT_STORED), unknown,
					first != NULL ? describe_commit(&first->commit) : "none");
}

/* Where what becomes of the batch is counted: with the requests that decide it. */
static Usage *
usage_of_appends(const RowBatch *batch)
{
	return tenure_usage(batch->tenure,
						batch->settings.mode == APPEND_DENSE ? OPERATION_TRANSACT_WRITE_ITEMS : OPERATION_PUT_ITEM);
}

static void
count_failure(const RowBatch *batch, FailureKind kind)
{
	Usage	   *usage = usage_of_appends(batch);

	usage->conflicts += kind == FAILURE_CONDITION;
	usage->unknown_fates += kind == FAILURE_UNKNOWN_FATE;
}

/* What may be stored counts as well; and so does what was there before, as after an import that was interrupted. */
static void
note_imported(RowBatch *batch)
{
	if (batch->settings.mode != APPEND_IMPORT)
		return;
	for (int i = 0; i < batch->nrows; i++)
	{
		const AppendRow *row = &batch->rows[i];

		if (row->fate == APPEND_NOT_STORED && !row->skipped)
			continue;
		if (batch->raise_to == 0)
			rollback_counter_behind();
		batch->raise_to = Max(batch->raise_to, row->commit.commit_id);
	}
}

/* An error has ended the wait: its message has to say what became of the rows. */
static void
report_interrupted(RowBatch *batch, MemoryContext context)
{
	ErrorData  *error;
	char	   *fates;

	note_imported(batch);
	rollback_count_stored(count_fate(batch, APPEND_STORED));
	if (count_fate(batch, APPEND_UNKNOWN) > 0)
		count_failure(batch, FAILURE_UNKNOWN_FATE);
	MemoryContextSwitchTo(context);
	fates = describe_fates(batch);
	if (fates == NULL)
		PG_RE_THROW();
	error = CopyErrorData();
	FlushErrorState();
	error->detail = fates;
	ReThrowError(error);
}

bool
batch_take_turn(RowBatch *batch)
{
	bool		has_waited;

	if (batch->store == NULL || batch->has_turn)
		return false;
	has_waited = dense_store_take_turn(batch->store);
	batch->has_turn = true;
	return has_waited;
}

void
batch_give_turn(RowBatch *batch)
{
	if (!batch->has_turn)
		return;
	batch->has_turn = false;
	dense_store_give_turn(batch->store);
}

/* While no request is under way, one waits for its next attempt, or for the end of a pause: others need not. */
static void
await_client(RowBatch *batch)
{
	Client	   *client = tenure_client(batch->tenure);

	if (client_in_flight(client) == 0)
		batch_give_turn(batch);
	wait_for_client(client);
	(void) batch_take_turn(batch);
}

static Call *
raise_start(RowBatch *batch)
{
	ByteBuffer	body = {0};
	Call	   *call;

	counter_write_raise(&body, &batch->names, batch->raise_to);
	call = call_start(tenure_client(batch->tenure), OPERATION_UPDATE_ITEM, &body, &batch->usage);
	buffer_free(&body);
	return call;
}

/* A counter that is higher stays, and fails the condition. */
static void
raise_ended(RowBatch *batch, const Failure *failure)
{
	if (failure != NULL && failure->kind != FAILURE_CONDITION)
		return;
	batch->raise_to = 0;
	rollback_counter_raised();
}

/* Waits for the operation at hand, but not beyond a time (http_now_ms; 0: there is none). */
static StepResult
await_until(RowBatch *batch, int64 until)
{
	MemoryContext context = CurrentMemoryContext;
	Tenure	   *tenure = batch->tenure;
	volatile StepResult result = STEP_PENDING;

	PG_TRY();
	{
		while ((result = tenure->kind->step(tenure->operation)) == STEP_PENDING && (until == 0 || http_now_ms() < until))
		{
			if (until != 0)
				client_wake_at(tenure_client(tenure), until);
			await_client(batch);
		}
	}
	PG_CATCH();
	{
		report_interrupted(batch, context);
	}
	PG_END_TRY();
	return result;
}

/* The error that is to come does not wait for it much longer. Whoever imports the rest raises the counter, too. */
static void
raise_after_failure(RowBatch *batch)
{
	StepResult	result;

	if (batch->raise_to == 0)
		return;
	tenure_hold(batch->tenure, raise_start(batch), &call_operation);
	result = await_until(batch, http_now_ms() + RAISE_PATIENCE_MS);
	if (result != STEP_PENDING)
		raise_ended(batch, result == STEP_FAILED ? tenure_failure(batch->tenure) : NULL);
}

static void
report_failed_append(RowBatch *batch, const AppendOperation *append)
{
	Failure		failure = *append_failure(append);
	const AppendRow *row = append_failed_row(append);

	raise_after_failure(batch);
	trace_client(tenure_client(batch->tenure));
	rollback_count_stored(count_fate(batch, APPEND_STORED));
	count_failure(batch, failure.kind);
	report_append_failure(&failure, batch->relation_name, row != NULL ? &row->commit : NULL,
						  batch->nrows > 1 ? describe_fates(batch) : NULL);
}

/* Rows behind what the statement has stored need no look. */
static void
note_followers(RowBatch *batch)
{
	for (int i = 0; batch->last_versions != NULL && i < batch->nrows; i++)
		batch->rows[i].follows_stored = !batch->rows[i].next_version
			&& last_versions_lead_to(batch->last_versions, &batch->rows[i].commit);
}

static void
note_known_ids(RowBatch *batch)
{
	for (int i = 0; batch->imported != NULL && i < batch->nrows; i++)
		batch->rows[i].has_known_id = id_set_has(batch->imported, batch->rows[i].commit.commit_id);
}

static void
note_ids(RowBatch *batch)
{
	for (int i = 0; batch->imported != NULL && i < batch->nrows; i++)
		id_set_add(batch->imported, batch->rows[i].commit.commit_id);
}

static void
note_last_versions(RowBatch *batch)
{
	for (int i = 0; batch->last_versions != NULL && i < batch->nrows; i++)
		if (batch->rows[i].fate == APPEND_STORED || batch->rows[i].skipped)
			last_versions_note(batch->last_versions, &batch->rows[i].commit);
}

static void
note_stored(RowBatch *batch)
{
	IdRange    *stored = &batch->stored;

	for (int i = 0; i < batch->nrows; i++)
	{
		int64		id = batch->rows[i].commit.commit_id;

		if (batch->rows[i].fate != APPEND_STORED || batch->rows[i].skipped)
			continue;
		stored->first = stored->first > 0 ? Min(stored->first, id) : id;
		stored->last = Max(stored->last, id);
	}
}

/* false: the counter has moved, as FAILURE_MOVED says. */
static bool
append_rows(RowBatch *batch)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	AppendOperation *append;
	StepResult	result;
	bool		has_moved;

	note_followers(batch);
	note_known_ids(batch);
	append = append_start(tenure_client(batch->tenure), &batch->names, &batch->settings, batch->rows, batch->nrows,
						  &batch->usage);
	tenure_hold(batch->tenure, append, &append_operation);
	result = await_until(batch, 0);
	note_imported(batch);
	has_moved = result == STEP_FAILED && append_failure(append)->kind == FAILURE_MOVED;
	if (result == STEP_FAILED && !has_moved)
		report_failed_append(batch, append);
	trace_client(tenure_client(batch->tenure));
	rollback_count_stored(count_fate(batch, APPEND_STORED));
	tenure_drop(batch->tenure);
	note_stored(batch);
	note_last_versions(batch);
	note_ids(batch);
	MemoryContextSwitchTo(caller);
	return !has_moved;
}

bool
batch_try(RowBatch *batch)
{
	(void) batch_take_turn(batch);
	return append_rows(batch);
}

void
batch_append(RowBatch *batch)
{
	(void) batch_take_turn(batch);
	PG_TRY();
	{
		(void) append_rows(batch);
	}
	PG_FINALLY();
	{
		batch_give_turn(batch);
	}
	PG_END_TRY();
}

void
batch_raise(RowBatch *batch)
{
	const Failure *failure;

	if (batch->raise_to == 0)
		return;
	tenure_hold(batch->tenure, raise_start(batch), &call_operation);
	failure = tenure_run(batch->tenure);
	raise_ended(batch, failure);
	if (batch->raise_to > 0)
		report_failure(failure, batch->relation_name);
}

void
batch_wake(const RowBatch *batch)
{
	if (batch->stored.last > 0)
		wake_stored(tenure_client(batch->tenure), &batch->names, &batch->stored);
}

void
batch_forget(RowBatch *batch)
{
	batch->nrows = 0;
	MemoryContextReset(batch->context);
}
