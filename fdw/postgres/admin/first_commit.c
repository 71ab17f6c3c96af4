/*
 * first_commit.c: where among the commit ids does a moment lie?
 *
 * The answer is exact for the times that are declared: all commits before it are before that moment.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "postgres/core/budget.h"
#include "postgres/session/known.h"
#include "postgres/session/task.h"
#include "postgres/session/tenure.h"
#include "postgres/table/options.h"
#include "postgres/table/relation.h"
#include "store/timed_read.h"

PG_FUNCTION_INFO_V1(dynamodb_es_first_commit);

static void
check_slack(Oid relation, const TableOptions *options)
{
	if (options->committed_at_slack_ms < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the commits of foreign table \"%s\" cannot be found by time", get_rel_name(relation)),
				 errdetail("The option \"committed_at_slack_ms\" is not set: nothing is known of the order of their times."),
				 errhint("Set the option if you know how much later ids can have earlier times.")));
}

/* The first millisecond that is not before it. */
static int64
first_ms(TimestampTz moment)
{
	if (TIMESTAMP_NOT_FINITE(moment))
		return TIMESTAMP_IS_NOBEGIN(moment) ? PG_INT64_MIN : PG_INT64_MAX;
	return timestamp_to_ms(moment) + (moment % 1000 != 0);
}

/* The id of the next item, which the read holds until it is dropped. false: there is none. */
static bool
next_id(Oid relation, Tenure *tenure, Usage *usage, int64 *id)
{
	const cJSON *item;

	while ((item = tenure_await_item(tenure, usage, get_rel_name(relation))) != NULL)
	{
		AttributeValue value = attribute_get(item, COMMIT_ID);

		if (attribute_to_int64(&value, id))
			return true;
	}
	return false;
}

Datum
dynamodb_es_first_commit(PG_FUNCTION_ARGS)
{
	static const char *const attributes[] = {COMMIT_ID};
	static const KeyRange everything = {0};
	Oid			relation = PG_GETARG_OID(0);
	TimestampTz moment = PG_GETARG_TIMESTAMPTZ(1);
	int64		from = first_ms(moment);
	char		digits[24];
	AttributeValue value = attribute_int64(from, digits);
	Filter		filter = {
		.kind = FILTER_COMPARE, .attribute = COMMIT_COMMITTED_AT, .comparator = ">=", .values = &value, .nvalues = 1,
	};
	ReadSpec	spec = {
		.path = READ_INDEX, .ranges = &everything, .nranges = 1, .filter = &filter, .ordered = true, .wanted = 1,
		.max_parallel = 1, .attributes = attributes, .nattributes = lengthof(attributes), .budget = budget_of_statement(),
	};
	TimeSpan	span = {.times = {.has_lower = true, .lower = from}, .trusted_since = http_now_ms()};
	Usage		usage = {0};
	TableOptions options;
	Tenure	   *tenure;
	bool		is_found;
	int64		id;

	task_check_wrapper(relation);
	task_check_select(relation);
	options = options_of_table(relation);
	check_slack(relation, &options);
	if (TIMESTAMP_IS_NOEND(moment))
		PG_RETURN_NULL();
	span.slack_ms = options.committed_at_slack_ms;
	span.known = known_of_relation(relation);
	tenure = tenure_new(CurrentMemoryContext, connection_acquire(GetUserId(), options.server, task_owner(relation)));
	tenure_hold(tenure, timed_read_start(tenure_client(tenure), &options.names, &spec, &span, &usage), &timed_read_operation);
	is_found = next_id(relation, tenure, &usage, &id);
	tenure_drop(tenure);
	if (!is_found)
		PG_RETURN_NULL();
	PG_RETURN_INT64(id);
}
