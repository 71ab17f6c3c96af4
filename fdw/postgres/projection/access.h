/*
 * access: the tables dynamodb_es_projection and dynamodb_es_passed.
 *
 * Nobody has rights on them. They are read and written as their owner, under a search_path of our own, by statements in
 * which nothing is a user's text. An error on the way is undone by the transaction or subtransaction that it ends.
 */
#ifndef DYNAMODB_ES_PROJECTION_ACCESS_H
#define DYNAMODB_ES_PROJECTION_ACCESS_H

#include "postgres.h"

#define PROJECTION_TABLE "dynamodb_es_projection"
#define PASSED_TABLE "dynamodb_es_passed"

/* What it was before. */
typedef struct Access
{
	char	   *schema;			/* quoted */
	MemoryContext caller;
	Oid			user;
	int			context;
	int			nest_level;
	bool		has_pushed;		/* a snapshot: SQL needs one, and a worker has none of a portal's */
} Access;

/* Of a statement. */
typedef struct Arguments
{
	int			count;
	Oid			types[16];
	Datum		values[16];
	char		nulls[16];
} Arguments;

extern void arguments_add(Arguments *arguments, Oid type, Datum value);
extern void arguments_add_int64(Arguments *arguments, int64 value);

/* NULL is NULL. */
extern void arguments_add_text(Arguments *arguments, const char *text);

/* The schema that the extension is in. Raises 55000 where it is not installed, or in a version without projections. */
extern Oid	projection_schema(void);

/* In between, statements run as the tables' owner; the memory context is the caller's again behind it. */
extern void access_begin(Access *access);
extern void access_end(Access *access);

/* The number of rows, of which the functions below read the columns, from 1 on. */
extern uint64 access_execute(const char *sql, Arguments *arguments);
extern Datum result_value(int row, int column, bool *isnull);

/* NULL is 0, false, or NULL. */
extern int64 result_int64(int row, int column);
extern int32 result_int32(int row, int column);
extern bool result_bool(int row, int column);
extern char *result_text(int row, int column);

/* All of it for one statement without a result; %s in it, twice at the most, are the schema. The number of rows. */
extern uint64 access_change(const char *sql, Arguments *arguments);

#endif
