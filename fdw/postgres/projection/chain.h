/*
 * chain: one transaction after the other, as in a procedure that commits.
 */
#ifndef DYNAMODB_ES_PROJECTION_CHAIN_H
#define DYNAMODB_ES_PROJECTION_CHAIN_H

#include "postgres.h"

extern void chain_begin(void);

/* Commits, and leaves no transaction. */
extern void chain_commit(void);

/* The same, and begins the next one, with `memory` as the current context. In between, statistics are reported. */
extern void chain_next(MemoryContext memory);

/* Commits as chain_next; the error that it has raised, in `memory`, after which nothing is left of the transaction. NULL: none. */
extern ErrorData *chain_try_next(MemoryContext memory);

/*
 * What the follower itself writes is no matter of the session's isolation level: it may wait for whoever has the row, and
 * then goes on. To be called before a transaction's first snapshot.
 */
extern void chain_read_committed(void);

#endif
