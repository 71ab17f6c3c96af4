/*
 * store_batch: a batch for the rows of a foreign table, and the connection to its store.
 */
#ifndef DYNAMODB_ES_STORE_BATCH_H
#define DYNAMODB_ES_STORE_BATCH_H

#include "postgres.h"

#include "postgres/append/batch.h"
#include "postgres/table/options.h"
#include "postgres/table/relation.h"

/* Raises 0A000 for a feed table, HV005 for one that lacks a column that a commit cannot do without. */
extern void store_batch_check_table(const TableOptions *options, const ColumnMap *map);

/* Without room for rows, and without a connection. Its texts are those of the map and of the options. */
extern RowBatch store_batch_new(const TableOptions *options, const ColumnMap *map);

/*
 * Connects the batch, in `context`, by the user's mapping, whose oid it returns; `owner` is the foreign table's. A dense store's
 * batch takes turns with others, and knows the counter as this backend has seen it last.
 */
extern Oid	store_batch_connect(RowBatch *batch, MemoryContext context, const TableOptions *options, Oid user, Oid owner);

#endif
