/*
 * analyze.c: how much of a table has to be read to know what is in it?
 *
 * No more than a bound in capacity units. A smaller table is read as a whole and counted exactly. Of a larger table some
 * random segments are read; they are cut so that together they stay within the bound. The number of rows is then DynamoDB's
 * estimate. If that is unknown, or contradicts the segments, the number follows from the share of the segments. Reads are eventually consistent, at half the price.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup.h"
#include "common/pg_prng.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "postgres/admin/analyze.h"
#include "postgres/admin/sample.h"
#include "postgres/core/budget.h"
#include "postgres/core/compat.h"
#include "postgres/core/errors.h"
#include "postgres/session/tenure.h"
#include "postgres/session/trace.h"
#include "postgres/session/wait.h"
#include "postgres/table/options.h"
#include "store/discover.h"
#include "store/read.h"

#define UNITS_BOUND 1024.0		/* capacity units */
#define BYTES_OF_UNIT 8192.0	/* an eventually consistent read costs half a unit for 4 KB */
#define ANSWER_BYTES_OF_UNIT (2 * BYTES_OF_UNIT)	/* of JSON, at a guess; for engines that do not tell the units */

#define BYTES_OF_SEGMENT (256.0 * 1024)	/* what one of them should have */
#define UNITS_OF_LARGE_SEGMENT (4 * BYTES_OF_SEGMENT / BYTES_OF_UNIT)
#define MOST_SEGMENTS_READ 64
#define SEGMENTS_AT_FIRST 256	/* of a table of unknown size */
#define SEGMENTS_GROWTH 16
#define MAX_SEGMENTS 1000000	/* DynamoDB's limit for TotalSegments */

typedef struct Analysis
{
	const char *relation_name;
	StoreNames	names;
	const char **attributes;
	int			nattributes;
	bool		replaces_unreadable;
	Replacements *replacements; /* NULL: values that cannot be read leave their commits out */
	Sample	   *sample;
	Tenure	   *tenure;
	Usage		usage;
} Analysis;

/* In the current memory context, which is to go with it. ANALYZE reads on behalf of the table's owner. */
static Analysis *
analysis_new(Relation relation)
{
	Analysis   *analysis = palloc0(sizeof(Analysis));
	TableOptions options = options_of_table(RelationGetRelid(relation));
	Oid			owner = relation->rd_rel->relowner;

	analysis->relation_name = pstrdup(RelationGetRelationName(relation));
	analysis->names = options.names;
	analysis->replaces_unreadable = options.replaces_unreadable;
	analysis->tenure = tenure_new(CurrentMemoryContext, connection_acquire(owner, options.server, owner));
	return analysis;
}

/* All columns, and what the sample tells aggregates by. */
static void
analysis_begin_sample(Analysis *analysis, Relation relation)
{
	ColumnMap  *map = column_map_new(relation);

	if (analysis->replaces_unreadable)
		map->replacements = analysis->replacements = replacements_new();
	analysis->attributes = palloc(sizeof(char *) * (map->natts + 2));
	if (map->by_role[COLUMN_AGGREGATE_ID] == NULL)
		analysis->attributes[analysis->nattributes++] = COMMIT_AGGREGATE_ID;
	if (map->by_role[COLUMN_VERSION] == NULL)
		analysis->attributes[analysis->nattributes++] = COMMIT_VERSION;
	for (int i = 0; i < map->natts; i++)
		if (map->columns[i] != NULL)
			analysis->attributes[analysis->nattributes++] = map->columns[i]->attribute;
	analysis->sample = sample_new(relation, map);
}

/*
 * What DynamoDB says of the table; it costs no capacity. Where it says nothing, the counts are -1, and reading will
 * tell why.
 */
