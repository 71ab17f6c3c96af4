/*
 * entries: the setting dynamodb_es.workers, read.
 */
#ifndef DYNAMODB_ES_ENTRIES_H
#define DYNAMODB_ES_ENTRIES_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* One worker: in which database it follows projections, and as which role. */
typedef struct WorkerEntry
{
	NameData	role;
	NameData	database;
	int			share;			/* of equal entries it is this one, from 0 on */
	int			shares;			/* and there are so many */
} WorkerEntry;

/* What is wrong with a text, and where. */
typedef struct EntryProblem
{
	const char *what;
	const char *at;
} EntryProblem;

/* The WorkerEntry of each "role@database", in the current memory context. false: *problem says why. */
extern bool entries_parse(const char *text, List **entries, EntryProblem *problem);

extern bool entries_are_equal(const WorkerEntry *a, const WorkerEntry *b);

#endif
