/*
 * task: what the SQL functions about a store have in common. Each gets a foreign table; its server and options say where the
 * store is. The user mapping is that of the caller.
 */
#ifndef DYNAMODB_ES_TASK_H
#define DYNAMODB_ES_TASK_H

#include "postgres.h"

#include "store/tables.h"

/* Is it a foreign table of this wrapper? */
extern bool task_is_of_wrapper(Oid relation);

/* Raise an error where it is no foreign table of this wrapper, or the caller may not. */
extern void task_check_wrapper(Oid relation);
extern void task_check_owner(Oid relation);
extern void task_check_select(Oid relation);

/* Whom the foreign table belongs to. */
extern Oid	task_owner(Oid relation);

/* Run a task to its end, or raise its failure. The report, and the texts of *names, live in the current memory context. */
extern TablesReport *task_run(Oid relation, TablesTask task, StoreNames *names);
extern TablesReport *task_raise(Oid relation, int64 head, StoreNames *names);

#endif
