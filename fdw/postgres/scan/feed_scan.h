/*
 * feed_scan: the scan of a feed table: from which position on, what may be given up by now, and what was learnt.
 *
 * The lower bound that the conditions set on commit_id is the position: the reader says that it needs nothing below it.
 */
#ifndef DYNAMODB_ES_FEED_SCAN_H
#define DYNAMODB_ES_FEED_SCAN_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "postgres/session/tenure.h"
#include "postgres/table/options.h"
#include "postgres/table/relation.h"
#include "store/feed.h"

/*
 * Whether the counter is at the position, at least, is looked at that often, in ms. Behind it, it gives out ids that are never
 * read.
 */
#define FEED_HEAD_CHECK_MS 60000

/* What EXPLAIN ANALYZE shows of a feed. */
typedef struct FeedSummary
{
	bool		is_known;		/* something was read */
	int64		complete_to;
	IdRange		waiting_for;	/* zeroes: nothing */
	int64		note_reads;
	char	   *passed;			/* "17-18, 25", or empty */
} FeedSummary;

/*
 * The feed for the ranges, wanted rows and attributes of *spec, whose other members do not count; NULL when memory ran
 * out. `relation` names the table, whose counter is compared with the position once a minute.
 */
extern FeedOperation *feed_scan_start(Client *client, Oid relation, const TableOptions *options, const ReadSpec *spec, Usage *usage);

/* To be called at the end of a feed. */
extern void feed_scan_ended(const FeedOperation *feed, Oid relation);

/* What is known so far, in the current memory context. WARNING where burn notes may not be read. */
extern void feed_scan_summarize(const FeedOperation *feed, const char *relation_name, FeedSummary *summary);

/* The attributes of all columns and of a commit's key and id; their number goes into *count. In the current memory context. */
extern const char **feed_scan_attributes(const ColumnMap *map, int *count);

/* The next item of the feed that the tenure holds, which is waited for; NULL at its end. */
extern const cJSON *feed_scan_next(Tenure *tenure, Usage *usage, const char *relation_name);

/* "17-18", or "25". */
extern char *feed_scan_range_text(const IdRange *range);

/* Report a position that the store has not reached, where `head` is the last id given out; and ids that stay invisible in a dense store. */
pg_noreturn extern void feed_scan_report_behind(const char *relation_name, int64 position, const char *head);
pg_noreturn extern void feed_scan_report_missing(const char *relation_name, const char *ids, const char *hint);

/* Reports why the feed failed. */
pg_noreturn extern void feed_scan_report(const FeedOperation *feed, const char *relation_name);

#endif
