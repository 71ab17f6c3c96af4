/*
 * append.c: in which order do the requests of a batch go out?
 *
 * First the last versions, where rows leave theirs out, and a look for the version before, where versions have to be
 * contiguous. Then, in dense mode, the transactions (dense.c); otherwise an ADD for the ids of the first rows, and their
 * puts, one lane for each aggregate, side by side; the next ADD when few of these are left to be sent, so that ids are
 * there by the time they are needed. Last come the notes of ids that came to nothing. Imported rows have their ids: their
 * puts are all there is. After a row has failed no further put is started, and those on the way are seen to their end.
 */
#include "store/append.h"

#include <stdlib.h>

#include "store/append_ids.h"
#include "store/dense.h"
#include "store/lane.h"

/*
 * How long, ms, an error waits for answers that nobody needs any more, and a statement for any of its notes to be
 * written. The short one is for an endpoint of which nothing was heard; the other leaves time for a retry.
 */
#define SHORT_PATIENCE_MS 1000
#define NOTES_PATIENCE_MS 2000

/* Each has a function, which says which phase comes next, or the same once more: then it waits. */
typedef enum AppendPhase
{
	PHASE_ROWS,					/* what can be known of them without a look at the store */
	PHASE_VERSIONS,				/* which ones are next, and is there the one before? No id is taken yet */
	PHASE_PUTS,
	PHASE_TRANSACTIONS,			/* dense, instead of puts */
	PHASE_NOTES,
	PHASE_FINISHED
} AppendPhase;

struct AppendOperation
{
	LaneContext context;
	AppendSettings settings;
	AppendRow  *rows;
	size_t		nrows;
	AppendRow **order;			/* the rows grouped by aggregate; each lane has a part of this array */
	Lane	   *lanes;
	size_t		nlanes;
	size_t		first_open;		/* the lanes before it are over */
	size_t		nbegun;			/* the lanes before it have been looked at in this phase */
	AppendIds	ids;
	int64_t		patience;		/* after a failure: when waiting for ids and versions ends, http_now_ms; 0: not set */
	bool		were_given_up;	/* that time is over */
	DenseOperation *dense;
	BurnOperation *burn;
	AppendPhase phase;
	bool		failed;
	const AppendRow *failed_row;
	Failure		failure;
};

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
	if (append->order == NULL || append->lanes == NULL || !append_ids_init(&append->ids, &append->context, rows, nrows))
	{
		append_free(append);
		return NULL;
	}
	append->nlanes = append->context.nlanes = lanes_make(append->lanes, append->order, rows, nrows);
	return append;
}

/*
 * Of several failures the first one is reported; but a fate that is open rather than anything that reads as if all were
 * settled, and an id that was given out twice rather than what passes.
 */
static int
weight_of_failure(const Failure *failure)
{
	return failure->kind == FAILURE_UNKNOWN_FATE ? 2 : failure->kind == FAILURE_ID_TWICE ? 1 : 0;
}

