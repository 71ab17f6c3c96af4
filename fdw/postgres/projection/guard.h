/*
 * guard: what others see of a follower: that it follows a projection, by a lock that no statement waits for; and that its
 * first batch is under way, by a record that a crash leaves behind.
 */
#ifndef DYNAMODB_ES_PROJECTION_GUARD_H
#define DYNAMODB_ES_PROJECTION_GUARD_H

#include "postgres.h"

#include "postgres/projection/row.h"
#include "postgres/projection/session.h"

/* From here to there the view shows that somebody follows it; also across transactions. */
extern void guard_mark(const char *name);
extern void guard_unmark(const char *name);

/*
 * The server may have crashed in this handler. Whoever begins with it waits longer each time, so that there is time to
 * disable the projection: so many ms. What others are about to begin is no sign of a crash. To be called before
 * guard_mark.
 */
extern int64 guard_pause_ms(const ProjectionRow *row);

/*
 * Writes the record, in a transaction that the caller commits before the batch. The batch takes it back as it moves the
 * position; projection_started does where there is none, and so does this backend as it exits, until guard_forget.
 */
extern void guard_begin(const ProjectionSession *session, ProjectionRow *row);
extern void guard_forget(void);

#endif
