/*
 * tenure: an operation of the layers below and its connection, for as long as a memory context lives.
 */
#ifndef DYNAMODB_ES_TENURE_H
#define DYNAMODB_ES_TENURE_H

#include "postgres.h"

#include "postgres/session/connection.h"
#include "postgres/session/operations.h"

/*
 * A connection and at most one operation on it, tied to a memory context: both go when the context goes, however that
 * comes about.
 */
typedef struct Tenure
{
	Connection *connection;
	void	   *operation;
	const OperationKind *kind;	/* of the operation */
	int			descriptor;		/* a duplicate of the client's, or -1 */
	MemoryContextCallback callback;
} Tenure;

/* Allocated in `context`, which takes over the reference to the connection. */
extern Tenure *tenure_new(MemoryContext context, Connection *connection);

/* Takes over an operation, freeing the one before it; a NULL is reported as out of memory. */
extern void tenure_hold(Tenure *tenure, void *operation, const OperationKind *kind);

/*
 * Runs the operation to its end, waiting as long as that takes. NULL: it is DONE; otherwise its failure. It stays held,
 * for whoever asks what came of it.
 */
extern const Failure *tenure_run(Tenure *tenure);

/* The same of an operation that hands out items: its next one, or that it has to be waited for. */
extern ReadResult tenure_next(Tenure *tenure, const cJSON **item);

/*
 * Its next item, or that there is none left, or none to be had: ITEM, END or FAILED. Waits as long as that takes, with
 * interrupts, and ends with an error when the budget of the statement is used up; `usage` is the operation's.
 */
extern ReadResult tenure_await(Tenure *tenure, Usage *usage, const char *relation_name, const cJSON **item);

/* The same, where a failure is an error. NULL at the end. The item stays until the next call. */
extern const cJSON *tenure_await_item(Tenure *tenure, Usage *usage, const char *relation_name);

/* What went wrong, once a step or a next item has FAILED. */
extern const Failure *tenure_failure(const Tenure *tenure);

/* Frees the operation now, and reports what it has done (trace.h). */
extern void tenure_drop(Tenure *tenure);
extern Client *tenure_client(const Tenure *tenure);

/* See connection_usage. */
extern Usage *tenure_usage(const Tenure *tenure, Operation operation);

/*
 * Makes tenure->descriptor, a duplicate of the client's. Several tenures of one client may be in one event set, and an epoll set
 * takes each descriptor only once. false: no descriptor is left.
 */
extern bool tenure_make_descriptor(Tenure *tenure);

#endif