static void
append_fail(AppendOperation *append, const AppendRow *row, const Failure *failure)
{
	if (append->failed && weight_of_failure(failure) <= weight_of_failure(&append->failure))
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

/* How many lanes may have a request under way. */
static int
parallel_requests(const AppendOperation *append)
{
	Traffic		traffic = append->phase == PHASE_VERSIONS ? TRAFFIC_READ : TRAFFIC_WRITE;
	int			window = client_window(append->context.client, traffic);

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
	bool		may_send = !append->failed && *busy - was_busy < parallel_requests(append);

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
 * at, and further ones begun in their order, which is the one in which ids come.
 */
static bool
lanes_step(AppendOperation *append)
{
	int			others = append_ids_are_coming(&append->ids);
	int			busy = others;

	while (append->first_open < append->nlanes && lane_is_over(&append->lanes[append->first_open]))
		append->first_open++;
	for (size_t i = append->first_open; i < append->nbegun; i++)
		busy += lane_is_busy(&append->lanes[i]);
	/* Twice: one that was held back may go on where a later one has ended. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = append->first_open; i < append->nbegun; i++)
			lane_go_on(append, &append->lanes[i], &busy);
	while (append->nbegun < append->nlanes && !append->failed && busy < parallel_requests(append)
		   && (append->phase == PHASE_VERSIONS || !lane_awaits_id(&append->lanes[append->nbegun])))
		lane_go_on(append, &append->lanes[append->nbegun++], &busy);
	return busy == others;
}

static AppendPhase
puts_begin(AppendOperation *append)
{
	append_ids_place(&append->ids, append->lanes, append->nlanes);
	append->nbegun = 0;
	return PHASE_PUTS;
}

static AppendPhase
rows_step(AppendOperation *append)
{
	const AppendRow *row = NULL;
	Failure		failure;

	for (size_t i = 0; i < append->nlanes && !append->failed; i++)
	{
		Lane	   *lane = &append->lanes[i];

		if (lane->state == LANE_NEW && !lane_resolve_versions(lane, &append->context, -1))
			append_fail(append, lane->rows[lane->next], &lane->failure);
	}
	if (append->settings.mode == APPEND_IMPORT && !append->failed
		&& !append_ids_differ(append->rows, append->nrows, &row, &failure))
		append_fail(append, row, &failure);
	return append->failed ? PHASE_FINISHED : PHASE_VERSIONS;
}

/* Asks for the last versions that are needed, and for those that must be there before rows. */
static AppendPhase
versions_step(AppendOperation *append)
{
	/* Reads that are under way have no fate that the error would have to tell. */
	if (!lanes_step(append) && !append->failed)
		return PHASE_VERSIONS;
	if (append->failed)
		return PHASE_FINISHED;
	return append->settings.mode == APPEND_DENSE ? PHASE_TRANSACTIONS : puts_begin(append);
}

static bool
any_version_is_open(const AppendOperation *append)
{
	for (size_t i = 0; i < append->nlanes; i++)
		if (append->lanes[i].state == LANE_NEEDS_LAST_VERSION)
			return true;
	return false;
}

/*
 * After a failure, versions that were asked for are not needed any more, and ids only for the burn notes. So the error does not wait
 * much longer for these. It waits for all puts, however long they take.
 */
static void
give_up(AppendOperation *append)
{
	if (append->patience == 0)
		append->patience = http_now_ms() + SHORT_PATIENCE_MS;
	if (http_now_ms() < append->patience)
	{
		client_wake_at(append->context.client, append->patience);
		return;
	}
	append->were_given_up = true;
	append_ids_give_up(&append->ids);
	for (size_t i = append->first_open; i < append->nbegun; i++)
		lane_give_up(&append->lanes[i]);
}

static void
ids_step(AppendOperation *append)
{
	Failure		failure;

	if (append_ids_step(&append->ids, !append->failed, &failure) == STEP_FAILED)
		append_fail(append, NULL, &failure);
}

/*
 * Ids take as long to come as a put takes: they are asked for once fewer puts can be begun with what is at hand than
 * may be under way, and so no earlier than needed. Where that is one, they would only be in the way of the last puts.
 */
static bool
ids_are_wanted(AppendOperation *append, bool idle)
{
	size_t		at_a_time = (size_t) parallel_requests(append);
	size_t		open = append->nlanes - append->nbegun;
	size_t		at_hand = 0;

	if (append->failed || !append_ids_are_left(&append->ids) || idle)
		return !append->failed && append_ids_are_left(&append->ids);
	for (size_t i = append->nbegun; i < append->nlanes && at_hand < at_a_time && !lane_awaits_id(&append->lanes[i]); i++)
		at_hand++;
	for (size_t i = append->first_open; i < append->nbegun && at_hand < at_a_time; i++)
	{
		open += !lane_is_over(&append->lanes[i]);
		at_hand += lane_holds_ids(&append->lanes[i]);
	}
	return at_a_time > 1 && at_hand < (open < at_a_time ? open : at_a_time);
}

static AppendPhase
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
	if (result == STEP_PENDING)
		return PHASE_TRANSACTIONS;
	return !append->failed && any_version_is_open(append) ? PHASE_VERSIONS : PHASE_FINISHED;
}

static bool
lanes_are_done(const AppendOperation *append)
{
	for (size_t i = 0; i < append->nlanes; i++)
		if (append->lanes[i].state != LANE_DONE)
			return false;
	return true;
}

/* The last that was heard of the endpoint is nothing: no answer came in time or ever, or there was no connection. */
static bool
endpoint_was_silent(const AppendOperation *append)
{
	return append->were_given_up || (append->failed && append->failure.http_status == 0
		&& (append->failure.kind == FAILURE_UNREACHABLE || append->failure.kind == FAILURE_UNKNOWN_FATE));
}

/*
 * The notes go out before the failure is reported, or the success. They may well get through where a put did not; but
 * neither must wait for them through all attempts and timeouts of a dead endpoint.
 */
static AppendPhase
notes_begin(AppendOperation *append)
{
	LaneContext *context = &append->context;

	if (append->settings.mode == APPEND_COUNTER && append->settings.burn_notes && !context->ids_are_foreign)
		append->burn = burn_start(context->client, context->names, &context->burned, append->settings.max_parallel,
								  endpoint_was_silent(append) ? SHORT_PATIENCE_MS : NOTES_PATIENCE_MS, context->usage);
	return append->burn != NULL ? PHASE_NOTES : PHASE_FINISHED;
}

static AppendPhase
puts_step(AppendOperation *append)
{
	LaneContext *context = &append->context;
	bool		idle;

	for (;;)
	{
		ids_step(append);
		idle = lanes_step(append);
		if (append_ids_are_coming(&append->ids) || !ids_are_wanted(append, idle))
			break;
		if (!append_ids_ask(&append->ids))
			append_fail_with(append, FAILURE_MEMORY, "out of memory");
	}
	if (append->failed && (!idle || append_ids_are_coming(&append->ids)))
	{
		give_up(append);
		idle = lanes_step(append);
	}
	if (!idle || append_ids_are_coming(&append->ids) || !(append->failed || lanes_are_done(append)))
		return PHASE_PUTS;
	for (size_t i = 0; i < append->nlanes; i++)
		lane_burn_unused(&append->lanes[i], &context->burned);
	return notes_begin(append);
}

static AppendPhase
notes_step(AppendOperation *append)
{
	return burn_step(append->burn) == STEP_DONE ? PHASE_FINISHED : PHASE_NOTES;
}

StepResult
append_step(AppendOperation *append)
{
	static AppendPhase (*const phases[]) (AppendOperation *append) = {
		[PHASE_ROWS] = rows_step,
		[PHASE_VERSIONS] = versions_step,
		[PHASE_PUTS] = puts_step,
		[PHASE_TRANSACTIONS] = transactions_step,
		[PHASE_NOTES] = notes_step,
	};

	while (append->phase != PHASE_FINISHED)
	{
		AppendPhase before = append->phase;

		append->phase = phases[before] (append);
		if (append->phase == before)
			return STEP_PENDING;
	}
	return append->failed ? STEP_FAILED : STEP_DONE;
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
	append_ids_free(&append->ids);
	dense_free(append->dense);
	burn_operation_free(append->burn);
	burn_free(&append->context.burned);
	free(append->order);
	free(append->lanes);
	free(append);
}
