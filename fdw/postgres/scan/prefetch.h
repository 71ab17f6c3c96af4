/*
 * prefetch: the reads for the next outer rows of a nested loop, begun before these rows have their turn.
 *
 * Each row's read is the one that it would have anyway, so as many requests are sent, of the same kind; only the waiting is done for
 * many of them at once. Only where each row asks for a single commit by its key, these are read together, a hundred in a request.
 * What has been begun in vain, where nobody asks for the rows after all, is less than what was asked for.
 */
#ifndef DYNAMODB_ES_PREFETCH_H
#define DYNAMODB_ES_PREFETCH_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "postgres/session/tenure.h"
#include "store/keyed.h"

typedef struct Prefetch Prefetch;

/* One row's read. */
typedef struct PrefetchedRead
{
	uint64		row;			/* its number, see lookahead.h; 0: none */
	Tenure	   *tenure;			/* the read's; it holds none where there is nothing to ask for */
	MemoryContext context;		/* what the read points at */
} PrefetchedRead;

/* Starts the scan's read, in that tenure and with what it points at in that context, by the present values of parameters. */
typedef void (*ReadStarter) (ForeignScanState *scan, Tenure *tenure, MemoryContext context);

/* The key of the commit that the present values of parameters ask for; false: they ask for none. */
typedef bool (*KeyOfRow) (ForeignScanState *scan, MemoryContext context, CommitKey *key);

/* Starts the read of such keys: ascending, none twice. */
typedef KeyedRead *(*KeysStarter) (ForeignScanState *scan, const CommitKey *keys, size_t nkeys);

/* true where there is a loop that can be looked ahead in, and all of its rows will be taken. */
extern bool prefetch_is_possible(ForeignScanState *scan, int first_rows);

/* Reads by the connection of that tenure, the scan's. NULL where there is no loop that can be looked ahead in, or not all of its rows will be taken. */
extern Prefetch *prefetch_new(ForeignScanState *scan, const Tenure *tenure, int first_rows, int most);

/* Begins the reads of the rows that are known by now. */
extern void prefetch_begin(Prefetch *prefetch, ReadStarter start);

/*
 * Where the present row has none: begins those of all rows that are known by now, this one included, as one read of their keys.
 * Nothing, where there is no other row.
 */
extern void prefetch_begin_keys(Prefetch *prefetch, KeyOfRow key_of, KeysStarter start);

/* Takes the present row's read out, in exchange for what it holds; false: there is none. */
extern bool prefetch_take(Prefetch *prefetch, Tenure **tenure, MemoryContext *context);

/* Gives up all reads. */
extern void prefetch_drop(Prefetch *prefetch);

#endif
