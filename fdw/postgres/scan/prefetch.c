/*
 * prefetch.c: whose reads are under way? See prefetch.h.
 *
 * A row's read is begun with the parameters set as the loop will set them at the row's turn: those that it takes from its outer side,
 * and no others, as the planner has seen to (lookahead.c).
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/memutils.h"

#include "dynamodb/request.h"
#include "postgres/core/compat.h"
#include "postgres/core/errors.h"
#include "postgres/scan/limit.h"
#include "postgres/scan/lookahead.h"
#include "postgres/scan/prefetch.h"
#include "store/key_batch.h"

struct Prefetch
{
	ForeignScanState *scan;
	Client	   *client;
	Lookahead  *ahead;
	const NestLoop *loop;
	uint64		begun;			/* the number of the last row whose read was begun */
	int			most;
	PrefetchedRead *reads;		/* of as many rows, by their numbers, modulo `most` */
};

static PrefetchedRead *
read_of(const Prefetch *prefetch, uint64 row)
{
	return &prefetch->reads[row % prefetch->most];
}

static PrefetchedRead
read_new(ForeignScanState *scan, const Tenure *tenure)
{
	MemoryContext query = scan->ss.ps.state->es_query_cxt;

	return (PrefetchedRead)
	{
		.tenure = tenure_new(query, connection_share(tenure->connection)),
		.context = AllocSetContextCreate(query, "dynamodb_es read ahead", ALLOCSET_SMALL_SIZES),
	};
}

/* A row that asks for one commit. */
typedef struct KeyedRow
{
	CommitKey	key;			/* first, for its order */
	uint64		number;
} KeyedRow;

bool
prefetch_is_possible(ForeignScanState *scan, int first_rows)
{
	const NestLoop *loop;

	return lookahead_beside(scan, &loop) != NULL
		&& limit_takes_all(scan->ss.ps.state->es_plannedstmt, &loop->join.plan, first_rows);
}

Prefetch *
prefetch_new(ForeignScanState *scan, const Tenure *tenure, int first_rows, int most)
{
	MemoryContext caller;
	Prefetch   *prefetch;
	const NestLoop *loop;
	Lookahead  *ahead = lookahead_beside(scan, &loop);

	if (!prefetch_is_possible(scan, first_rows))
		return NULL;
	caller = MemoryContextSwitchTo(scan->ss.ps.state->es_query_cxt);
	prefetch = palloc0(sizeof(Prefetch));
	prefetch->scan = scan;
	prefetch->client = tenure_client(tenure);
	prefetch->ahead = ahead;
	prefetch->loop = loop;
	prefetch->most = most;
	prefetch->reads = palloc0(sizeof(PrefetchedRead) * most);
	for (int i = 0; i < most; i++)
		prefetch->reads[i] = read_new(scan, tenure);
	lookahead_begin(ahead, most);
	MemoryContextSwitchTo(caller);
	return prefetch;
}

/* Exchanges the values of the loop's parameters for those of a row, or of an earlier exchange. */
static void
exchange_parameters(const Prefetch *prefetch, ParamExecData *values)
{
	ParamExecData *all = prefetch->scan->ss.ps.state->es_param_exec_vals;
	int			i = 0;
	ListCell   *cell;

	foreach(cell, prefetch->loop->nestParams)
	{
		ParamExecData *parameter = &all[lfirst_node(NestLoopParam, cell)->paramno];
		ParamExecData before = *parameter;

		*parameter = values[i];
		values[i++] = before;
	}
}

static void
values_of_row(const Prefetch *prefetch, TupleTableSlot *row, ParamExecData *values)
{
	int			i = 0;
	ListCell   *cell;

	foreach(cell, prefetch->loop->nestParams)
	{
		const Var  *column = lfirst_node(NestLoopParam, cell)->paramval;

		values[i] = (ParamExecData) {0};
		values[i].value = slot_getattr(row, column->varattno, &values[i].isnull);
		i++;
	}
}

/* Makes a row's place ready for its read. */
static PrefetchedRead *
place_of_row(Prefetch *prefetch, uint64 number)
{
	PrefetchedRead *read = read_of(prefetch, number);

	tenure_drop(read->tenure);
	MemoryContextReset(read->context);
	read->row = 0;
	return read;
}

static void
begin_read(Prefetch *prefetch, uint64 number, TupleTableSlot *row, ParamExecData *values, ReadStarter start)
{
	PrefetchedRead *read = place_of_row(prefetch, number);

	values_of_row(prefetch, row, values);
	exchange_parameters(prefetch, values);
	PG_TRY();
	{
		start(prefetch->scan, read->tenure, read->context);
	}
	PG_FINALLY();
	{
		exchange_parameters(prefetch, values);
	}
	PG_END_TRY();
	read->row = number;
}

