/*
 * scan: the executor's side of a foreign scan.
 */
#ifndef DYNAMODB_ES_SCAN_H
#define DYNAMODB_ES_SCAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"

#include "dynamodb/client.h"
#include "postgres/options.h"
#include "postgres/plan.h"
#include "postgres/wait.h"

/* ForeignScanState.fdw_state */
typedef struct StoreScan
{
	ColumnMap  *map;
	TableOptions options;
	ScanPlan	plan;
	List	   *values;			/* of ExprState, for the conditions */
	Column	  **columns;		/* to fetch */
	int			ncolumns;
	const char **attributes;	/* the same, and the keys, by their attributes */
	int			nattributes;
	Tenure	   *tenure;			/* NULL for an EXPLAIN that runs nothing */
	MemoryContext key_context;	/* texts of the key condition; reset at each rescan */
	bool		reading;		/* the read has been started */
	bool		at_end;
	Usage		usage;
} StoreScan;

extern void scan_begin(ForeignScanState *node, int flags);
extern TupleTableSlot *scan_iterate(ForeignScanState *node);
extern void scan_rescan(ForeignScanState *node);
extern void scan_end(ForeignScanState *node);

#endif
