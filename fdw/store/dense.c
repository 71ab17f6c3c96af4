/*
 * dense.c: which rows go into the next transaction, and what follows from its outcome?
 */
#include "store/dense.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/jitter.h"
#include "dynamodb/call.h"
#include "dynamodb/json.h"
#include "store/counter.h"
#include "store/transaction.h"

/* Transactions of one batch that may find the counter moved, or a next version taken. */
#define MAX_LOST_RACES 25

/* The first race may be lost to mere ignorance; after the second the pauses double. */
#define SHORTEST_PAUSE_MS 4.0
#define LONGEST_PAUSE_MS 200.0

struct DenseOperation
{
	const LaneContext *context;
	AppendRow  *rows;
	size_t		nrows;
	Lane	   *lanes;
	size_t		nlanes;
	Lane	  **lane_of;		/* by row */
	size_t	   *lined_up;		/* by lane: rows of it that are in the sequence */
	AppendRow **sequence;		/* the rows that are not settled, in the order of their ids to be */
	size_t		nsequence;
	int64_t		own_head;		/* where the settings point at none */
	int64_t    *head;			/* the counter's value as last known; -1: not known */
	const int64_t *expected;	/* the only one under which anything is appended; NULL: any will do */
	Call	   *look;			/* at the counter */
	TransactionOperation *transaction;
	TransactionRow batch[APPEND_DENSE_ROWS];	/* the first rows of the sequence, as the transaction has them */
	size_t		nbatch;
	const AppendRow *doubted;	/* its version is taken under an id that the counter has not reached; NULL: none is */
	int64_t		doubted_id;
	int			lost_races;
	int64_t		not_before;		/* the next transaction, http_now_ms */
	Jitter		jitter;
	bool		failed;
	const AppendRow *failed_row;
	Failure		failure;
};

static bool
is_settled(const AppendRow *row)
{
	return row->skipped || row->fate == APPEND_STORED;
}

/* Without a look at the counter: there are rows, and ids for them. */
static bool
can_be_tried(int64_t expected, size_t nrows)
{
	return nrows > 0 && expected <= INT64_MAX - (int64_t) nrows;
}

DenseOperation *
dense_start(const LaneContext *context, AppendRow *rows, size_t nrows, Lane *lanes, size_t nlanes)
{
	DenseOperation *dense = calloc(1, sizeof(DenseOperation));

	if (dense == NULL)
		return NULL;
	dense->context = context;
	dense->rows = rows;
	dense->nrows = nrows;
	dense->lanes = lanes;
	dense->nlanes = nlanes;
	dense->own_head = -1;
	dense->head = context->settings->head != NULL ? context->settings->head : &dense->own_head;
	dense->expected = context->settings->expected;
	if (dense->expected != NULL)
		*dense->head = can_be_tried(*dense->expected, nrows) ? *dense->expected : -1;
	dense->lane_of = calloc(nrows + 1, sizeof(Lane *));
	dense->lined_up = calloc(nlanes + 1, sizeof(size_t));
	dense->sequence = calloc(nrows + 1, sizeof(AppendRow *));
	if (dense->lane_of == NULL || dense->lined_up == NULL || dense->sequence == NULL)
	{
		dense_free(dense);
		return NULL;
	}
	for (size_t i = 0; i < nlanes; i++)
		for (size_t j = 0; j < lanes[i].nrows; j++)
			dense->lane_of[lanes[i].rows[j] - rows] = &lanes[i];
	jitter_init(&dense->jitter);
	return dense;
}

static void
dense_fail(DenseOperation *dense, const AppendRow *row, const Failure *failure)
{
	dense->failed = true;
	dense->failed_row = row;
	dense->failure = *failure;
}

static void
dense_fail_with(DenseOperation *dense, const AppendRow *row, FailureKind kind, const char *message)
{
	Failure		failure;

	failure_set(&failure, kind, NULL, "%s", message);
	dense_fail(dense, row, &failure);
}

