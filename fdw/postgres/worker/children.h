/*
 * children: the workers that the launcher has started, or is going to.
 */
#ifndef DYNAMODB_ES_CHILDREN_H
#define DYNAMODB_ES_CHILDREN_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* From now on these WorkerEntry are wanted: others are terminated. What waits to be started is tried at once. */
extern void children_want(List *entries);

/* Notices which have ended, and starts those whose time has come. */
extern void children_tend(void);

/* How many ms from now the next one is to be started; -1: none is. */
extern int	children_next_start(void);

/* Terminates all of them, without waiting. */
extern void children_terminate(void);

#endif
