/*
 * read_spec: what is read: along which access path, of which keys, and how much of it at once.
 */
#ifndef DYNAMODB_ES_READ_SPEC_H
#define DYNAMODB_ES_READ_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dynamodb/filter.h"
#include "store/commit.h"
#include "store/range.h"

/*
 * A ProjectionExpression has room for 4096 bytes: so many placeholders and commas ("#123, "), with the names of a filter
 * before them. Where more attributes are wanted, whole items are fetched.
 */
#define READ_MAX_PROJECTED (4096 / 6)

typedef enum ReadPath
{
	READ_AGGREGATE,				/* Query on the table: aggregates, by version */
	READ_INDEX,					/* Query on the index: all commits, by commit id */
	READ_SCAN					/* Scan of the table: everything, in no order */
} ReadPath;

typedef struct AggregateId
{
	const char *text;			/* UTF-8, of 1 to MAX_AGGREGATE_ID_BYTES */
	size_t		length;
} AggregateId;

/*
 * What several reads may cost together, in capacity units. The caller owns it and sets the limit; the reads add up the rest. A
 * page is asked for ahead only if it cannot go beyond the limit. Beyond the limit none is asked for.
 */
typedef struct ReadBudget
{
	double		limit;			/* 0: none */
	double		spent;			/* by the answers that have been looked at, and those that came in vain */
	double		promised;		/* the most that pages under way may cost */
} ReadBudget;

/* Versions of one aggregate. */
typedef struct AggregateRange
{
	AggregateId aggregate;
	KeyRange	range;
} AggregateRange;

/* The key of one commit. */
typedef struct CommitKey
{
	AggregateId aggregate;
	int64_t		version;
} CommitKey;

/* A view: what it points at must outlive the operation. */
typedef struct ReadSpec
{
	ReadPath	path;
	const AggregateId *aggregates;	/* READ_AGGREGATE: without duplicates, at least one, unless there are pieces */
	size_t		naggregates;
	const KeyRange *ranges;		/* READ_AGGREGATE, READ_INDEX: disjoint and ascending, at least one; an open one for everything */
	size_t		nranges;
	const AggregateRange *pieces;	/* READ_AGGREGATE: instead of all ranges of all aggregates; disjoint. NULL: none */
	size_t		npieces;
	const CommitKey *keys;		/* READ_AGGREGATE: single commits beside the pieces, by BatchGetItem. By id (as bytes), then version, none twice */
	size_t		nkeys;			/* 0: none. Otherwise there is no filter, and the items come in no order */
	int			segments;		/* READ_SCAN: how many the table is cut into, at least 1 */
	const int  *chosen_segments;	/* READ_SCAN: the ones to read, by their numbers from 0; NULL: all */
	size_t		nchosen_segments;
	const Filter *filter;		/* NULL: none. Not on the path's own key attributes (DynamoDB refuses that) */
	bool		backward;		/* descending sort key; ranges are then taken from the last one on */
	bool		ordered;		/* items in key order, as far as there is one: streams are delivered one after the other */
	bool		consistent;		/* not for READ_INDEX */
	bool		count_only;		/* no items, only read_count */
	int64_t		wanted;			/* items that the caller will probably take, so that no more is read at first; 0: all */
	bool		nothing_ahead;	/* the next page is asked for only when this one is used up: the caller may stop at any */
	int			max_parallel;	/* streams under way at once */
	int			max_ranges;		/* of these, ranges of one that was cut; 0 or 1: none is */
	const char *const *attributes;	/* the ones to fetch; ignored with count_only, and if more than READ_MAX_PROJECTED */
	size_t		nattributes;
	ReadBudget *budget;			/* shared with other reads; NULL: none. Only where there is a usage */
} ReadSpec;

#endif
