/*
 * read: the commits along one access path, page after page, as a stream of items.
 */
#ifndef DYNAMODB_ES_READ_H
#define DYNAMODB_ES_READ_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"
#include "dynamodb/client.h"
#include "store/commit.h"

typedef enum ReadPath
{
	READ_AGGREGATE,				/* Query on the table: one aggregate, by version */
	READ_INDEX,					/* Query on the index: all commits, by commit id */
	READ_SCAN					/* Scan of the table: everything, in no order */
} ReadPath;

/* Inclusive bounds on the sort key of the path: version or commit id. */
typedef struct KeyRange
{
	bool		has_lower;
	bool		has_upper;
	int64_t		lower;
	int64_t		upper;
} KeyRange;

typedef struct ReadSpec
{
	ReadPath	path;
	const char *aggregate_id;	/* READ_AGGREGATE */
	size_t		aggregate_id_length;
	KeyRange	range;			/* READ_AGGREGATE: version; READ_INDEX: commit id */
	bool		backward;
	bool		consistent;		/* not for READ_INDEX */
	const char *const *attributes;	/* the ones to fetch */
	size_t		nattributes;
} ReadSpec;

typedef enum ReadResult
{
	READ_ITEM,					/* *item is the next one */
	READ_PENDING,				/* wait on the client's descriptor */
	READ_END,
	READ_FAILED
} ReadResult;

typedef struct ReadOperation ReadOperation;

/* Copies what it needs of *names and *spec. NULL when memory ran out. Sends nothing before the first read_next. */
extern ReadOperation *read_start(Client *client, const StoreNames *names, const ReadSpec *spec, Usage *usage);

/* *item belongs to the read and is valid until the next call. */
extern ReadResult read_next(ReadOperation *read, const cJSON **item);
extern const Failure *read_failure(const ReadOperation *read);
extern void read_free(ReadOperation *read);

/* false when no key can lie in the range, so that there is nothing to ask for. */
extern bool key_range_is_possible(const KeyRange *range);

#endif
