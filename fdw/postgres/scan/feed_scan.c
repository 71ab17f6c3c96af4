/*
 * feed_scan.c: how does a feed table read its store? See feed_scan.h.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "postgres/core/errors.h"
#include "postgres/scan/feed_scan.h"

/* So many tables are remembered for that. Beyond them all are forgotten, which costs a look more for each. */
#define MOST_HEAD_CHECKS 1000

/* Ranges that EXPLAIN lists. */
#define MOST_LISTED 20

typedef struct CheckedHead
{
	Oid			relation;		/* hash key */
	TimestampTz checked_at;
} CheckedHead;

/* One for each feed table that this backend has read of late. */
static HTAB *checked_heads = NULL;

static bool
head_check_is_due(Oid relation)
{
	const CheckedHead *check = checked_heads == NULL ? NULL : hash_search(checked_heads, &relation, HASH_FIND, NULL);

	return check == NULL || TimestampDifferenceExceeds(check->checked_at, GetCurrentTimestamp(), FEED_HEAD_CHECK_MS);
}

static void
remember_head_check(Oid relation)
{
	HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(CheckedHead)};
	CheckedHead  *check;

	if (checked_heads != NULL && hash_get_num_entries(checked_heads) >= MOST_HEAD_CHECKS)
	{
		hash_destroy(checked_heads);
		checked_heads = NULL;
	}
	if (checked_heads == NULL)
		checked_heads = hash_create("dynamodb_es head checks", 16, &control, HASH_ELEM | HASH_BLOBS);
	check = hash_search(checked_heads, &relation, HASH_ENTER, NULL);
	check->checked_at = GetCurrentTimestamp();
}

FeedOperation *
feed_scan_start(Client *client, Oid relation, const TableOptions *options, const ReadSpec *spec, Usage *usage)
{
	const KeyRange *lowest = &spec->ranges[0];
	const KeyRange *highest = &spec->ranges[spec->nranges - 1];
	int64		now = client_time_ms(client);
	FeedSpec	feed = {
		.after = lowest->has_lower ? Max(lowest->lower, 1) - 1 : 0,
		.upto = highest->has_upper ? highest->upper : PG_INT64_MAX,
		.wanted = spec->wanted,
		.rules = {
			.now = now,
			.stamped_before = now - options->gap_timeout_ms,
			.old_before = now - Max(options->gap_timeout_ms, GAP_OLD_MS),
			.listed_since = now - Max(options->gap_timeout_ms, GAP_OLD_MS),
			.dense_above = options->dense_since,
		},
		.checks_head = head_check_is_due(relation),
		.max_parallel = spec->max_parallel,
		.max_ranges = spec->max_ranges,
		.attributes = spec->attributes,
		.nattributes = spec->nattributes,
		.budget = spec->budget,
	};

	return feed_start(client, &options->names, &feed, usage);
}

void
feed_scan_ended(const FeedOperation *feed, Oid relation)
{
	FeedReport	report;

	feed_report(feed, &report);
	if (report.head_checked)
		remember_head_check(relation);
}

const char **
feed_scan_attributes(const ColumnMap *map, int *count)
{
	static const char *const of_key[] = {COMMIT_AGGREGATE_ID, COMMIT_VERSION, COMMIT_ID};
	const char **attributes = palloc(sizeof(char *) * (map->natts + lengthof(of_key)));

	*count = 0;
	for (int i = 0; i < map->natts; i++)
		if (map->columns[i] != NULL)
			attributes[(*count)++] = map->columns[i]->attribute;
	for (size_t i = 0; i < lengthof(of_key); i++)
	{
		bool		is_there = false;

		for (int j = 0; j < *count && !is_there; j++)
			is_there = strcmp(attributes[j], of_key[i]) == 0;
		if (!is_there)
			attributes[(*count)++] = of_key[i];
	}
	return attributes;
}

const cJSON *
feed_scan_next(Tenure *tenure, Usage *usage, const char *relation_name)
{
	const cJSON *item = NULL;
	ReadResult	result = tenure_await(tenure, usage, relation_name, &item);

	if (result == READ_FAILED)
		feed_scan_report(tenure->operation, relation_name);
	return result == READ_ITEM ? item : NULL;
}

char *
feed_scan_range_text(const IdRange *range)
{
	return range->first == range->last ? psprintf(INT64_FORMAT, range->first)
		: psprintf(INT64_FORMAT "-" INT64_FORMAT, range->first, range->last);
}

static char *
passed_text(const FeedReport *report)
{
	StringInfoData string;

	initStringInfo(&string);
	for (size_t i = 0; i < report->npassed && i < MOST_LISTED; i++)
		appendStringInfo(&string, "%s%s", i > 0 ? ", " : "", feed_scan_range_text(&report->passed[i]));
	if (report->npassed > MOST_LISTED)
		appendStringInfo(&string, " and %zu more", report->npassed - MOST_LISTED);
	return string.data;
}

void
feed_scan_summarize(const FeedOperation *feed, const char *relation_name, FeedSummary *summary)
{
	FeedReport	report;

	feed_report(feed, &report);
	summary->is_known = true;
	summary->complete_to = report.complete_to;
	summary->waiting_for = report.waiting_for;
	summary->note_reads = report.note_reads;
	summary->passed = passed_text(&report);
	if (report.notes_denied)
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("burn notes of foreign table \"%s\" cannot be read", relation_name),
				 errdetail("AWS denies dynamodb:GetItem on the counters table."),
				 errhint("Gaps that they would explain are waited for until gap_timeout_ms is over.")));
}

void
feed_scan_report_missing(const char *relation_name, const char *ids, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("commit ids of foreign table \"%s\" are missing: %s", relation_name, ids),
			 errdetail("In a dense store each id up to the counter is a commit's, and the index should have shown it by now."),
			 errhint("%s", hint)));
	pg_unreachable();
}

void
feed_scan_report_behind(const char *relation_name, int64 position, const char *head)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("foreign table \"%s\" has not reached the position " INT64_FORMAT, relation_name, position),
			 errdetail("The last commit id that was given out is %s.", head),
			 errhint("Ask dynamodb_es_check whether the counter is behind the commits. If the store was restored from a backup, or is "
					 "another one, begin anew from a position that it has.")));
	pg_unreachable();
}

void
feed_scan_report(const FeedOperation *feed, const char *relation_name)
{
	const Failure *failure = feed_failure(feed);
	FeedReport	report;

	feed_report(feed, &report);
	if (failure->kind == FAILURE_DENSE_GAP)
		feed_scan_report_missing(relation_name, failure->message,
								 _("Check the option \"dense_since\", and that everybody appends in dense mode since then."));
	if (failure->kind == FAILURE_BEHIND)
		feed_scan_report_behind(relation_name, report.complete_to, failure->message);
	if (failure->kind == FAILURE_ID_TWICE)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("commit id %s of foreign table \"%s\" was given out twice", failure->message, relation_name),
				 errhint("dynamodb_es_check finds such commits.")));
	report_failure(failure, relation_name);
	pg_unreachable();
}
