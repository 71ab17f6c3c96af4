/*
 * errors: failures of the layers below, as PostgreSQL errors.
 */
#ifndef DYNAMODB_ES_ERRORS_H
#define DYNAMODB_ES_ERRORS_H

#include "postgres.h"

#include "base/failure.h"
#include "postgres/core/compat.h"
#include "store/commit.h"

/* Room for a key in a message. */
#define MAX_NAMED_BYTES 200

/* Raises an error for a failed read or table operation on a foreign table. */
pg_noreturn extern void report_failure(const Failure *failure, const char *relation_name);

/* Likewise for a request that is about no foreign table yet. */
pg_noreturn extern void report_server_failure(const Failure *failure, const char *server_name);

/*
 * Likewise for a failed append. `commit` is the one that failed, NULL where it was none in particular; `fates` says
 * what became of a batch's rows, NULL where there was one row.
 */
pg_noreturn extern void report_append_failure(const Failure *failure, const char *relation_name,
											  const Commit *commit, const char *fates);

/* Raises "out of memory" for a NULL from the layers below. */
pg_noreturn extern void report_out_of_memory(void);

/* What a failure says, for a DETAIL, as far as the user may know it. */
extern char *words_of_failure(const Failure *failure);

/* "aggregate "a"", and "aggregate "a", version 3", for a DETAIL or CONTEXT. */
extern char *describe_aggregate(const Commit *commit);
extern char *describe_commit(const Commit *commit);

#endif
