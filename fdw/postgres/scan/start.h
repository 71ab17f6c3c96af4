/*
 * start: which reads does a scan begin, for its own values and for those of rows that come next?
 */
#ifndef DYNAMODB_ES_START_H
#define DYNAMODB_ES_START_H

#include "postgres.h"

#include "nodes/execnodes.h"

/* Begins what the present values ask for, or takes it over where it was begun ahead; and begins what comes next. */
extern void start_reading(ForeignScanState *node);

/* true where the scan is in a nested loop each of whose rows asks for a single commit, and these are read together. */
extern bool start_batches_keys(ForeignScanState *node);

#endif
