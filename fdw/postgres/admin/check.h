/*
 * check: what is wrong with a store, a row for each finding.
 */
#ifndef DYNAMODB_ES_CHECK_H
#define DYNAMODB_ES_CHECK_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "store/tables.h"

typedef struct Check
{
	ReturnSetInfo *result;
	Oid			relation;
	const char *relation_name;
	const TablesReport *report;
} Check;

#define CHECK_ERROR "error"		/* something is lost, or will be */
#define CHECK_WARNING "warning" /* something may be, or is not as one would think */
#define CHECK_INFO "info"		/* as it should be, and good to know */

/* Adds a finding. Texts are in the server's encoding; `what` is a sentence without its end. */
extern void check_found(Check *check, const char *severity, const char *what, const char *where, const char *hint);

/* Looks at every id and every commit, as far as the tables are a store's. */
extern void check_ids(Check *check);
extern void check_commits(Check *check);

#endif
