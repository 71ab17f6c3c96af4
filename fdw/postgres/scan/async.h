/*
 * async: scans of several stores side by side under an Append.
 */
#ifndef DYNAMODB_ES_ASYNC_H
#define DYNAMODB_ES_ASYNC_H

#include "postgres.h"

#include "foreign/fdwapi.h"

/* PostgreSQL's callbacks (FdwRoutine). */
extern bool async_capable(ForeignPath *path);
extern void async_request(AsyncRequest *request);
extern void async_configure_wait(AsyncRequest *request);
extern void async_notify(AsyncRequest *request);

#endif
