/*
 * last_versions: the last version that a statement has stored of each of its aggregates, so that nobody has to ask the store for it.
 */
#ifndef DYNAMODB_ES_LAST_VERSIONS_H
#define DYNAMODB_ES_LAST_VERSIONS_H

#include "postgres.h"

#include "store/append_row.h"

typedef struct LastVersions LastVersions;

/* Lives in the memory context, and takes no more than 4 MB of it. */
extern LastVersions *last_versions_new(MemoryContext context);

/* A commit that is in the store for certain. */
extern void last_versions_note(LastVersions *last, const Commit *commit);

/* Is the version before the commit's known to be in the store? What is forgotten is not. */
extern bool last_versions_lead_to(const LastVersions *last, const Commit *commit);

#endif
