/*
 * follow: batch after batch, each in a transaction of its own: the body of dynamodb_es_follow, and of a worker.
 */
#ifndef DYNAMODB_ES_PROJECTION_FOLLOW_H
#define DYNAMODB_ES_PROJECTION_FOLLOW_H

#include "postgres.h"

typedef struct FollowSpec
{
	const char *name;			/* NULL: all projections whose handlers the user owns */
	bool		until_caught_up;	/* ends once it has come to what was there when it began */
	int			part;			/* of these, by name, it takes each one of `parts` from this one on: 0 to parts - 1 */
	int			parts;			/* 1: all */
	bool		shows_name;		/* of the projection it is at, as application_name */
	bool		(*goes_on) (void);	/* asked at each turn, in a transaction; false: it ends. NULL: it goes on */
} FollowSpec;

/*
 * To be called in a transaction outside of a transaction block, without a level of SPI. Ends that one, and leaves another
 * one behind. Between two batches there is no snapshot, no transaction id and no lock, save the advisory one by which the
 * view knows that a projection is followed; while nothing is due, there is no transaction. An error that is no
 * projection's leaves it; then there is no transaction to be committed.
 */
extern void follow_projections(const FollowSpec *spec);

#endif
