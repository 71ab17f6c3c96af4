/*
 * same_store: is the store that a projection reads still the one whose commits it has applied?
 *
 * A store that was restored, or another one under the same names, need not have a counter that is behind. But the last
 * commit that was applied is there, under its own key, or it is not the same store.
 */
#ifndef DYNAMODB_ES_PROJECTION_SAME_STORE_H
#define DYNAMODB_ES_PROJECTION_SAME_STORE_H

#include "postgres/projection/row.h"
#include "postgres/projection/session.h"

/* Looks, if it is due, which it is at first and once a minute. 55000: the commit is not there. */
extern void same_store_check(ProjectionSession *session, const ProjectionRow *row, const FeedReader *reader);

#endif
