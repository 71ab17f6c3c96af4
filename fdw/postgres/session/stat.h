/*
 * stat: the counts of the whole server, in shared memory of a fixed size.
 *
 * There is such memory where the library is loaded with the server, and from PostgreSQL 17 on everywhere. Where a table is full, the
 * row that was not counted in for the longest time is added to the row of all others: sums stay right.
 */
#ifndef DYNAMODB_ES_STAT_H
#define DYNAMODB_ES_STAT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "dynamodb/usage.h"

typedef enum StatTable
{
	STAT_OPERATIONS,			/* a row for each server, role and operation */
	STAT_STATEMENTS				/* a row for each role and query identifier */
} StatTable;

#define STAT_TABLES (STAT_STATEMENTS + 1)

/* Compared byte by byte: there are no gaps in it. All zeroes: all others. */
typedef struct StatKey
{
	Oid			database;
	Oid			server;
	Oid			role;
	int32		operation;
	uint64		query;
} StatKey;

typedef struct StatRow
{
	StatKey		key;
	NameData	server_name;	/* when it was last counted in */
	TimestampTz since;			/* when it was first */
	int64		executions;		/* of statements */
	Usage		usage;
} StatRow;

/* From _PG_init. */
extern void stat_init(void);

/* Finds the memory, and makes it if need be. false: there can be none. */
extern bool stat_attach(void);

/*
 * Adds to the row of that key; `since` is filled in. Raises no error, and takes no memory, so that it may be called where something
 * ends. Where there is no memory nobody counts.
 */
extern void stat_add(StatTable table, const StatRow *part);

/* A copy of all rows, in the current memory context; *count says how many. After stat_attach. */
extern StatRow *stat_read(StatTable table, int *count);

/* Forgets all rows. After stat_attach. */
extern void stat_reset(void);

#endif
