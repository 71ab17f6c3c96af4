/*
 * scan: the executor's side of a foreign scan.
 */
#ifndef DYNAMODB_ES_SCAN_H
#define DYNAMODB_ES_SCAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"

#include "postgres/scan/store_scan.h"

/* PostgreSQL's callbacks (FdwRoutine). A row stays until the next call. */
extern void scan_begin(ForeignScanState *node, int flags);
extern TupleTableSlot *scan_iterate(ForeignScanState *node);
extern void scan_rescan(ForeignScanState *node);
extern void scan_end(ForeignScanState *node);

/* true when the next row is at hand, or the end is, so that nothing need be waited for. */
extern bool scan_is_ready(StoreScan *scan);

/* What is known of a feed, at any moment; in the current memory context. */
extern FeedSummary scan_feed_summary(StoreScan *scan);

/* To be called when no more rows will be asked for. Gives up the requests under way, so that the usage is complete. */
extern void scan_settle(StoreScan *scan);

/*
 * To be called before a statement's first append. Every scan in the plan that reads the table appended to now reads the rest of
 * its rows. Some scans cannot: those whose values the plan computes, since they may run again with other values. These skip the
 * statement's own commits instead, whose ids (int64) the caller puts into the set that is returned. NULL: there is no such
 * scan.
 */
extern HTAB *scan_collect_all(PlanState *statement);

#endif