static DiscoveredTable
describe_table(Analysis *analysis)
{
	DiscoverSpec spec = {.tables = &analysis->names.commit_table, .ntables = 1};
	DiscoveredTable description = {.item_count = -1, .table_bytes = -1};
	Tenure	   *tenure = analysis->tenure;
	const DiscoveredTable *tables;
	size_t		ntables;
	const Failure *failure;

	tenure_hold(tenure, discover_start(tenure_client(tenure), &spec, &analysis->usage), &discover_operation);
	failure = tenure_run(tenure);
	if (failure != NULL)
		report_failure(failure, analysis->relation_name);
	tables = discover_tables(tenure->operation, &ntables);
	if (ntables == 1)
		description = tables[0];
	tenure_drop(tenure);
	return description;
}

static double
units_spent(const Analysis *analysis)
{
	return Max(analysis->usage.read_units, analysis->usage.bytes_received / ANSWER_BYTES_OF_UNIT);
}

/*
 * Reads one of so many segments into the sample. false when that was given up, more than `units` having been spent on
 * it.
 */
static bool
read_segment(Analysis *analysis, int segment, int segments, double units)
{
	double		most_units = units_spent(analysis) + units;
	Tenure	   *tenure = analysis->tenure;
	ReadSpec	spec = {
		.path = READ_SCAN,
		.segments = segments,
		.chosen_segments = &segment,
		.nchosen_segments = 1,
		.nothing_ahead = true,
		.max_parallel = 1,
		.attributes = analysis->attributes,
		.nattributes = analysis->nattributes,
		.budget = budget_of_statement(),
	};
	bool		complete = false;

	tenure_hold(tenure, read_start(tenure_client(tenure), &analysis->names, &spec, &analysis->usage),
				&read_operation);
	while (!complete)
	{
		const cJSON *item;
		ReadResult	result;

		CHECK_FOR_INTERRUPTS();
		budget_of_statement();
		result = tenure_next(tenure, &item);
		budget_check(&analysis->usage, analysis->relation_name);
		if (result == READ_FAILED)
		{
			trace_client(tenure_client(tenure));
			report_failure(tenure_failure(tenure), analysis->relation_name);
		}
		else if (result == READ_ITEM)
			sample_add(analysis->sample, item);
		else if (result == READ_END)
			complete = true;
		else if (result == READ_PENDING && units_spent(analysis) >= most_units)
			break;				/* between two pages */
		else if (result == READ_PENDING)
			wait_for_client(tenure_client(tenure));
	}
	tenure_drop(tenure);
	return complete;
}

/* A segment that was not chosen yet. */
static int
choose_segment(int *chosen, int nchosen, int segments)
{
	int			segment;
	bool		is_new;

	do
	{
		segment = (int) pg_prng_uint64_range(&pg_global_prng_state, 0, segments - 1);
		is_new = true;
		for (int i = 0; i < nchosen; i++)
			is_new = is_new && chosen[i] != segment;
	} while (!is_new);
	chosen[nchosen] = segment;
	return segment;
}

/*
 * Reads random ones of so many segments, and returns how many; 0 when the very first is so large that the table
 * should be cut into more. The later ones may be of any size: passing over those with large aggregates would leave
 * them out of the statistics.
 */
static int
read_some_segments(Analysis *analysis, int segments, double units)
{
	double		most_units = units_spent(analysis) + units;
	int			chosen[MOST_SEGMENTS_READ];
	int			nchosen = 0;

	while (nchosen < Min(MOST_SEGMENTS_READ, segments) && units_spent(analysis) < most_units)
	{
		bool		may_be_cut = nchosen == 0 && segments < MAX_SEGMENTS;
		double		rest = most_units - units_spent(analysis);

		if (!read_segment(analysis, choose_segment(chosen, nchosen, segments), segments,
						  may_be_cut ? Min(UNITS_OF_LARGE_SEGMENT, rest) : rest) && may_be_cut)
			return 0;
		nchosen++;
	}
	return nchosen;
}

