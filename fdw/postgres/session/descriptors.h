/*
 * descriptors: the file descriptors that all connections of a session may have together.
 */
#ifndef DYNAMODB_ES_DESCRIPTORS_H
#define DYNAMODB_ES_DESCRIPTORS_H

#include "postgres.h"

/* Acquires one more; it has to be released. false: none is left, and nothing unused could be closed. */
extern bool descriptor_acquire(void);
extern void descriptor_release(void);

/* How many are acquired, and how many may be. */
extern int	descriptors_acquired(void);
extern int	descriptors_allowed(void);

/* Closes an unused connection, and so some descriptors. false: all are in use. */
extern bool descriptors_free_some(void);

/* By which function it does that. */
extern void descriptors_free_by(bool (*close_unused) (void));

#endif