/* Ids follow the order of the statement; within an aggregate they follow the versions. */
static void
line_up(DenseOperation *dense)
{
	dense->nsequence = 0;
	memset(dense->lined_up, 0, dense->nlanes * sizeof(size_t));
	for (size_t i = 0; i < dense->nlanes; i++)
		lane_pass_settled(&dense->lanes[i]);
	for (size_t i = 0; i < dense->nrows; i++)
	{
		Lane	   *lane = dense->lane_of[i];

		if (!is_settled(&dense->rows[i]))
			dense->sequence[dense->nsequence++] = lane->rows[lane->next + dense->lined_up[lane - dense->lanes]++];
	}
}

static bool
versions_are_known(const DenseOperation *dense)
{
	for (size_t i = 0; i < dense->nlanes; i++)
		if (dense->lanes[i].state == LANE_NEEDS_LAST_VERSION)
			return false;
	return true;
}

static void
look_at_counter(DenseOperation *dense)
{
	const LaneContext *context = dense->context;
	ByteBuffer	body = {0};

	counter_write_get(&body, context->names);
	dense->look = call_start(context->client, OPERATION_GET_ITEM, &body, context->usage);
	buffer_free(&body);
	if (dense->look == NULL)
		dense_fail_with(dense, NULL, FAILURE_MEMORY, "out of memory");
}

static void
race_lost(DenseOperation *dense, const char *message)
{
	double		pause = SHORTEST_PAUSE_MS;

	if (++dense->lost_races > MAX_LOST_RACES)
	{
		dense_fail_with(dense, dense->sequence[0], FAILURE_CONFLICT, message);
		return;
	}
	if (dense->lost_races == 1)
		return;
	for (int i = 2; i < dense->lost_races && pause < LONGEST_PAUSE_MS; i++)
		pause *= 2;
	dense->not_before = http_now_ms() + (int64_t) (pause * jitter_next(&dense->jitter));
}

/*
 * The counter was looked at after an id was met that it had not reached. If it has by now, that was a race. If not, it has
 * gone back, and gives out ids that commits have.
 */
static void
settle_doubt(DenseOperation *dense)
{
	const AppendRow *row = dense->doubted;
	Failure		failure;

	dense->doubted = NULL;
	if (*dense->head < dense->doubted_id)
	{
		failure_set(&failure, FAILURE_ID_TWICE, NULL, "%" PRId64, dense->doubted_id);
		dense_fail(dense, row, &failure);
	}
	else
		race_lost(dense, "others took the next commit id too often");
}

static void
looked(DenseOperation *dense, StepResult result)
{
	const cJSON *item = json_member(call_response(dense->look), "Item");
	Failure		failure;

	if (result == STEP_FAILED)
		dense_fail(dense, NULL, call_failure(dense->look));
	else if (item == NULL)
		*dense->head = 0;
	else if (!counter_read_head(item, dense->head))
	{
		counter_failure(item, &failure);
		dense_fail(dense, NULL, &failure);
	}
	call_free(dense->look);
	dense->look = NULL;
	if (dense->doubted != NULL && !dense->failed)
		settle_doubt(dense);
}

static bool
has_moved(const DenseOperation *dense)
{
	return dense->expected != NULL && *dense->head >= 0 && *dense->head != *dense->expected;
}

static void
fail_as_moved(DenseOperation *dense)
{
	Failure		failure;

	failure_set(&failure, FAILURE_MOVED, NULL, "%" PRId64, *dense->head);
	dense_fail(dense, NULL, &failure);
}

/*
 * Must the store be asked for the version before? Not where a row of the same lane has it, which is in the store, or
 * goes there before this one or with it.
 */
