/*
 * explain.c: what does a plan do at DynamoDB, and, once it has run, what did it cost?
 *
 * Always the operation, its conditions, and how much of the result is wanted at first; with VERBOSE the rest; with
 * ANALYZE requests, items and capacity units. Nothing is sent from here but what the end of an import would send.
 */
#include "postgres.h"

#include "common/int.h"
#include "lib/stringinfo.h"
#include "utils/ruleutils.h"

#include "postgres/append/modify.h"
#include "postgres/condition/clause.h"
#include "postgres/condition/filter_tree.h"
#include "postgres/core/price.h"
#include "postgres/explain.h"
#include "postgres/scan/scan.h"
#include "postgres/scan/start.h"

static char *
filter_expression_text(ForeignScanState *node, ExplainState *es)
{
	StoreScan  *scan = node->fdw_state;
	ForeignScan *plan = castNode(ForeignScan, node->ss.ps.plan);

	return filter_tree_text(scan->plan.filter, scan->map, plan->fdw_exprs,
					   set_deparse_context_plan(es->deparse_cxt, (Plan *) plan, NIL));
}

/* Of no clause where there is none. */
static PlannedTerm
term_or_none(const ScanPlan *plan, int number)
{
	if (number < 0 || number >= list_length(plan->terms))
		return (PlannedTerm) {.clause = -1};
	return scan_plan_term(plan, number);
}

/* What stands on a line of its own: conditions on committed_at, by which a range of commit ids is found. */
static bool
is_of_time(const StoreScan *scan, int number)
{
	return scan_plan_term(&scan->plan, number).role == COLUMN_COMMITTED_AT;
}

/* " AND version >= 3"; a clause of several arms has parentheses. */
static void
append_term(StringInfo string, const StoreScan *scan, int number, const char *value)
{
	PlannedTerm term = scan_plan_term(&scan->plan, number);
	PlannedTerm before = term_or_none(&scan->plan, number - 1);
	bool		begins = before.clause != term.clause;
	bool		ends = term_or_none(&scan->plan, number + 1).clause != term.clause;

	if (string->len > 0)
		appendStringInfoString(string, begins || before.arm == term.arm ? " AND " : " OR ");
	if (begins && term.narms > 1)
		appendStringInfoChar(string, '(');
	if (term.aggregate_field != 0)
		appendStringInfo(string, term.aggregate_field == 1 ? "(%s, %s) = " : "(%2$s, %1$s) = ",
						 column_attribute_shown(scan->map->by_role[COLUMN_AGGREGATE_ID]),
						 column_attribute_shown(scan->map->by_role[COLUMN_VERSION]));
	else
		appendStringInfo(string, "%s %s ", column_attribute_shown(scan->map->by_role[term.role]), clause_comparator(term.strategy));
	appendStringInfo(string, term.is_array ? "ANY (%s)" : "%s", value);
	if (ends && term.narms > 1)
		appendStringInfoChar(string, ')');
}

static void
append_terms(StringInfo string, ForeignScanState *node, bool of_time, ExplainState *es)
{
	StoreScan  *scan = node->fdw_state;
	ForeignScan *plan = castNode(ForeignScan, node->ss.ps.plan);
	List	   *context = set_deparse_context_plan(es->deparse_cxt, (Plan *) plan, NIL);

	for (int i = 0; i < list_length(scan->plan.terms); i++)
		if (is_of_time(scan, i) == of_time)
			append_term(string, scan, i, deparse_expression(list_nth(plan->fdw_exprs, i), context, true, false));
}

/* "aggregateId = 'a'::text AND version >= 3" */
static char *
key_condition_text(ForeignScanState *node, ExplainState *es)
{
	StoreScan  *scan = node->fdw_state;
	StringInfoData string;

	initStringInfo(&string);
	if (scan->plan.path == READ_INDEX)
		appendStringInfoString(&string, COMMIT_ACTIVE " = '" COMMIT_ACTIVE_VALUE "'");
	append_terms(&string, node, false, es);
	return string.data;
}

/* "committedAt >= (now() - '1 day'::interval)" */
static char *
time_bound_text(ForeignScanState *node, ExplainState *es)
{
	StringInfoData string;

	initStringInfo(&string);
	append_terms(&string, node, true, es);
	return string.data;
}

static const char *
projection_text(const StoreScan *scan)
{
	StringInfoData string;

	if (scan->nattributes > READ_MAX_PROJECTED)
		return "all attributes";
	initStringInfo(&string);
	for (int i = 0; i < scan->nattributes; i++)
		appendStringInfo(&string, "%s%s", i > 0 ? ", " : "", attribute_shown(scan->attributes[i]));
	return string.data;
}

/*
 * How many rows the reading starts with, where it does not start with all: a number, or, where that is known only when
 * the query runs, "10 + $1" for LIMIT 10 OFFSET $1.
 */
static void
explain_rows_wanted(ForeignScanState *node, ExplainState *es)
{
	StoreScan  *scan = node->fdw_state;
	ForeignScan *plan = castNode(ForeignScan, node->ss.ps.plan);
	List	   *context = set_deparse_context_plan(es->deparse_cxt, (Plan *) plan, NIL);
	Node	   *const terms[] = {scan->row_limit.count, scan->row_limit.offset};
	bool		is_number = true;
	int			nterms = 0;
	int64		number = scan->row_limit.more;
	StringInfoData string;

	initStringInfo(&string);
	for (size_t i = 0; i < lengthof(terms); i++)
	{
		Const	   *value = (Const *) terms[i];
		bool		is_known = value != NULL && IsA(value, Const) && !value->constisnull;

		if (value == NULL)
			continue;
		appendStringInfoString(&string, nterms++ > 0 ? " + " : "");
		if (is_known)
			appendStringInfo(&string, INT64_FORMAT, DatumGetInt64(value->constvalue));
		else
			appendStringInfoString(&string, deparse_expression((Node *) value, context, true, false));
		is_number = is_number && is_known && !pg_add_s64_overflow(number, DatumGetInt64(value->constvalue), &number);
	}
	if (scan->row_limit.more > 0)
		appendStringInfo(&string, "%s%d", nterms++ > 0 ? " + " : "", scan->row_limit.more);
	if (nterms > 0 && is_number)
		ExplainPropertyInteger("Rows Wanted", NULL, number, es);
	else if (nterms > 0)
		ExplainPropertyText("Rows Wanted", string.data, es);
}

