/*
 * failure: when a projection whose batch has failed is tried again, with how many commits, and who is told.
 */
#ifndef DYNAMODB_ES_PROJECTION_FAILURE_H
#define DYNAMODB_ES_PROJECTION_FAILURE_H

#include "postgres.h"

#include "postgres/projection/row.h"
#include "postgres/projection/session.h"

/*
 * What passes is tried again after a pause. Of another error's batch half is tried at once, until it is one commit: that
 * one stops the projection, and is tried again after a pause as well. true: this is to be recorded.
 */
extern bool failure_plan(ProjectionSession *session, const ErrorData *error);

/* In the row, and by a WARNING. */
extern void failure_record(const ProjectionSession *session, const ErrorData *error);

#endif
