/*
 * lookahead: the outer rows of a nested loop, some of them fetched before their turn.
 *
 * The inner side of a nested loop gets its values row by row, so that a scan of ours there would wait for one request after the
 * other. Between the loop and its outer side a node is put that passes rows on as they are, and knows those that come next.
 * The scan asks it for them, and sends their requests ahead (prefetch.h). The loop itself, and what it joins, is the executor's own.
 */
#ifndef DYNAMODB_ES_LOOKAHEAD_H
#define DYNAMODB_ES_LOOKAHEAD_H

#include "postgres.h"

#include "foreign/fdwapi.h"

typedef struct Lookahead Lookahead;

/* Lets the planner use it for scans with that function; once, when the library is loaded. */
extern void lookahead_install(IterateForeignScan_function iterate);

/* true for the plan of such a node. */
extern bool lookahead_is(const Plan *plan);

/* The node beside the scan, and the loop that both are in; NULL where there is none. */
extern Lookahead *lookahead_beside(ForeignScanState *scan, const NestLoop **loop);

/*
 * From now on it fetches rows before their turn: as many as have been passed on, no more than `most`, and only while those ahead
 * take less than work_mem.
 */
extern void lookahead_begin(Lookahead *ahead, int most);

/* The number of the row that was passed on last. No two have the same, also where the rows are passed on again. */
extern uint64 lookahead_current(const Lookahead *ahead);

/* The row of that number, one that comes later; NULL: it has not been fetched. Valid until its turn is over. */
extern TupleTableSlot *lookahead_row(const Lookahead *ahead, uint64 number);

#endif