static bool
version_before_is_open(const DenseOperation *dense, const AppendRow *row)
{
	const Lane *lane = dense->lane_of[row - dense->rows];
	int64_t		before = row->commit.version - 1;

	if (!dense->context->settings->contiguous || before < 0 || before == lane->last_version)
		return false;
	for (size_t i = 0; i < lane->nrows; i++)
		if (lane->rows[i] != row && lane->rows[i]->commit.version == before)
			return false;
	return true;
}

static void
send_next(DenseOperation *dense)
{
	const LaneContext *context = dense->context;
	size_t		most = dense->nsequence < APPEND_DENSE_ROWS ? dense->nsequence : APPEND_DENSE_ROWS;

	if (*dense->head > INT64_MAX - (int64_t) most)
	{
		dense_fail_with(dense, NULL, FAILURE_EXHAUSTED, "the counter has not enough commit ids left");
		return;
	}
	for (size_t i = 0; i < most; i++)
	{
		AppendRow  *row = dense->sequence[i];

		row->commit.commit_id = *dense->head + 1 + (int64_t) i;
		/* The time is the transaction's to set, once it is sent: none is wider than this. */
		commit_stamp(&row->commit, INT64_MAX);
		dense->batch[i] = (TransactionRow)
		{
			.commit = &row->commit, .checks_before = version_before_is_open(dense, row)
		};
	}
	dense->nbatch = transaction_cut(dense->batch, most);
	if (context->settings->indivisible && dense->nbatch < dense->nsequence)
	{
		dense_fail_with(dense, NULL, FAILURE_TOO_LARGE, "the commits do not fit into one transaction");
		return;
	}
	dense->transaction = transaction_start(context->client, context->names, *dense->head, dense->batch, dense->nbatch,
										   context->usage);
	if (dense->transaction == NULL)
	{
		dense_fail_with(dense, NULL, FAILURE_MEMORY, "out of memory");
		return;
	}
	for (size_t i = 0; i < dense->nbatch; i++)
		dense->sequence[i]->fate = APPEND_UNKNOWN;
}

static void
set_fates(DenseOperation *dense, AppendFate fate)
{
	for (size_t i = 0; i < dense->nbatch; i++)
		dense->sequence[i]->fate = fate;
}

/* An id beyond the counter, as far as that is known. It may have moved since: so this is no proof. */
static bool
is_beyond_counter(const DenseOperation *dense, const cJSON *item, int64_t *id)
{
	AttributeValue value = attribute_get(item, COMMIT_ID);

	return attribute_to_int64(&value, id) && *dense->head >= 0 && *id > *dense->head;
}

/*
 * Under an expectation that the counter does not meet, a version that is taken is no reason of its own: whoever has decided
 * by what was there before it has to decide anew.
 */
static bool
counter_refuses(const DenseOperation *dense)
{
	return dense->expected != NULL && transaction_lost_race(dense->transaction);
}

/* Another commit has the version of a row. true when that was a race for the next version. */
static bool
version_taken(DenseOperation *dense, AppendRow *row, const cJSON *item)
{
	const AppendSettings *settings = dense->context->settings;
	int64_t		id;

	if (lane_row_is_own(row, settings->token_attribute, item))
		row->fate = APPEND_STORED;
	else if (is_beyond_counter(dense, item, &id))
	{
		dense->doubted = row;
		dense->doubted_id = id;
	}
	else if (row->next_version)
	{
		dense->lane_of[row - dense->rows]->state = LANE_NEEDS_LAST_VERSION;
		return true;
	}
	else if (settings->skip_conflicts)
		row->skipped = true;
	else if (!counter_refuses(dense))
		dense_fail_with(dense, row, FAILURE_CONDITION, "");
	return false;
}

static void
versions_taken(DenseOperation *dense)
{
	bool		raced = false;

	for (size_t i = 0; i < dense->nbatch && !dense->failed; i++)
	{
		const cJSON *item;

		if (transaction_is_taken(dense->transaction, i, &item))
			raced = version_taken(dense, dense->sequence[i], item) || raced;
	}
	if (dense->doubted != NULL && !dense->failed)
		look_at_counter(dense);
	else if (raced && !dense->failed)
		race_lost(dense, "the next version was taken by others too often");
}

