/*
 * attempt: one batch of a projection that is followed, whatever comes of it.
 */
#ifndef DYNAMODB_ES_PROJECTION_ATTEMPT_H
#define DYNAMODB_ES_PROJECTION_ATTEMPT_H

#include "postgres.h"

#include "postgres/projection/row.h"
#include "postgres/projection/session.h"

/*
 * To be called in a transaction of a chain (chain.h). It ends that one, and leaves the next one behind. `memory` is current
 * then. An error of the projection's is recorded, and no error of the caller's; any other leaves it.
 */
extern void attempt_batch(MemoryContext memory, ProjectionSession *session, ProjectionRow *row);

#endif