void
prefetch_begin(Prefetch *prefetch, ReadStarter start)
{
	uint64		current = lookahead_current(prefetch->ahead);
	int			window = client_window(prefetch->client, TRAFFIC_READ);	/* less while DynamoDB throttles */
	ParamExecData *values = palloc(sizeof(ParamExecData) * Max(list_length(prefetch->loop->nestParams), 1));
	TupleTableSlot *row;

	if (prefetch->begun < current)
		prefetch->begun = current;
	while (prefetch->begun < current + Min(prefetch->most, window)
		   && (row = lookahead_row(prefetch->ahead, prefetch->begun + 1)) != NULL)
	{
		begin_read(prefetch, prefetch->begun + 1, row, values, start);
		prefetch->begun++;
	}
	pfree(values);
}

static bool
key_of_row(Prefetch *prefetch, uint64 number, TupleTableSlot *row, ParamExecData *values, KeyOfRow key_of, CommitKey *key)
{
	PrefetchedRead *read = place_of_row(prefetch, number);
	bool		has_key = false;

	values_of_row(prefetch, row, values);
	exchange_parameters(prefetch, values);
	PG_TRY();
	{
		has_key = key_of(prefetch->scan, read->context, key);
	}
	PG_FINALLY();
	{
		exchange_parameters(prefetch, values);
	}
	PG_END_TRY();
	read->row = number;			/* if it has no key, that is all */
	return has_key;
}

/* The rows that are known, from the present one on, and ask for a commit. */
static int
rows_with_keys(Prefetch *prefetch, KeyOfRow key_of, KeyedRow *rows)
{
	uint64		number = lookahead_current(prefetch->ahead);
	ParamExecData *values = palloc(sizeof(ParamExecData) * Max(list_length(prefetch->loop->nestParams), 1));
	int			count = 0;
	TupleTableSlot *row;

	for (int i = 0; i < prefetch->most && (row = lookahead_row(prefetch->ahead, number)) != NULL; i++, number++)
	{
		rows[count].number = number;
		if (key_of_row(prefetch, number, row, values, key_of, &rows[count].key))
			count++;
	}
	pfree(values);
	qsort(rows, count, sizeof(KeyedRow), commit_key_compare);
	return count;
}

/* Lets each row wait for its commit; rows with one key for the same one. No error may come before all of them are held. */
static void
hold_for_rows(Prefetch *prefetch, KeyedRead *keyed, const KeyedRow *rows, int count)
{
	KeyedOperation *operations[BATCH_GET_MOST_KEYS];
	bool		is_complete = true;
	size_t		key = 0;

	for (int i = 0; i < count; i++)
	{
		if (i > 0 && commit_key_compare(&rows[i - 1].key, &rows[i].key) != 0)
			key++;
		operations[i] = keyed_start(keyed, key);
		is_complete = is_complete && operations[i] != NULL;
	}
	keyed_read_leave(keyed);
	for (int i = 0; i < count; i++)
	{
		if (is_complete)
			tenure_hold(read_of(prefetch, rows[i].number)->tenure, operations[i], &keyed_operation);
		else
			keyed_free(operations[i]);
	}
	if (!is_complete)
		report_out_of_memory();
}

void
prefetch_begin_keys(Prefetch *prefetch, KeyOfRow key_of, KeysStarter start)
{
	KeyedRow   *rows = palloc(sizeof(KeyedRow) * prefetch->most);
	CommitKey  *keys = palloc(sizeof(CommitKey) * prefetch->most);
	size_t		nkeys = 0;
	int			count;

	if (lookahead_row(prefetch->ahead, lookahead_current(prefetch->ahead) + 1) != NULL)
	{
		count = rows_with_keys(prefetch, key_of, rows);
		for (int i = 0; i < count; i++)
			if (i == 0 || commit_key_compare(&rows[i - 1].key, &rows[i].key) != 0)
				keys[nkeys++] = rows[i].key;
		if (nkeys > 0)
			hold_for_rows(prefetch, start(prefetch->scan, keys, nkeys), rows, count);
	}
	pfree(rows);
	pfree(keys);
}

bool
prefetch_take(Prefetch *prefetch, Tenure **tenure, MemoryContext *context)
{
	uint64		current = lookahead_current(prefetch->ahead);
	PrefetchedRead *read = read_of(prefetch, current);
	PrefetchedRead taken = *read;

	if (read->row != current)
		return false;
	*read = (PrefetchedRead)
	{
		.tenure = *tenure, .context = *context
	};
	*tenure = taken.tenure;
	*context = taken.context;
	return true;
}

void
prefetch_drop(Prefetch *prefetch)
{
	for (int i = 0; i < prefetch->most; i++)
	{
		prefetch->reads[i].row = 0;
		tenure_drop(prefetch->reads[i].tenure);
	}
}
