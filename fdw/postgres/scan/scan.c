/*
 * scan.c: how do items become rows?
 *
 * The values of conditions are evaluated when the first row is asked for, and again after a rescan, because they may
 * be parameters. Where they leave nothing to ask for, the result is empty and costs no request.
 *
 * DynamoDB has no snapshots, so a statement that appends to the table that it reads would meet its own commits
 * further on, and append for them too, without an end. There the rows are collected before the first of them is
 * returned.
 */
#include "postgres.h"

#include "access/table.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"

#include "postgres/condition/pushdown.h"
#include "postgres/core/budget.h"
#include "postgres/core/compat.h"
#include "postgres/core/errors.h"
#include "postgres/scan/scan.h"
#include "postgres/scan/start.h"
#include "postgres/session/trace.h"
#include "postgres/session/wait.h"
#include "postgres/table/target.h"
#include "postgres/table/tuple.h"
#include "store/timed_read.h"

static const char *const key_attributes[] = {COMMIT_AGGREGATE_ID, COMMIT_VERSION};

static bool
attribute_is_listed(const StoreScan *scan, const char *attribute)
{
	for (int i = 0; i < scan->nattributes; i++)
		if (strcmp(scan->attributes[i], attribute) == 0)
			return true;
	return false;
}

/*
 * The columns to fetch, and with them the key, by which an error names the commit; it costs no capacity. Where
 * nothing but the number of rows matters, the shortest attribute that every item has. By its id a commit of the
 * statement's own is known.
 */
static void
choose_attributes(StoreScan *scan)
{
	ListCell   *cell;

	if (scan->plan.count_only)
		return;
	scan->columns = palloc(sizeof(Column *) * Max(list_length(scan->plan.attnums), 1));
	scan->attributes = palloc(sizeof(char *) * (list_length(scan->plan.attnums) + lengthof(key_attributes) + 1));
	foreach(cell, scan->plan.attnums)
	{
		Column	   *column = scan->map->columns[lfirst_int(cell) - 1];

		scan->columns[scan->ncolumns++] = column;
		scan->attributes[scan->nattributes++] = column->attribute;
	}
	if (scan->ncolumns == 0)
		scan->attributes[scan->nattributes++] = COMMIT_VERSION;
	for (size_t i = 0; scan->ncolumns > 0 && i < lengthof(key_attributes); i++)
		if (!attribute_is_listed(scan, key_attributes[i]))
			scan->attributes[scan->nattributes++] = key_attributes[i];
	if (scan->is_appended_to && !attribute_is_listed(scan, COMMIT_ID))
		scan->attributes[scan->nattributes++] = COMMIT_ID;
}

static Tuplestorestate *
collect_begin(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;

	scan->collected_row = ExecInitExtraTupleSlot(node->ss.ps.state, node->ss.ss_ScanTupleSlot->tts_tupleDescriptor,
												 &TTSOpsMinimalTuple);
	return tuplestore_begin_heap(false, false, work_mem);
}

