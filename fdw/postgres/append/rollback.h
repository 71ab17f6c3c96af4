/*
 * rollback: what a rollback cannot undo.
 */
#ifndef DYNAMODB_ES_ROLLBACK_H
#define DYNAMODB_ES_ROLLBACK_H

#include "postgres.h"

/* Counts commits stored by the current (sub)transaction. Should it be rolled back, a WARNING says how many stay. */
extern void rollback_count_stored(int64 commits);

#endif
