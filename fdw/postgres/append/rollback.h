/*
 * rollback: what a rollback cannot undo.
 */
#ifndef DYNAMODB_ES_ROLLBACK_H
#define DYNAMODB_ES_ROLLBACK_H

#include "postgres.h"

/* Counts commits stored by the current (sub)transaction. Should it be rolled back, a WARNING says how many stay. */
extern void rollback_count_stored(int64 commits);

/*
 * Imported commits are about to be stored, whose ids the counter may not have reached; and it has reached them. Should a
 * rollback come in between, its WARNING says so.
 */
extern void rollback_counter_behind(void);
extern void rollback_counter_raised(void);

#endif
