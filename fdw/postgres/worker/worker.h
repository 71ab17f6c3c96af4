/*
 * worker: a process that follows the projections of one role in one database.
 */
#ifndef DYNAMODB_ES_WORKER_H
#define DYNAMODB_ES_WORKER_H

#include "postgres.h"

#include "postmaster/bgworker.h"

#include "postgres/worker/entries.h"

/* What PostgreSQL needs to know to start it. It tells this process of the worker's start and end. */
extern void worker_describe(const WorkerEntry *entry, BackgroundWorker *worker);

#endif