/* Reads a sample of a table of so many bytes (≤ 0: unknown), and returns the number of rows that it suggests. */
static double
read_sample(Analysis *analysis, double table_bytes)
{
	int			segments = table_bytes > 0 ? (int) Min(ceil(table_bytes / BYTES_OF_SEGMENT), MAX_SEGMENTS) : SEGMENTS_AT_FIRST;
	int			nread;

	for (;;)
	{
		sample_reset(analysis->sample);
		nread = read_some_segments(analysis, segments, UNITS_BOUND);
		if (nread > 0)
			return sample_items(analysis->sample) * segments / nread;
		segments = Min((int64) segments * SEGMENTS_GROWTH, MAX_SEGMENTS);
	}
}

/* Reads the table from its start. true when that was all of it. */
static bool
read_from_start(Analysis *analysis)
{
	sample_reset(analysis->sample);
	return read_segment(analysis, 0, 1, UNITS_BOUND);
}

/* Whether DynamoDB's count is to be believed, which is hours old, or what the segments say. */
static double
choose_row_count(const Analysis *analysis, double extrapolated, double item_count)
{
	bool		agree = extrapolated <= 2 * item_count && extrapolated >= item_count / 2;
	bool		few = extrapolated == 0 || !sample_extrapolates(analysis->sample);
	double		count = item_count > 0 && (agree || few) ? item_count : extrapolated;

	return Max(count, sample_items(analysis->sample));
}

/* Fills the sample, and returns how many rows the table has. */
static double
analysis_read(Analysis *analysis)
{
	DiscoveredTable description = describe_table(analysis);
	double		extrapolated;

	if (description.table_bytes <= UNITS_BOUND * BYTES_OF_UNIT && read_from_start(analysis))
		return sample_items(analysis->sample);

	extrapolated = read_sample(analysis, description.table_bytes);
	/* A few enormous aggregates leave most segments empty. */
	if (extrapolated == 0 && read_from_start(analysis))
		return sample_items(analysis->sample);
	return choose_row_count(analysis, extrapolated, description.item_count);
}

static int
acquire_sample_rows(Relation relation, int elevel, HeapTuple *rows, int targrows, double *totalrows,
					double *totaldeadrows)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "dynamodb_es ANALYZE", ALLOCSET_DEFAULT_SIZES);
	Analysis   *analysis;
	int			nrows;

	MemoryContextSwitchTo(context);
	analysis = analysis_new(relation);
	analysis_begin_sample(analysis, relation);
	analysis->usage.requests = 1;	/* analyze_table's */
	*totalrows = analysis_read(analysis);
	*totaldeadrows = 0;
	MemoryContextSwitchTo(caller);
	nrows = sample_draw(analysis->sample, *totalrows, rows, targrows);

	if (sample_unreadable(analysis->sample) > 0)
		ereport(WARNING,
				(errmsg("%.0f of %.0f commits read from foreign table \"%s\" are left out of its statistics",
						sample_unreadable(analysis->sample), sample_items(analysis->sample), analysis->relation_name),
				 errdetail("They have values that cannot be read as the columns' types.")));
	if (analysis->replacements != NULL)
		replacements_report(analysis->replacements);
	ereport(elevel,
			(errmsg("\"%s\": %lld requests, %lld items and %.1f capacity units read; %d rows in sample, %.0f estimated total rows",
					analysis->relation_name, (long long) analysis->usage.requests, (long long) analysis->usage.items,
					analysis->usage.read_units, nrows, *totalrows)));
	MemoryContextDelete(context);
	return nrows;
}

bool
analyze_table(Relation relation, AcquireSampleRowsFunc *function, BlockNumber *totalpages)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "dynamodb_es ANALYZE", ALLOCSET_DEFAULT_SIZES);
	DiscoveredTable description;

	MemoryContextSwitchTo(context);
	description = describe_table(analysis_new(relation));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);

	*function = acquire_sample_rows;
	*totalpages = (BlockNumber) Min(Max(description.table_bytes / BLCKSZ, 1), MaxBlockNumber);
	return true;
}
