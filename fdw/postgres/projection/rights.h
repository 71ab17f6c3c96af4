/*
 * rights: who may do something with a projection? The members of its owner, who is the owner of its handler.
 */
#ifndef DYNAMODB_ES_PROJECTION_RIGHTS_H
#define DYNAMODB_ES_PROJECTION_RIGHTS_H

#include "postgres.h"

#include "postgres/projection/row.h"

/* Where the handler is gone, whose it was last; InvalidOid: that role is gone, too. */
extern Oid	projection_owner(const ProjectionRow *row);
extern bool projection_is_usable(const ProjectionRow *row);

/* The projection of that name. Raises 42704, and 42501 unless the user is a member of its owner. */
extern ProjectionRow *projection_get(const char *name);

/* Likewise, locked. */
extern ProjectionRow *projection_get_locked(const char *name);

/* Raises 55000 for one that is disabled. */
extern void projection_check_enabled(const ProjectionRow *row);

#endif
