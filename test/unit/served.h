/*
 * served: a small store for unit tests, which answers reads as DynamoDB does: pages, start keys, bounds, order, limits,
 * segments, keys by the hundred, and the counter. It is for script_begin_serving.
 */
#ifndef DYNAMODB_ES_TEST_SERVED_H
#define DYNAMODB_ES_TEST_SERVED_H

#include "script.h"

#include <cjson/cJSON.h>

#define SERVED_MOST 4000

typedef struct ServedStore
{
	size_t		nkeys;
	int64_t		keys[SERVED_MOST];	/* ascending: commit ids, or the versions of aggregate "a" */
	int64_t		visible_at[SERVED_MOST];	/* http_now_ms: not before that; all zeroes: at once */
	int64_t		stamps[SERVED_MOST];	/* committedAt; 0: none is told */
	int64_t		notes[SERVED_MOST];	/* by id: how many ids from there on are burned; 0: there is no note */
	int64_t		head;			/* the counter */
	size_t		page_items;		/* that fit into a page */
	double		units_each;		/* what an item costs to read; 0: half a unit */
	int			slowest_ms;		/* an answer takes up to that, at random */
	int			each_ms;		/* and this much more */
	int			faults;			/* of a hundred requests */
	int			left_out;		/* of a hundred keys of a BatchGetItem */
	unsigned	seed;
	void		(*before) (struct ServedStore *store);	/* called before each request, if not NULL: the store may grow */
	size_t		served;			/* items of all answers */
} ServedStore;

/* A random number from 0 to below `n`. */
extern int	served_random(ServedStore *store, int n);

/* A Responder. */
extern void served_answer(void *store, const char *operation, const char *body, Exchange *exchange, ByteBuffer *answer);

/* The key of an item: of an index read the commit id, otherwise the version. */
extern int64_t served_key(const cJSON *item);

#endif
