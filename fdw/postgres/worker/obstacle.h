/*
 * obstacle: can a worker be started now?
 */
#ifndef DYNAMODB_ES_OBSTACLE_H
#define DYNAMODB_ES_OBSTACLE_H

#include "postgres/worker/entries.h"

/* Why PostgreSQL would refuse its session, and what helps. */
typedef struct Obstacle
{
	char	   *reason;			/* NULL: there is none */
	char	   *hint;
} Obstacle;

/* Texts live in the current memory context. Begins and ends a transaction. */
extern Obstacle obstacle_find(const WorkerEntry *entry);

#endif
