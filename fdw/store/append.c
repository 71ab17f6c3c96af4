/*
 * append.c: in which order do the requests of a batch go out?
 *
 * First the last versions, where rows leave theirs out. Then, in dense mode, the transactions (dense.c); otherwise one
 * ADD for the ids of all rows, the puts, one lane for each aggregate, side by side, and the notes of ids that came to
 * nothing. After a row has failed no further
 * put is started, and those on the way are seen to their end.
 */
#include "store/append.h"

#include <stdlib.h>
#include <string.h>

#include "store/dense.h"
#include "store/lane.h"

/* How long an error waits for its notes, ms, where the endpoint had just not been reached. */
#define NOTES_PATIENCE_MS 1000

typedef enum AppendPhase
{
	PHASE_VERSIONS,
	PHASE_IDS,
	PHASE_PUTS,
	PHASE_TRANSACTIONS,			/* dense, instead of ids and puts */
	PHASE_NOTES,
	PHASE_FINISHED
} AppendPhase;

struct AppendOperation
{
	LaneContext context;
	AppendSettings settings;
	AppendRow  *rows;
	size_t		nrows;
	AppendRow **order;			/* the rows grouped by aggregate: what the lanes' `rows` point into */
	Lane	   *lanes;
	size_t		nlanes;
	size_t		first_open;		/* the lanes before it are over */
	size_t		nbegun;			/* the lanes from here on were not looked at in this phase */
	Call	   *counter;		/* the ADD */
	DenseOperation *dense;
	BurnOperation *burn;
	AppendPhase phase;
	bool		failed;
	const AppendRow *failed_row;
	Failure		failure;
};

static int
compare_aggregates(const AppendRow *a, const AppendRow *b)
{
	size_t		shorter = a->commit.aggregate_id_length < b->commit.aggregate_id_length
		? a->commit.aggregate_id_length : b->commit.aggregate_id_length;
	int			order = memcmp(a->commit.aggregate_id, b->commit.aggregate_id, shorter);

	if (order != 0)
		return order;
	return (a->commit.aggregate_id_length > shorter) - (b->commit.aggregate_id_length > shorter);
}

/* By aggregate, and within one in the order of the statement. */
static int
compare_rows(const void *a, const void *b)
{
	const AppendRow *x = *(AppendRow *const *) a;
	const AppendRow *y = *(AppendRow *const *) b;
	int			order = compare_aggregates(x, y);

	return order != 0 ? order : (x > y) - (x < y);
}

/* Lanes in the order in which the statement first names their aggregates. */
static int
compare_lanes(const void *a, const void *b)
{
	const AppendRow *x = ((const Lane *) a)->rows[0];
	const AppendRow *y = ((const Lane *) b)->rows[0];

	return (x > y) - (x < y);
}

static void
make_lanes(AppendOperation *append)
{
	size_t		first = 0;

	for (size_t i = 0; i < append->nrows; i++)
		append->order[i] = &append->rows[i];
	qsort(append->order, append->nrows, sizeof(AppendRow *), compare_rows);
	for (size_t i = 1; i <= append->nrows; i++)
	{
		if (i < append->nrows && compare_aggregates(append->order[i], append->order[first]) == 0)
			continue;
		lane_init(&append->lanes[append->nlanes++], append->order + first, i - first);
		first = i;
	}
	qsort(append->lanes, append->nlanes, sizeof(Lane), compare_lanes);
}

AppendOperation *
append_start(Client *client, const StoreNames *names, const AppendSettings *settings, AppendRow *rows, size_t nrows,
			 Usage *usage)
{
	AppendOperation *append = calloc(1, sizeof(AppendOperation));

	if (append == NULL)
		return NULL;
	append->settings = *settings;
	append->context = (LaneContext)
	{
		.client = client, .names = names, .settings = &append->settings, .usage = usage
	};
	append->rows = rows;
	append->nrows = nrows;
	append->order = calloc(nrows > 0 ? nrows : 1, sizeof(AppendRow *));
	append->lanes = calloc(nrows > 0 ? nrows : 1, sizeof(Lane));
	if (append->order == NULL || append->lanes == NULL)
	{
		append_free(append);
		return NULL;
	}
	make_lanes(append);
	append->context.nlanes = append->nlanes;
	return append;
}

static void
append_fail(AppendOperation *append, const AppendRow *row, const Failure *failure)
{
	/* The first one is reported; but a fate that is open rather than anything that reads as if all were settled. */
	if (append->failed && (failure->kind != FAILURE_UNKNOWN_FATE || append->failure.kind == FAILURE_UNKNOWN_FATE))
		return;
	append->failed = true;
	append->failed_row = row;
	append->failure = *failure;
}

static void
append_fail_with(AppendOperation *append, FailureKind kind, const char *message)
{
	Failure		failure;

	failure_set(&failure, kind, NULL, "%s", message);
	append_fail(append, NULL, &failure);
}

