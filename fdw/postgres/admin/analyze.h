/*
 * analyze: ANALYZE of a foreign table: how many rows there are, and a sample of them.
 */
#ifndef DYNAMODB_ES_ANALYZE_H
#define DYNAMODB_ES_ANALYZE_H

#include "postgres.h"

#include "foreign/fdwapi.h"

/* *totalpages is DynamoDB's estimate of the table's size, in pages of BLCKSZ. */
extern bool analyze_table(Relation relation, AcquireSampleRowsFunc *function, BlockNumber *totalpages);

#endif
