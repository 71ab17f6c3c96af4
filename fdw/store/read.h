/*
 * read: the commits along one access path, as a stream of items.
 *
 * A read consists of one or more streams, each followed page by page: one for each aggregate and range of its
 * versions, for each range of commit ids, for each segment of a Scan. They run in parallel, and the next page of each
 * is under way while the rows of this one are used. Pages that wait for their turn are kept as they came, unparsed:
 * memory is bounded by the pages in flight.
 *
 * A single stream of sort keys that turns out long is cut into ranges (range.h), which are then streams like others.
 */
#ifndef DYNAMODB_ES_READ_H
#define DYNAMODB_ES_READ_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "dynamodb/client.h"
#include "store/read_spec.h"

typedef enum ReadResult
{
	READ_ITEM,					/* *item is the next one */
	READ_EMPTY_PAGE,			/* no item yet: call again. A page without any has been taken, and there may be many of these */
	READ_PENDING,				/* wait on the client's descriptor */
	READ_END,
	READ_FAILED
} ReadResult;

typedef struct ReadOperation ReadOperation;

/* Copies *names and *spec as views. NULL when memory ran out. Sends nothing before the first read_next. */
extern ReadOperation *read_start(Client *client, const StoreNames *names, const ReadSpec *spec, Usage *usage);

/* Sends the first requests, so that their answers are under way when read_next asks for them. Errors are read_next's. */
extern void read_begin(ReadOperation *read);

/* The same of a read whose turn has yet to come: only if it fits into the budget, whatever it costs. */
extern void read_begin_ahead(ReadOperation *read);

/* *item belongs to the read and is valid until the next call. */
extern ReadResult read_next(ReadOperation *read, const cJSON **item);

/* true when the next item is here: read_next will neither wait nor send a request. */
extern bool read_holds_item(const ReadOperation *read);

/* true when read_next, which was called before, will say READ_END, and ask for nothing. */
extern bool read_has_ended(const ReadOperation *read);

/* What an item of the page at hand costs on average, in capacity units; 0 where the answer did not say. */
extern double read_item_units(const ReadOperation *read);

/* Adds to the budget what it does not know of yet; reads do so for their own usage. */
extern void read_budget_count(ReadBudget *budget, Usage *usage);

/* true when read_next would not be PENDING. */
extern bool read_is_ready(ReadOperation *read);

/* After READ_END of a count_only read: how many items there are. */
extern int64_t read_count(const ReadOperation *read);
extern const Failure *read_failure(const ReadOperation *read);
extern void read_free(ReadOperation *read);

#endif
