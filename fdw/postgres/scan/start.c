/*
 * start.c: what do the values of a scan ask for, and when is it asked for? See start.h.
 *
 * In a nested loop that can be looked ahead in (lookahead.h) the reads of the next rows are begun, too: each by itself, or, where
 * each row asks for a single commit, as one read of all their keys.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"

#include "dynamodb/request.h"
#include "postgres/condition/clause.h"
#include "postgres/condition/filter_evaluate.h"
#include "postgres/core/budget.h"
#include "postgres/core/errors.h"
#include "postgres/scan/keys.h"
#include "postgres/scan/start.h"
#include "postgres/scan/store_scan.h"
#include "postgres/session/known.h"
#include "store/timed_read.h"

/* Rows to read for one that a local condition lets through; a guess that growing pages correct. */
#define ROWS_FOR_ONE 4

/* 0: all, as far as is known. */
static int64
rows_wanted(const StoreScan *scan, ExprContext *econtext)
{
	int64		rows = limit_evaluate(&scan->row_limit, econtext);

	return scan->plan.exact ? rows : rows * ROWS_FOR_ONE;
}

static void
hold_timed_read(ForeignScanState *node, Tenure *tenure, const ReadSpec *spec, const KeyRange *times)
{
	StoreScan  *scan = node->fdw_state;
	TimeSpan	span = {
		.times = *times,
		.slack_ms = scan->options.committed_at_slack_ms,
		.known = known_of_relation(scan->relation),
		.trusted_since = scan->began_at,
		.requests = &scan->time_requests,
	};

	tenure_hold(tenure, timed_read_start(tenure_client(tenure), &scan->options.names, spec, &span, &scan->usage),
				&timed_read_operation);
}

static void
hold_read(ForeignScanState *node, Tenure *tenure, const ReadSpec *spec, const KeyRange *times)
{
	StoreScan  *scan = node->fdw_state;
	Client	   *client = tenure_client(tenure);

	if (scan->plan.is_feed)
		tenure_hold(tenure, feed_scan_start(client, RelationGetRelid(node->ss.ss_currentRelation), &scan->options, spec, &scan->usage),
					&feed_operation);
	else if (scan->plan.by_time)
		hold_timed_read(node, tenure, spec, times);
	else
		tenure_hold(tenure, read_start(client, &scan->options.names, spec, &scan->usage), &read_operation);
}

/* What all reads of the scan have in common. */
static ReadSpec
spec_of_scan(const StoreScan *scan)
{
	return (ReadSpec)
	{
		.path = scan->plan.path,
		.segments = scan->plan.segments,
		.backward = scan->plan.backward,
		.ordered = scan->plan.ordered,
		.consistent = scan->plan.consistent,
		.count_only = scan->plan.count_only,
		.max_parallel = scan->options.max_connections,
		.max_ranges = scan->options.scan_segments,
		.attributes = scan->attributes,
		.nattributes = scan->nattributes,
		.budget = budget_of_statement(),
	};
}

/* Starts the read that the present values ask for; where they leave nothing to ask for, the tenure holds none. */
static void
start_read(ForeignScanState *node, Tenure *tenure, MemoryContext context)
{
	StoreScan  *scan = node->fdw_state;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	MemoryContext caller = MemoryContextSwitchTo(context);
	ReadSpec	spec = spec_of_scan(scan);
	KeyRange	times = {0};

	spec.wanted = rows_wanted(scan, econtext);
	scan->most = scan->row_limit.is_certain && scan->plan.exact ? spec.wanted : 0;
	if (keys_evaluate(&scan->plan, scan->value_exprs, scan->value_states, econtext, &spec, &times)
		&& filter_evaluate(scan->plan.filter, scan->map, scan->value_exprs, scan->value_states, econtext,
						   &spec.filter) != FILTER_NONE)
		hold_read(node, tenure, &spec, &times);
	if (spec.naggregates > 0)
		scan->aggregate = spec.aggregates[0];
	else if (spec.nkeys > 0)
		scan->aggregate = spec.keys[0].aggregate;
	else if (spec.npieces > 0)
		scan->aggregate = spec.pieces[0].aggregate;
	MemoryContextSwitchTo(caller);
}

static void
start_read_ahead(ForeignScanState *node, Tenure *tenure, MemoryContext context)
{
	start_read(node, tenure, context);
	if (tenure->operation != NULL)
		read_begin_ahead(tenure->operation);
}

static bool
key_of_values(ForeignScanState *node, MemoryContext context, CommitKey *key)
{
	StoreScan  *scan = node->fdw_state;
	MemoryContext caller = MemoryContextSwitchTo(context);
	ReadSpec	spec = {0};
	KeyRange	times;
	bool		has_key = keys_evaluate(&scan->plan, scan->value_exprs, scan->value_states, node->ss.ps.ps_ExprContext, &spec, &times);

	if (has_key)
		*key = (CommitKey) {.aggregate = spec.aggregates[0], .version = spec.ranges[0].lower};
	MemoryContextSwitchTo(caller);
	return has_key;
}

static KeyedRead *
start_keys(ForeignScanState *node, const CommitKey *keys, size_t nkeys)
{
	StoreScan  *scan = node->fdw_state;
	ReadSpec	spec = spec_of_scan(scan);
	KeyedRead  *keyed;

	spec.keys = keys;
	spec.nkeys = nkeys;
	keyed = keyed_read_start(tenure_client(scan->tenure), &scan->options.names, &spec, &scan->usage);
	if (keyed == NULL)
		report_out_of_memory();
	return keyed;
}

/* A count has its own path, a feed its own reader; what a statement appends to is read by itself. */
static bool
may_look_ahead(const StoreScan *scan)
{
	return !scan->plan.is_feed && !scan->plan.by_time && !scan->plan.count_only && !scan->is_appended_to;
}

/* A float may be equal to several integers, since these are rounded for the comparison. */
static bool
names_single_key(const StoreScan *scan)
{
	Oid			type;

	if (!scan_plan_is_single_key(&scan->plan))
		return false;
	type = exprType(lsecond(scan->value_exprs));
	return clause_is_integer_type(type) || type == NUMERICOID;
}

bool
start_batches_keys(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;

	return may_look_ahead(scan) && names_single_key(scan) && prefetch_is_possible(node, scan->plan.first_rows);
}

static void
look_ahead(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;
	bool		by_keys = names_single_key(scan);

	if (!scan->has_looked_ahead && may_look_ahead(scan))
		scan->prefetch = prefetch_new(node, scan->tenure, scan->plan.first_rows,
									  by_keys ? BATCH_GET_MOST_KEYS : scan->options.max_connections);
	scan->has_looked_ahead = true;
	if (scan->prefetch == NULL || by_keys)
		return;
	if (!scan->at_end)
		read_begin(scan->tenure->operation);	/* it comes first */
	prefetch_begin(scan->prefetch, start_read_ahead);
}

static bool
take_prefetched(StoreScan *scan)
{
	return scan->prefetch != NULL && prefetch_take(scan->prefetch, &scan->tenure, &scan->spec_context);
}

void
start_reading(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;
	bool		is_prefetched = take_prefetched(scan);

	scan->reading = true;
	if (!is_prefetched && scan->prefetch != NULL && names_single_key(scan))
	{
		prefetch_begin_keys(scan->prefetch, key_of_values, start_keys);
		is_prefetched = take_prefetched(scan);
	}
	if (!is_prefetched)
		start_read(node, scan->tenure, scan->spec_context);
	scan->at_end = scan->tenure->operation == NULL;
	look_ahead(node);
}
