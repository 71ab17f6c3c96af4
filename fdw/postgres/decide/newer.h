/*
 * newer: the commits that came after an id, all of them, as rows.
 */
#ifndef DYNAMODB_ES_DECIDE_NEWER_H
#define DYNAMODB_ES_DECIDE_NEWER_H

#include "postgres.h"

#include "utils/tuplestore.h"

#include "postgres/append/batch.h"
#include "postgres/decide/given.h"

typedef struct NewerCommits
{
	const GivenRows *table;
	const char **attributes;	/* that are fetched */
	int			nattributes;
	int64		after;			/* the id that they come after */
	int64		complete_to;	/* each id up to it is that of a row, or burned */
	int64		count;
	int64		first_id;		/* of the first of them */
	int64		last_id;		/* of the last */
	Tuplestorestate *rows;		/* in the order of ids; beyond work_mem on disk */
	Usage		usage;
} NewerCommits;

/* Of none yet. In the current memory context. */
extern NewerCommits *newer_commits_new(const GivenRows *table, int64 after);

/*
 * Adds what came up to `head`, which was given out, over the batch's connection. The index may lag behind, so it is read until every
 * id is accounted for; meanwhile others have the batch's turn. Raises 55000 where ids stay away for gap_timeout_ms.
 */
extern void newer_commits_read(NewerCommits *newer, RowBatch *batch, int64 head);

/* Adds what the index shows by now, up to the first id that it does not. */
extern void newer_commits_glance(NewerCommits *newer, RowBatch *batch);

/* Aggregate and version of one of them, for a message; NULL: it is none of them, or the table does not show ids. */
extern char *newer_commits_describe(const NewerCommits *newer, int64 id);

#endif
