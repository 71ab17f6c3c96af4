/*
 * launcher: the process that sees to it that projections are followed.
 */
#ifndef DYNAMODB_ES_LAUNCHER_H
#define DYNAMODB_ES_LAUNCHER_H

/* The setting dynamodb_es.workers; and the process, where the library is loaded with the server. */
extern void launcher_init(void);

#endif
