/*
 * explain: what EXPLAIN shows of a foreign scan and of an append.
 */
#ifndef DYNAMODB_ES_EXPLAIN_H
#define DYNAMODB_ES_EXPLAIN_H

#include "postgres.h"

#include "postgres/core/compat.h"

extern void explain_scan(ForeignScanState *node, ExplainState *es);
extern void explain_modify(ModifyTableState *state, ResultRelInfo *target, List *fdw_private, int subplan,
						   ExplainState *es);

#endif
