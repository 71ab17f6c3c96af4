/*
 * unreadable: how many values a statement has replaced because a column cannot show them, and the WARNING about it.
 */
#ifndef DYNAMODB_ES_UNREADABLE_H
#define DYNAMODB_ES_UNREADABLE_H

#include "postgres.h"

#include "nodes/execnodes.h"

/* How many values were replaced, and where the first one stands. */
typedef struct Replacements
{
	MemoryContext context;
	int64		values;
	char	   *first;			/* NULL: there is none */
} Replacements;

/* In the current memory context. */
extern Replacements *replacements_new(void);

/* The one that all scans of a statement share; it goes with the statement's memory. */
extern Replacements *replacements_of_statement(EState *estate);

/* Counts one more; `place` is kept of the first one only. */
extern void replacements_add(Replacements *replacements, const char *place);

/* One WARNING for all that was counted since the last one, if there was any. */
extern void replacements_report(Replacements *replacements);

#endif
