/*
 * table_cache: what is known of a foreign table, kept from one statement to the next.
 *
 * A prepared INSERT of one row would look up the options and columns of its table at each execution. Who may use the table,
 * and as whom, is no part of that: it is asked each time.
 */
#ifndef DYNAMODB_ES_TABLE_CACHE_H
#define DYNAMODB_ES_TABLE_CACHE_H

#include "postgres.h"

#include "utils/rel.h"

#include "postgres/table/options.h"
#include "postgres/table/relation.h"

typedef struct KnownTable
{
	ColumnMap  *map;			/* nobody may change it */
	TableOptions options;
} KnownTable;

/*
 * The table as it is now. What is returned stays as it is as long as the memory context lives, also where the table, its columns
 * or its server are changed meanwhile: whoever comes then gets another one.
 */
extern const KnownTable *table_cache_use(Relation relation, MemoryContext context);

#endif