static int
parallel_puts(const AppendOperation *append)
{
	int			window = client_window(append->context.client, TRAFFIC_WRITE);

	return window < append->settings.max_parallel ? window : append->settings.max_parallel;
}

static bool
lane_is_over(const Lane *lane)
{
	return lane->state == LANE_DONE || lane->state == LANE_FAILED;
}

/* Steps a lane that has something to do, and keeps count of those with a request on the way, itself included. */
static void
lane_go_on(AppendOperation *append, Lane *lane, int *busy)
{
	bool		was_busy = lane_is_busy(lane);
	bool		may_send = !append->failed && *busy - was_busy < parallel_puts(append);

	if (lane_is_over(lane) || (!was_busy && !may_send))
		return;
	lane_step(lane, &append->context, may_send);
	*busy += lane_is_busy(lane) - was_busy;
	if (lane->state == LANE_FAILED)
		append_fail(append, lane->rows[lane->next], &lane->failure);
}

/*
 * Steps the lanes, as many at once as may be. true when none is on the way any more. A batch may have thousands, and
 * this is called for each answer: only those between the first that is not over and the last that was begun are looked
 * at, and further ones begun in their order.
 */
static bool
lanes_step(AppendOperation *append)
{
	int			busy = 0;

	while (append->first_open < append->nlanes && lane_is_over(&append->lanes[append->first_open]))
		append->first_open++;
	for (size_t i = append->first_open; i < append->nbegun; i++)
		busy += lane_is_busy(&append->lanes[i]);
	/* Twice: one that was held back may go on where a later one has ended. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = append->first_open; i < append->nbegun; i++)
			lane_go_on(append, &append->lanes[i], &busy);
	while (append->nbegun < append->nlanes && !append->failed && busy < parallel_puts(append))
		lane_go_on(append, &append->lanes[append->nbegun++], &busy);
	return busy == 0;
}

/* Asks for the last versions that are needed; the other lanes know theirs. */
static void
versions_step(AppendOperation *append)
{
	if (!lanes_step(append))
		return;
	for (size_t i = 0; i < append->nlanes && !append->failed; i++)
	{
		Lane	   *lane = &append->lanes[i];

		if (lane->state == LANE_NEW && !lane_resolve_versions(lane, &append->context, -1))
			append_fail(append, lane->rows[lane->next], &lane->failure);
	}
	append->phase = append->failed ? PHASE_FINISHED
		: append->settings.mode == APPEND_DENSE ? PHASE_TRANSACTIONS : PHASE_IDS;
}

static bool
any_version_is_open(const AppendOperation *append)
{
	for (size_t i = 0; i < append->nlanes; i++)
		if (append->lanes[i].state == LANE_NEEDS_LAST_VERSION)
			return true;
	return false;
}

static int64_t
rows_to_put(const AppendOperation *append)
{
	int64_t		count = 0;

	for (size_t i = 0; i < append->nrows; i++)
		count += !append->rows[i].skipped;
	return count;
}

static void
take_ids(AppendOperation *append)
{
	const LaneContext *context = &append->context;
	ByteBuffer	body = {0};

	request_counter_add(&body, context->names->counter_table, context->names->counter, rows_to_put(append));
	append->counter = call_start(context->client, OPERATION_UPDATE_ITEM, &body, context->usage);
	buffer_free(&body);
	if (append->counter == NULL)
		append_fail_with(append, FAILURE_MEMORY, "out of memory");
}

static int
compare_pointers(const void *a, const void *b)
{
	const AppendRow *x = *(AppendRow *const *) a;
	const AppendRow *y = *(AppendRow *const *) b;

	return (x > y) - (x < y);
}

/*
 * Ids follow the order of the statement; within an aggregate, whose rows may have been put into another order, its
 * ids follow the versions.
 */
static bool
give_ids(AppendOperation *append, int64_t first, int64_t deadline)
{
	int64_t    *id_of_row = malloc(append->nrows * sizeof(int64_t));
	int64_t    *ids = malloc(append->nrows * sizeof(int64_t));
	AppendRow **in_order = malloc(append->nrows * sizeof(AppendRow *));
	bool		enough = id_of_row != NULL && ids != NULL && in_order != NULL;

	for (size_t i = 0; enough && i < append->nrows; i++)
		id_of_row[i] = append->rows[i].skipped ? 0 : first++;
	for (size_t i = 0; enough && i < append->nlanes; i++)
	{
		Lane	   *lane = &append->lanes[i];
		size_t		n = 0;

		memcpy(in_order, lane->rows, lane->nrows * sizeof(AppendRow *));
		qsort(in_order, lane->nrows, sizeof(AppendRow *), compare_pointers);
		for (size_t j = 0; j < lane->nrows; j++)
			if (!in_order[j]->skipped)
				ids[n++] = id_of_row[in_order[j] - append->rows];
		lane_give_ids(lane, ids, deadline);
	}
	free(id_of_row);
	free(ids);
	free(in_order);
	return enough;
}

static void
ids_step(AppendOperation *append)
{
	int64_t		count = rows_to_put(append);
	int64_t		last;
	StepResult	result;

	if (count == 0)
	{
		append->phase = PHASE_FINISHED;
		return;
	}
	if (append->counter == NULL)
		take_ids(append);
	result = append->counter != NULL ? call_step(append->counter) : STEP_FAILED;
	if (result == STEP_PENDING)
		return;
	if (result == STEP_FAILED && append->counter != NULL)
		append_fail(append, NULL, call_failure(append->counter));
	else if (result == STEP_DONE)
	{
		if (!commit_read_counter(call_response(append->counter), &last) || last < count)
			append_fail_with(append, FAILURE_BAD_ANSWER, "the counter did not answer a commit id");
		else if (!give_ids(append, last - count + 1, call_sent_at(append->counter) + append->settings.deadline_ms))
			append_fail_with(append, FAILURE_MEMORY, "out of memory");
	}
	append->phase = append->failed ? PHASE_FINISHED : PHASE_PUTS;
	append->nbegun = 0;
}

static void
transactions_step(AppendOperation *append)
{
	StepResult	result = STEP_FAILED;

	if (append->dense == NULL)
		append->dense = dense_start(&append->context, append->rows, append->nrows, append->lanes, append->nlanes);
	if (append->dense == NULL)
		append_fail_with(append, FAILURE_MEMORY, "out of memory");
	else
		result = dense_step(append->dense);
	if (result == STEP_FAILED && append->dense != NULL)
		append_fail(append, dense_failed_row(append->dense), dense_failure(append->dense));
	if (result != STEP_PENDING)
		append->phase = !append->failed && any_version_is_open(append) ? PHASE_VERSIONS : PHASE_FINISHED;
}

static bool
lanes_are_done(const AppendOperation *append)
{
	for (size_t i = 0; i < append->nlanes; i++)
		if (append->lanes[i].state != LANE_DONE)
			return false;
	return true;
}

/* The last that was heard of the endpoint is nothing: a lost answer, or no connection. */
static bool
endpoint_was_silent(const AppendOperation *append)
{
	return append->failed && append->failure.http_status == 0
		&& (append->failure.kind == FAILURE_UNREACHABLE || append->failure.kind == FAILURE_UNKNOWN_FATE);
}

/*
 * The notes go out before the failure is reported. They may well get through where a put did not; but an error must
 * not wait for them through all attempts and timeouts of a dead endpoint.
 */
static void
notes_begin(AppendOperation *append)
{
	LaneContext *context = &append->context;

	if (append->settings.burn_notes)
		append->burn = burn_start(context->client, context->names, &context->burned, append->settings.max_parallel,
								  context->usage);
	if (append->burn != NULL && endpoint_was_silent(append))
		burn_give_up_at(append->burn, http_now_ms() + NOTES_PATIENCE_MS);
	append->phase = append->burn != NULL ? PHASE_NOTES : PHASE_FINISHED;
}

static void
puts_step(AppendOperation *append)
{
	LaneContext *context = &append->context;

	if (!lanes_step(append) || !(append->failed || lanes_are_done(append)))
		return;
	for (size_t i = 0; i < append->nlanes; i++)
		lane_burn_unused(&append->lanes[i], &context->burned);
	notes_begin(append);
}

StepResult
append_step(AppendOperation *append)
{
	AppendPhase before;

	do
	{
		before = append->phase;
		switch (append->phase)
		{
			case PHASE_VERSIONS:
				versions_step(append);
				break;
			case PHASE_IDS:
				ids_step(append);
				break;
			case PHASE_PUTS:
				puts_step(append);
				break;
			case PHASE_TRANSACTIONS:
				transactions_step(append);
				break;
			case PHASE_NOTES:
				if (burn_step(append->burn) == STEP_DONE)
					append->phase = PHASE_FINISHED;
				break;
			case PHASE_FINISHED:
				return append->failed ? STEP_FAILED : STEP_DONE;
		}
	} while (append->phase != before);
	return STEP_PENDING;
}

const Failure *
append_failure(const AppendOperation *append)
{
	return &append->failure;
}

const AppendRow *
append_failed_row(const AppendOperation *append)
{
	return append->failed_row;
}

void
append_free(AppendOperation *append)
{
	if (append == NULL)
		return;
	for (size_t i = 0; i < append->nlanes; i++)
		lane_free(&append->lanes[i]);
	call_free(append->counter);
	dense_free(append->dense);
	burn_operation_free(append->burn);
	burn_free(&append->context.burned);
	free(append->order);
	free(append->lanes);
	free(append);
}
