/*
 * tenure: an operation of the layers below and its connection, for as long as a memory context lives.
 */
#ifndef DYNAMODB_ES_TENURE_H
#define DYNAMODB_ES_TENURE_H

#include "postgres.h"

#include "postgres/session/connection.h"

/*
 * A connection and at most one operation on it, tied to a memory context: both go when the context goes, however that
 * comes about.
 */
typedef struct Tenure
{
	Connection *connection;
	void	   *operation;
	void		(*operation_free) (void *operation);
	int			descriptor;		/* a duplicate of the client's, or -1 */
	MemoryContextCallback callback;
} Tenure;

/* Allocated in `context`, which takes over the reference to the connection. */
extern Tenure *tenure_new(MemoryContext context, Connection *connection);

/* Takes over an operation, freeing the one before it; a NULL is reported as out of memory. */
extern void tenure_hold(Tenure *tenure, void *operation, void (*operation_free) (void *operation));

/* Frees the operation now, and reports what it has done (trace.h). */
extern void tenure_drop(Tenure *tenure);
extern Client *tenure_client(const Tenure *tenure);

/*
 * Makes tenure->descriptor, a duplicate of the client's. Several tenures of one client may be in one event set, and an epoll set
 * takes each descriptor only once. false: no descriptor is left.
 */
extern bool tenure_make_descriptor(Tenure *tenure);

#endif
