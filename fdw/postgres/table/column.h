/*
 * column: what is known of a column of a foreign table.
 */
#ifndef DYNAMODB_ES_COLUMN_H
#define DYNAMODB_ES_COLUMN_H

#include "postgres.h"

#include "access/attnum.h"
#include "fmgr.h"

/* What a column stands for in an event store. */
typedef enum ColumnRole
{
	COLUMN_AGGREGATE_ID,
	COLUMN_VERSION,
	COLUMN_COMMIT_ID,
	COLUMN_COMMITTED_AT,
	COLUMN_EVENTS,
	COLUMN_EXTRA				/* an attribute of the user's own */
} ColumnRole;

#define COMMIT_ROLES COLUMN_EXTRA	/* the roles before it, of which a table has one column each at most */

/* How a column's values are written and read. */
typedef enum ColumnKind
{
	KIND_TEXT,					/* text, varchar: S */
	KIND_UUID,					/* S */
	KIND_INTEGER,				/* smallint, integer, bigint: N */
	KIND_NUMERIC,				/* N */
	KIND_FLOAT,					/* real, double precision: N */
	KIND_BOOLEAN,				/* BOOL */
	KIND_TIMESTAMP,				/* timestamptz: N, ms since the epoch */
	KIND_BYTEA,					/* B */
	KIND_JSON,					/* json: S on writing; S, M or L on reading */
	KIND_JSONB
} ColumnKind;

typedef struct Column
{
	AttrNumber	attnum;
	const char *name;
	const char *attribute;		/* in UTF-8, as DynamoDB has it */
	ColumnRole	role;
	ColumnKind	kind;
	Oid			type;
	int32		typmod;
	FmgrInfo	input;			/* for reading */
	Oid			input_param;
	FmgrInfo	output;			/* for writing */
} Column;

#endif
