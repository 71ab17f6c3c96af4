/*
 * same_store: is the store that a projection reads still the one whose commits it has applied?
 *
 * The counter does not always show that a store was restored, or is another one under the same names. But if the last
 * commit that was applied is not there, under its own key, it is not the same store.
 */
#ifndef DYNAMODB_ES_PROJECTION_SAME_STORE_H
#define DYNAMODB_ES_PROJECTION_SAME_STORE_H

#include "postgres/projection/row.h"
#include "postgres/projection/session.h"

/* Looks, if it is due, which it is at first and once a minute. 55000: the commit is not there. */
extern void same_store_check(ProjectionSession *session, const ProjectionRow *row, const FeedReader *reader);

#endif
