/*
 * handler: the function that a projection gives its commits to. From it follow the projection's owner and its source.
 */
#ifndef DYNAMODB_ES_HANDLER_H
#define DYNAMODB_ES_HANDLER_H

#include "postgres.h"

#include "postgres/core/compat.h"

typedef struct Handler
{
	Oid			function;
	Oid			owner;
	Oid			source;			/* the foreign table whose rows it takes an array of */
	Oid			row_type;		/* of the source */
} Handler;

/* Raises 42809 for a function that cannot be a handler. */
extern Handler handler_of_function(Oid function);

/* "schema.function(schema.table[])", by which handler_find finds it again, also after pg_upgrade. */
extern char *handler_text(const Handler *handler);

/* false: there is no such function, or its argument's table is gone. Whoever asks need have no rights. */
extern bool handler_find(const char *text, Handler *handler);

/* Raises 42883: a projection has no handler any more. */
pg_noreturn extern void handler_report_missing(const char *text, const char *projection);

/* Raises 42501 unless its owner may read the source, and 42704 where he has no user mapping. */
extern void handler_check_rights(const Handler *handler);

/*
 * Calls it as its owner, and what triggers it has deferred, where another user runs it; what it sets does not stay set.
 * `batch` is an array of its row type. The caller sees to a snapshot.
 */
extern void handler_call(const Handler *handler, Datum batch);

#endif