/* The counter's value, where a failed transaction tells it; where it should have and does not, nobody knows. */
static void
learn_head(DenseOperation *dense)
{
	int64_t		head = transaction_head(dense->transaction);

	if (head >= 0 || transaction_lost_race(dense->transaction))
		*dense->head = head;
}

static void
transaction_ended(DenseOperation *dense)
{
	TransactionOperation *transaction = dense->transaction;
	TransactionOutcome outcome = transaction_outcome(transaction);

	if (outcome != TRANSACTION_UNKNOWN)
		set_fates(dense, outcome == TRANSACTION_STORED ? APPEND_STORED : APPEND_NOT_STORED);
	switch (outcome)
	{
		case TRANSACTION_STORED:
			*dense->head += (int64_t) dense->nbatch;
			dense->lost_races = 0;
			break;
		case TRANSACTION_LOST_RACE:
			learn_head(dense);
			if (!has_moved(dense))
				race_lost(dense, "others took the next commit id too often");
			break;
		case TRANSACTION_TAKEN:
			learn_head(dense);
			versions_taken(dense);
			break;
		case TRANSACTION_GAP:
			dense_fail_with(dense, dense->sequence[transaction_gap_row(transaction)], FAILURE_NOT_CONTIGUOUS, "");
			break;
		case TRANSACTION_REFUSED:
			dense_fail(dense, dense->sequence[0], transaction_failure(transaction));
			break;
		case TRANSACTION_UNKNOWN:
			*dense->head = -1;
			dense_fail(dense, dense->sequence[0], transaction_failure(transaction));
			dense->failure.kind = FAILURE_UNKNOWN_FATE;
			break;
	}
	transaction_free(transaction);
	dense->transaction = NULL;
}

/* Nothing is left to be stored; or there never was anything, and the counter was looked at, if it had to be. */
static bool
is_over(const DenseOperation *dense)
{
	if (dense->nrows == 0 && dense->expected != NULL)
		return *dense->head == *dense->expected;
	return dense->nsequence == 0;
}

/* Starts what comes next. false when there is nothing to start, or not yet. */
static bool
dense_start_next(DenseOperation *dense, StepResult *result)
{
	line_up(dense);
	*result = STEP_DONE;
	if (is_over(dense))
		return false;
	if (has_moved(dense))
	{
		fail_as_moved(dense);
		*result = STEP_FAILED;
		return false;
	}
	if (!versions_are_known(dense))
		return false;
	*result = STEP_PENDING;
	if (http_now_ms() < dense->not_before)
	{
		client_wake_at(dense->context->client, dense->not_before);
		return false;
	}
	if (*dense->head < 0)
		look_at_counter(dense);
	else
		send_next(dense);
	return true;
}

StepResult
dense_step(DenseOperation *dense)
{
	StepResult	result;

	do
	{
		if (dense->look != NULL)
		{
			result = call_step(dense->look);
			if (result == STEP_PENDING)
				return STEP_PENDING;
			looked(dense, result);
		}
		else if (dense->transaction != NULL)
		{
			if (transaction_step(dense->transaction) == STEP_PENDING)
				return STEP_PENDING;
			transaction_ended(dense);
		}
		if (dense->failed)
			return STEP_FAILED;
	} while (dense->look != NULL || dense->transaction != NULL || dense_start_next(dense, &result));
	return result;
}

const Failure *
dense_failure(const DenseOperation *dense)
{
	return &dense->failure;
}

const AppendRow *
dense_failed_row(const DenseOperation *dense)
{
	return dense->failed_row;
}

void
dense_free(DenseOperation *dense)
{
	if (dense == NULL)
		return;
	call_free(dense->look);
	transaction_free(dense->transaction);
	free(dense->lane_of);
	free(dense->lined_up);
	free(dense->sequence);
	free(dense);
}
