/*
 * unless: a query over the commits that came, by which an append is refused.
 */
#ifndef DYNAMODB_ES_DECIDE_UNLESS_H
#define DYNAMODB_ES_DECIDE_UNLESS_H

#include "postgres.h"

#include "executor/spi.h"

#include "postgres/decide/newer.h"

/* What a query found. */
typedef struct UnlessAnswer
{
	bool		has_row;
	int64		commit_id;		/* of its first row, where it has such a column and it is the id of one of the commits; otherwise 0 */
} UnlessAnswer;

/* Inside an SPI connection: the query, which sees these commits as the relation `batch`. Raises 22023 for what is no query. */
extern SPIPlanPtr unless_prepare(const char *query, const NewerCommits *newer);

/* Asks it, as the current user. It sees the local tables as a new statement of the transaction does, and may change nothing. */
extern UnlessAnswer unless_ask(SPIPlanPtr plan, const NewerCommits *newer);

#endif