static void
explain_usage(const Usage *usage, bool reads, bool writes, ExplainState *es)
{
	double		price;

	ExplainPropertyInteger("Requests", NULL, usage->requests, es);
	if (reads)
	{
		ExplainPropertyInteger("Items Read", NULL, usage->items, es);
		ExplainPropertyFloat("Read Capacity", "units", usage->read_units, 1, es);
	}
	if (writes)
		ExplainPropertyFloat("Write Capacity", "units", usage->write_units, 1, es);
	if (price_of(usage, &price))
		ExplainPropertyFloat("Estimated Price", NULL, price, 9, es);
	if (usage->retries > 0)
		ExplainPropertyInteger("Retries", NULL, usage->retries, es);
	if (usage->throttles > 0)
		ExplainPropertyInteger("Throttles", NULL, usage->throttles, es);
	if (usage->abandoned > 0)
		ExplainPropertyInteger("Requests Abandoned", NULL, usage->abandoned, es);
}

static void
explain_feed(StoreScan *scan, ExplainState *es)
{
	FeedSummary feed = scan_feed_summary(scan);

	if (!feed.is_known)
		return;
	ExplainPropertyInteger("Complete To", NULL, feed.complete_to, es);
	if (feed.waiting_for.first != 0)
		ExplainPropertyText("Waiting For", feed_scan_range_text(&feed.waiting_for), es);
	if (feed.passed[0] != '\0')
		ExplainPropertyText("Passed", feed.passed, es);
	if (feed.note_reads > 0)
		ExplainPropertyInteger("Note Reads", NULL, feed.note_reads, es);
}

static const char *
scan_operations(ForeignScanState *node)
{
	const ScanPlan *plan = &((StoreScan *) node->fdw_state)->plan;

	if (plan->is_feed)
		return "Query, consistent prefix";
	if (plan->by_keys || start_batches_keys(node))
		return "BatchGetItem, Query";	/* the second for versions that follow each other */
	return operation_name(plan->path == READ_SCAN ? OPERATION_SCAN : OPERATION_QUERY);
}

void
explain_scan(ForeignScanState *node, ExplainState *es)
{
	StoreScan  *scan = node->fdw_state;
	bool		is_query = scan->plan.path != READ_SCAN;
	bool		names_relation = castNode(ForeignScan, node->ss.ps.plan)->scan.scanrelid > 0;

	ExplainPropertyText("DynamoDB Operation", scan_operations(node), es);
	if (es->verbose || !names_relation)
	{
		ExplainPropertyText("DynamoDB Table", scan->options.names.commit_table, es);
		if (scan->plan.path == READ_INDEX)
			ExplainPropertyText("DynamoDB Index", scan->options.names.commit_index, es);
	}
	if (is_query)
		ExplainPropertyText("Key Condition", key_condition_text(node, es), es);
	if (scan->plan.by_time)
		ExplainPropertyText("Time Bound", time_bound_text(node, es), es);
	if (scan->plan.filter != NULL)
		ExplainPropertyText("Filter Expression", filter_expression_text(node, es), es);
	explain_rows_wanted(node, es);
	if (scan->plan.count_only)
		ExplainPropertyText("Select", "COUNT", es);
	if (es->verbose)
	{
		if (!scan->plan.count_only)
			ExplainPropertyText("Projection", projection_text(scan), es);
		ExplainPropertyBool("Consistent Read", scan->plan.consistent, es);
		if (is_query)
			ExplainPropertyText("Direction", scan->plan.backward ? "backward" : "forward", es);
		else
			ExplainPropertyInteger("Segments", NULL, scan->plan.segments, es);
	}
	if (scan->plan.is_feed)
		ExplainPropertyInteger("Gap Timeout", "ms", scan->options.gap_timeout_ms, es);
	if (es->analyze && scan->plan.is_feed)
		explain_feed(scan, es);
	if (es->analyze)
	{
		scan_settle(scan);
		if (scan->plan.by_time)
			ExplainPropertyInteger("Time Bound Requests", NULL, scan->time_requests, es);
		explain_usage(&scan->usage, true, false, es);
	}
}

void
explain_modify(ModifyTableState *state, ResultRelInfo *target, List *fdw_private, int subplan, ExplainState *es)
{
	static const char *const operations[] = {
		[APPEND_COUNTER] = "UpdateItem, PutItem", [APPEND_DENSE] = "TransactWriteItems", [APPEND_IMPORT] = "PutItem, UpdateItem"
	};
	StoreInsert *insert = target->ri_FdwState;

	ExplainPropertyText("DynamoDB Operation", operations[insert->options.append_mode], es);
	if (insert->options.append_at_commit)
		ExplainPropertyText("Append", "at commit", es);
	if (es->verbose)
	{
		ExplainPropertyText("DynamoDB Table", insert->options.names.commit_table, es);
		ExplainPropertyText("Counter Table", insert->options.names.counter_table, es);
	}
	if (es->analyze)
	{
		modify_settle(insert);
		explain_usage(&insert->batch.usage, false, true, es);
	}
}