void
scan_begin(ForeignScanState *node, int flags)
{
	ForeignScan *plan = castNode(ForeignScan, node->ss.ps.plan);
	EState	   *estate = node->ss.ps.state;
	Oid			relation_oid = exec_rt_fetch(compat_scan_index(plan), estate)->relid;
	Relation	relation = table_open(relation_oid, NoLock);
	Oid			owner = relation->rd_rel->relowner;
	StoreScan  *scan = palloc0(sizeof(StoreScan));

	node->fdw_state = scan;
	scan->relation = relation_oid;
	scan->map = column_map_new(relation);
	table_close(relation, NoLock);
	scan->options = options_of_table(relation_oid);
	scan->plan = scan_plan_from_list(plan->fdw_private);
	if (scan->plan.ordered)
		scan->map->ordered_by = pushdown_sort_column(scan->map, scan->plan.path);
	scan->map->replaces_unreadable = scan->options.replaces_unreadable;
	scan->has_system_columns = plan->fsSystemCol;
	scan->value_exprs = plan->fdw_exprs;
	scan->value_states = ExecInitExprList(plan->fdw_exprs, &node->ss.ps);
	if (!scan->plan.count_only)
		scan->row_limit = limit_find(node, scan->plan.first_rows);
	scan->is_appended_to = target_in_plan(estate, &scan->options) && !scan->plan.count_only;
	choose_attributes(scan);
	if (flags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	scan->began_at = http_now_ms();
	if (scan->options.replaces_unreadable)
		scan->map->replacements = replacements_of_statement(estate);
	scan->spec_context = AllocSetContextCreate(estate->es_query_cxt, "dynamodb_es read",
											  ALLOCSET_SMALL_SIZES);
	scan->tenure = tenure_new(estate->es_query_cxt,
							  connection_acquire(compat_scan_user(node), scan->options.server, owner));
	if (scan->is_appended_to)
		scan->rows = collect_begin(node);
	else if (scan->plan.is_feed && (flags & EXEC_FLAG_REWIND) != 0)
		scan->seen = collect_begin(node);
}

static void
report_read_failure(const StoreScan *scan)
{
	trace_client(tenure_client(scan->tenure));
	if (scan->plan.is_feed)
		feed_scan_report(scan->tenure->operation, scan->map->relation_name);
	report_failure(tenure_failure(scan->tenure), scan->map->relation_name);
}

bool
scan_is_ready(StoreScan *scan)
{
	/* What has been read to its end before its turn has no operation any more. */
	if (scan->at_end || scan->collected)
		return true;
	if (scan->plan.by_time)
		return timed_read_is_ready(scan->tenure->operation);
	return scan->plan.is_feed ? feed_is_ready(scan->tenure->operation) : read_is_ready(scan->tenure->operation);
}

FeedSummary
scan_feed_summary(StoreScan *scan)
{
	if (scan->tenure != NULL && scan->tenure->operation != NULL)
		feed_scan_summarize(scan->tenure->operation, scan->map->relation_name, &scan->feed);
	return scan->feed;
}

/* The end of the read: what it knows is kept for longer than it. */
static void
end_reading(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;
	MemoryContext caller = MemoryContextSwitchTo(node->ss.ps.state->es_query_cxt);

	if (scan->plan.is_feed)
	{
		scan->feed = scan_feed_summary(scan);
		feed_scan_ended(scan->tenure->operation, RelationGetRelid(node->ss.ss_currentRelation));
	}
	else if (scan->plan.count_only)
		scan->count = scan->plan.by_time ? timed_read_count(scan->tenure->operation) : read_count(scan->tenure->operation);
	MemoryContextSwitchTo(caller);
	tenure_drop(scan->tenure);
	scan->at_end = true;
}

static void
store_row(StoreScan *scan, const cJSON *item, TupleTableSlot *slot)
{
	columns_read(scan->map, scan->columns, scan->ncolumns, item, slot->tts_values, slot->tts_isnull);
	if (scan->has_system_columns)
		ExecStoreHeapTuple(tuple_form(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull), slot, false);
	else
		ExecStoreVirtualTuple(slot);
}

/* The one row of a count; none where there is a group by an aggregate that has no items. */
static void
store_count(StoreScan *scan, TupleTableSlot *slot)
{
	ListCell   *cell;
	int			at = 0;

	if (scan->count_returned)
		return;
	scan->count_returned = true;
	foreach(cell, scan->plan.attnums)
	{
		AttrNumber	attnum = lfirst_int(cell);

		if (attnum != 0 && scan->count == 0)
			return;
		slot->tts_isnull[at] = false;
		slot->tts_values[at++] = attnum == 0 ? Int64GetDatum(scan->count)
			: column_of_text(scan->map->columns[attnum - 1], scan->aggregate.text);
	}
	ExecStoreVirtualTuple(slot);
}

static bool
is_own_commit(const StoreScan *scan, const cJSON *item)
{
	AttributeValue id = attribute_get(item, COMMIT_ID);
	int64		number;

	return scan->own != NULL && attribute_to_int64(&id, &number) && hash_search(scan->own, &number, HASH_FIND, NULL) != NULL;
}

/* The next row; the slot stays empty at the end, and where it would have to wait and must not. */
static void
read_row(ForeignScanState *node, TupleTableSlot *slot)
{
	StoreScan  *scan = node->fdw_state;
	const cJSON *item;

	while (!scan->at_end)
	{
		ReadResult	result;

		/* As long as pages arrive faster than they are used up, there is no wait that would do it. */
		CHECK_FOR_INTERRUPTS();
		budget_of_statement();
		result = tenure_next(scan->tenure, &item);
		budget_check(&scan->usage, scan->map->relation_name);
		switch (result)
		{
			case READ_ITEM:
				if (is_own_commit(scan, item))
					break;
				store_row(scan, item, slot);
				return;
			case READ_EMPTY_PAGE:
				break;
			case READ_PENDING:
				if (scan->never_waits)
				{
					scan->must_wait = true;
					return;
				}
				wait_for_client(tenure_client(scan->tenure));
				break;
			case READ_END:
				end_reading(node);
				break;
			case READ_FAILED:
				report_read_failure(scan);
		}
	}
	if (scan->plan.count_only)
		store_count(scan, slot);
}

/* Reads all rows, or as many as can be taken, before one is returned. false when that has to wait. */
static bool
collect_rows(ForeignScanState *node, TupleTableSlot *slot)
{
	StoreScan  *scan = node->fdw_state;

	while (!scan->collected)
	{
		read_row(node, slot);
		if (scan->must_wait)
			return false;
		if (!TTS_EMPTY(slot))
			tuplestore_puttupleslot(scan->rows, slot);
		scan->collected = TTS_EMPTY(slot) || (scan->most > 0 && tuplestore_tuple_count(scan->rows) >= scan->most);
		ExecClearTuple(slot);
		ResetExprContext(node->ss.ps.ps_ExprContext);
	}
	return true;
}

/* A feed that was begun anew would show another prefix: a run with the same values shows the rows that were seen again. */
static void
read_or_repeat(ForeignScanState *node, TupleTableSlot *slot)
{
	StoreScan  *scan = node->fdw_state;

	if (tuplestore_gettupleslot(scan->seen, true, false, scan->collected_row))
	{
		ExecCopySlot(slot, scan->collected_row);
		ExecClearTuple(scan->collected_row);
		return;
	}
	read_row(node, slot);
	if (!TTS_EMPTY(slot))
		tuplestore_puttupleslot(scan->seen, slot);
}

TupleTableSlot *
scan_iterate(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	ExecClearTuple(slot);
	scan->must_wait = false;
	if (!scan->reading)
		start_reading(node);
	if (scan->seen != NULL)
		read_or_repeat(node, slot);
	else if (scan->rows == NULL)
		read_row(node, slot);
	else if (collect_rows(node, slot))
	{
		if (tuplestore_gettupleslot(scan->rows, true, false, scan->collected_row))
		{
			ExecCopySlot(slot, scan->collected_row);
			ExecClearTuple(scan->collected_row);	/* its tuple may be in memory that goes with this row */
		}
		else
			read_row(node, slot);
	}
	return slot;
}

static void
collect_now(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	MemoryContext caller = MemoryContextSwitchTo(node->ss.ps.ps_ExprContext->ecxt_per_tuple_memory);

	scan->must_wait = false;	/* as an asynchronous Append may have left it */
	if (!scan->reading)
		start_reading(node);
	collect_rows(node, slot);
	MemoryContextSwitchTo(caller);
}

/* All scans of a statement, and all its partitions that are appended to, share one set. */
static void
pass_over_own(ForeignScanState *node, HTAB **own)
{
	StoreScan  *scan = node->fdw_state;
	HASHCTL		control = {.keysize = sizeof(int64), .entrysize = sizeof(int64), .hcxt = node->ss.ps.state->es_query_cxt};

	if (scan->own == NULL)
		scan->own = *own != NULL ? *own
			: hash_create("dynamodb_es own commits", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	*own = scan->own;
}

static bool
collect_below(PlanState *state, void *own)
{
	ForeignScanState *node = (ForeignScanState *) state;

	if (IsA(node, ForeignScanState) && node->fdwroutine->IterateForeignScan == scan_iterate
		&& ((StoreScan *) node->fdw_state)->is_appended_to)
	{
		if (bms_is_empty(state->plan->allParam))
			collect_now(node);
		else
			pass_over_own(node, own);
	}
	return planstate_tree_walker(state, collect_below, own);
}

HTAB *
scan_collect_all(PlanState *statement)
{
	HTAB	   *own = NULL;

	collect_below(statement, &own);
	return own;
}

void
scan_rescan(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;

	/* What was read before the first append is returned again: with the same values, nothing else is to be seen. */
	if (scan->is_appended_to && node->ss.ps.chgParam == NULL)
	{
		tuplestore_rescan(scan->rows);
		return;
	}
	if (scan->seen != NULL && node->ss.ps.chgParam == NULL)
	{
		tuplestore_rescan(scan->seen);
		return;
	}
	if (scan->seen != NULL)
		tuplestore_clear(scan->seen);
	if (scan->tenure != NULL)
		tenure_drop(scan->tenure);
	if (scan->spec_context != NULL)
		MemoryContextReset(scan->spec_context);
	scan->reading = false;
	scan->at_end = false;
	if (scan->rows != NULL)
		tuplestore_clear(scan->rows);
	scan->collected = false;
	scan->count = 0;
	scan->count_returned = false;
}

void
scan_end(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;

	scan_settle(scan);
	if (scan->rows != NULL)
		tuplestore_end(scan->rows);
	if (scan->seen != NULL)
		tuplestore_end(scan->seen);
	/* All scans have come to their end by now. */
	if (scan->map->replacements != NULL)
		replacements_report(scan->map->replacements);
}

void
scan_settle(StoreScan *scan)
{
	if (scan->prefetch != NULL)
		prefetch_drop(scan->prefetch);
	if (scan->tenure != NULL)
		tenure_drop(scan->tenure);
}
