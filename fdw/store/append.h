/*
 * append: one commit into the store: an id from the counter, then the put on condition that its version is free.
 *
 * Two requests. The id is taken first, so a refused put leaves it unused; ids say the order in which commits were begun.
 */
#ifndef DYNAMODB_ES_APPEND_H
#define DYNAMODB_ES_APPEND_H

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/client.h"
#include "store/commit.h"

typedef struct AppendOperation AppendOperation;

/* What is known of the commit when the operation ends, or is given up. */
typedef enum AppendFate
{
	APPEND_NOT_STORED,			/* certainly not in the store */
	APPEND_STORED,				/* certainly in the store, under commit_id */
	APPEND_UNKNOWN				/* the put was sent and no answer settles what became of it */
} AppendFate;

/* *commit is copied as a view: its texts must outlive the operation. commit_check must have passed. NULL when memory ran out. */
extern AppendOperation *append_start(Client *client, const StoreNames *names, const Commit *commit, Usage *usage);

/* FAILED with FAILURE_CONDITION: the version exists. With FAILURE_UNKNOWN_FATE: see append_fate. */
extern StepResult append_step(AppendOperation *append);
extern AppendFate append_fate(const AppendOperation *append);

/* The commit with the id and times it was given (from the moment the id is known). */
extern const Commit *append_commit(const AppendOperation *append);
extern const Failure *append_failure(const AppendOperation *append);
extern void append_free(AppendOperation *append);

#endif
