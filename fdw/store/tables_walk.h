/*
 * tables_walk: a walk over the tables of a store, and what its states (tables_states.c) do with it.
 */
#ifndef DYNAMODB_ES_TABLES_WALK_H
#define DYNAMODB_ES_TABLES_WALK_H

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/call.h"
#include "dynamodb/paging.h"
#include "store/tables_report.h"
#include "store/tables_request.h"

typedef struct TablesOperation TablesOperation;

struct TablesOperation
{
	Client	   *client;
	StoreNames	names;			/* views */
	TablesTask	task;
	Usage	   *usage;
	TablesState state;
	Call	   *call;			/* the state's request; NULL while it is still to be sent */
	int64_t		not_before;		/* http_now_ms before which it is not sent */
	int64_t		poll_ms;		/* how long the next wait is */
	int64_t		wait_until;		/* http_now_ms: when the tables are not waited for any longer; 0: they were not yet */
	char		awaited[TABLES_AWAITED_TEXT];	/* see tables_awaited */
	cJSON	   *start_key;		/* a list of counters: where the next page begins */
	PagingTrail trail;			/* where those before did */
	int64_t		least_head;		/* what the counter is raised to where it is below; 0: nothing */
	bool		counter_is_retired; /* it is noted as a dropped store's */
	int			refusals;		/* of that, by the counter's having been as high by then */
	TablesReport report;
	StepResult	result;			/* once FINISHED */
	Failure		failure;
};

/* Enters a state; its request goes out at once. */
extern void walk_go(TablesOperation *operation, TablesState state);

/* Stays in the state; its request goes out again after a while, ever more slowly, but not for ever. */
extern void walk_again_later(TablesOperation *operation);

/* End it. */
extern void walk_done(TablesOperation *operation);
extern void walk_fail(TablesOperation *operation, FailureKind kind, const char *format,...)
			__attribute__((format(printf, 3, 4)));
extern void walk_fail_as(TablesOperation *operation, const Failure *failure);
extern void walk_fail_bad_answer(TablesOperation *operation);

#endif
