/*
 * errors: failures of the layers below, as PostgreSQL errors. The one place that decides on a SQLSTATE.
 */
#ifndef DYNAMODB_ES_ERRORS_H
#define DYNAMODB_ES_ERRORS_H

#include "postgres.h"

#include "base/failure.h"
#include "store/commit.h"

/* Raises an error for a failed read or table operation on a foreign table. */
extern void report_failure(const Failure *failure, const char *relation_name) pg_attribute_noreturn();

/* Likewise for a request that is about no foreign table yet. */
extern void report_server_failure(const Failure *failure, const char *server_name) pg_attribute_noreturn();

/* Likewise for a failed append, whose version may be taken, or whose fate may be unknown. */
extern void report_append_failure(const Failure *failure, const char *relation_name, const Commit *commit)
			pg_attribute_noreturn();

/* Raises "out of memory" for a NULL from the layers below. */
extern void report_out_of_memory(void) pg_attribute_noreturn();

/* "aggregate "a", version 3", for a DETAIL. */
extern char *describe_commit(const Commit *commit);

#endif
