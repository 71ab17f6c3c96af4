/*
 * burn.c: which ids form one run, and how are the notes of all runs written?
 */
#include "store/burn.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb/call.h"
#include "store/counter.h"

typedef struct BurnRun
{
	int64_t		first;
	int64_t		count;
	Call	   *call;
	bool		done;
} BurnRun;

struct BurnOperation
{
	Client	   *client;
	const StoreNames *names;
	Usage	   *usage;
	int			max_parallel;
	int			patience_ms;
	int64_t		give_up_at;		/* http_now_ms */
	size_t		nruns;
	BurnRun		runs[];
};

void
burn_add(BurnList *list, int64_t id)
{
	if (list->nids == list->room)
	{
		size_t		room = list->room > 0 ? list->room * 2 : 16;
		int64_t    *ids = realloc(list->ids, room * sizeof(int64_t));

		if (ids == NULL)
			return;
		list->ids = ids;
		list->room = room;
	}
	list->ids[list->nids++] = id;
}

void
burn_free(BurnList *list)
{
	free(list->ids);
	memset(list, 0, sizeof(*list));
}

static int
compare_ids(const void *a, const void *b)
{
	int64_t		x = *(const int64_t *) a;
	int64_t		y = *(const int64_t *) b;

	return x < y ? -1 : x > y;
}

BurnOperation *
burn_start(Client *client, const StoreNames *names, BurnList *list, int max_parallel, int patience_ms,
		   Usage *usage)
{
	BurnOperation *burn;

	if (list->nids == 0)
		return NULL;
	burn = calloc(1, sizeof(BurnOperation) + list->nids * sizeof(BurnRun));
	if (burn == NULL)
		return NULL;
	burn->client = client;
	burn->names = names;
	burn->usage = usage;
	burn->max_parallel = max_parallel;
	burn->patience_ms = patience_ms;
	burn->give_up_at = http_now_ms() + patience_ms;
	qsort(list->ids, list->nids, sizeof(int64_t), compare_ids);
	for (size_t i = 0; i < list->nids; i++)
	{
		BurnRun    *last = burn->nruns > 0 ? &burn->runs[burn->nruns - 1] : NULL;

		if (last != NULL && list->ids[i] == last->first + last->count)
			last->count++;
		else
			burn->runs[burn->nruns++] = (BurnRun)
		{
			.first = list->ids[i], .count = 1
		};
	}
	return burn;
}

static void
run_send(BurnOperation *burn, BurnRun *run)
{
	ByteBuffer	body = {0};

	counter_write_note(&body, burn->names, run->first, run->count);
	run->call = call_start(burn->client, OPERATION_PUT_ITEM, &body, burn->usage);
	run->done = run->call == NULL;
	buffer_free(&body);
}

StepResult
burn_step(BurnOperation *burn)
{
	int			window = client_window(burn->client, TRAFFIC_WRITE);
	int			most = window < burn->max_parallel ? window : burn->max_parallel;
	int			under_way = 0;
	bool		pending = false;

	for (size_t i = 0; i < burn->nruns && under_way < most; i++)
	{
		BurnRun    *run = &burn->runs[i];

		if (run->done)
			continue;
		if (run->call == NULL)
			run_send(burn, run);
		if (run->call != NULL && call_step(run->call) != STEP_PENDING)
		{
			call_free(run->call);
			run->call = NULL;
			run->done = true;
			burn->give_up_at = http_now_ms() + burn->patience_ms;
		}
		under_way += !run->done;
		pending = pending || !run->done;
	}
	if (!pending || http_now_ms() >= burn->give_up_at)
		return STEP_DONE;
	client_wake_at(burn->client, burn->give_up_at);
	return STEP_PENDING;
}

void
burn_operation_free(BurnOperation *burn)
{
	if (burn == NULL)
		return;
	for (size_t i = 0; i < burn->nruns; i++)
		call_free(burn->runs[i].call);
	free(burn);
}
