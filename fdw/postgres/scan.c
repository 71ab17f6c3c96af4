/*
 * scan.c: how do items become rows?
 *
 * The values of the key condition are evaluated when the first row is asked for, and again after a rescan, because they may be parameters. They
 * are folded into one range; a NULL or a range without keys is an empty result, and costs no request.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "postgres/compat.h"
#include "postgres/errors.h"
#include "postgres/scan.h"
#include "postgres/wait.h"

static const char *const key_attributes[] = {COMMIT_AGGREGATE_ID, COMMIT_VERSION};

static bool
attribute_is_listed(const StoreScan *scan, const char *attribute)
{
	for (int i = 0; i < scan->nattributes; i++)
		if (strcmp(scan->attributes[i], attribute) == 0)
			return true;
	return false;
}

/* The columns to fetch, and with them the key, by which an error names the commit; it costs no capacity. */
static void
choose_attributes(StoreScan *scan)
{
	ListCell   *cell;

	scan->columns = palloc(sizeof(Column *) * Max(list_length(scan->plan.attnums), 1));
	scan->attributes = palloc(sizeof(char *) * (list_length(scan->plan.attnums) + lengthof(key_attributes)));
	foreach(cell, scan->plan.attnums)
	{
		Column	   *column = scan->map->columns[lfirst_int(cell) - 1];

		scan->columns[scan->ncolumns++] = column;
		scan->attributes[scan->nattributes++] = column->attribute;
	}
	for (size_t i = 0; i < lengthof(key_attributes); i++)
		if (!attribute_is_listed(scan, key_attributes[i]))
			scan->attributes[scan->nattributes++] = key_attributes[i];
}

void
scan_begin(ForeignScanState *node, int flags)
{
	ForeignScan *plan = castNode(ForeignScan, node->ss.ps.plan);
	Relation	relation = node->ss.ss_currentRelation;
	EState	   *estate = node->ss.ps.state;
	StoreScan  *scan = palloc0(sizeof(StoreScan));
	ForeignTable *table = GetForeignTable(RelationGetRelid(relation));

	node->fdw_state = scan;
	scan->map = column_map_new(relation);
	scan->options = options_of_table(RelationGetRelid(relation));
	scan->plan = scan_plan_from_list(plan->fdw_private);
	scan->values = ExecInitExprList(plan->fdw_exprs, &node->ss.ps);
	choose_attributes(scan);
	if (flags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	scan->key_context = AllocSetContextCreate(estate->es_query_cxt, "dynamodb_es key condition",
											  ALLOCSET_SMALL_SIZES);
	scan->tenure = tenure_new(estate->es_query_cxt, connection_acquire(compat_scan_user(node), table->serverid));
}

static int64
integer_value(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

/* Narrows a range by one more condition. false when nothing is left of it. */
static bool
range_add(KeyRange *range, StrategyNumber strategy, int64 value)
{
	if ((strategy == BTLessStrategyNumber && pg_sub_s64_overflow(value, 1, &value))
		|| (strategy == BTGreaterStrategyNumber && pg_add_s64_overflow(value, 1, &value)))
		return false;
	if (strategy >= BTEqualStrategyNumber && (!range->has_lower || range->lower < value))
	{
		range->has_lower = true;
		range->lower = value;
	}
	if (strategy <= BTEqualStrategyNumber && (!range->has_upper || range->upper > value))
	{
		range->has_upper = true;
		range->upper = value;
	}
	return key_range_is_possible(range);
}

/* The aggregate id as DynamoDB has it. false when it can be no key. */
static bool
set_aggregate_id(ReadSpec *spec, Datum value, Oid type)
{
	Oid			function;
	bool		varlena;
	char	   *text;

	getTypeOutputInfo(type, &function, &varlena);
	text = OidOutputFunctionCall(function, value);
	spec->aggregate_id = pg_server_to_any(text, strlen(text), PG_UTF8);
	spec->aggregate_id_length = strlen(spec->aggregate_id);
	return spec->aggregate_id_length > 0 && spec->aggregate_id_length <= MAX_AGGREGATE_ID_BYTES;
}

/* Evaluates the conditions into *spec. false when no item can satisfy them. */
static bool
evaluate_conditions(ForeignScanState *node, ReadSpec *spec)
{
	StoreScan  *scan = node->fdw_state;
	ForeignScan *plan = castNode(ForeignScan, node->ss.ps.plan);
	ExprContext *econtext = node->ss.ps.ps_ExprContext;

	for (int i = 0; i < list_length(scan->values); i++)
	{
		Oid			type = exprType(list_nth(plan->fdw_exprs, i));
		bool		isnull;
		Datum		value = ExecEvalExpr((ExprState *) list_nth(scan->values, i), econtext, &isnull);

		if (isnull)
			return false;
		if (list_nth_int(scan->plan.condition_roles, i) == COLUMN_AGGREGATE_ID)
		{
			if (!set_aggregate_id(spec, value, type))
				return false;
		}
		else if (!range_add(&spec->range, list_nth_int(scan->plan.condition_strategies, i), integer_value(value, type)))
			return false;
	}
	return true;
}

static void
start_reading(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;
	MemoryContext caller = MemoryContextSwitchTo(scan->key_context);
	ReadSpec	spec = {
		.path = scan->plan.path,
		.backward = scan->plan.backward,
		.consistent = scan->plan.consistent,
		.attributes = scan->attributes,
		.nattributes = scan->nattributes,
	};

	scan->reading = true;
	if (evaluate_conditions(node, &spec))
		tenure_hold(scan->tenure,
					read_start(tenure_client(scan->tenure), &scan->options.names, &spec, &scan->usage),
					(void (*) (void *)) read_free);
	else
		scan->at_end = true;
	MemoryContextSwitchTo(caller);
}

static void
store_row(StoreScan *scan, const cJSON *item, TupleTableSlot *slot)
{
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	for (int i = 0; i < scan->ncolumns; i++)
	{
		int			at = scan->columns[i]->attnum - 1;

		slot->tts_values[at] = column_read(scan->map, scan->columns[i], item, &slot->tts_isnull[at]);
	}
	ExecStoreVirtualTuple(slot);
}

TupleTableSlot *
scan_iterate(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	const cJSON *item;

	ExecClearTuple(slot);
	if (!scan->reading)
		start_reading(node);
	while (!scan->at_end)
	{
		switch (read_next(scan->tenure->operation, &item))
		{
			case READ_ITEM:
				store_row(scan, item, slot);
				return slot;
			case READ_PENDING:
				wait_for_client(tenure_client(scan->tenure));
				break;
			case READ_END:
				tenure_drop(scan->tenure);
				scan->at_end = true;
				break;
			case READ_FAILED:
				report_failure(read_failure(scan->tenure->operation), scan->map->relation_name);
		}
	}
	return slot;
}

void
scan_rescan(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;

	if (scan->tenure != NULL)
		tenure_drop(scan->tenure);
	if (scan->key_context != NULL)
		MemoryContextReset(scan->key_context);
	scan->reading = false;
	scan->at_end = false;
}

void
scan_end(ForeignScanState *node)
{
	StoreScan  *scan = node->fdw_state;

	if (scan != NULL && scan->tenure != NULL)
		tenure_drop(scan->tenure);
}
