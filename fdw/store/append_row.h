/*
 * append_row: what is appended, and how: the rows of a batch, and the settings that they have in common.
 */
#ifndef DYNAMODB_ES_APPEND_ROW_H
#define DYNAMODB_ES_APPEND_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/commit.h"

/* What is known of a commit, at any moment. */
typedef enum AppendFate
{
	APPEND_NOT_STORED,			/* certainly not in the store, so far */
	APPEND_STORED,				/* certainly in the store, under its commit_id */
	APPEND_UNKNOWN				/* a put was sent and nothing has settled what became of it */
} AppendFate;

typedef struct AppendRow
{
	Commit		commit;			/* id, times and a version left out are filled in by the operation */
	bool		next_version;	/* the version is left out: the one after the aggregate's last */
	bool		follows_stored; /* the version before it is known to be in the store: nobody need look for it */
	bool		has_known_id;	/* import: a row before it has brought its commit id, too */
	bool		skipped;		/* its version existed, and that is no error */
	AppendFate	fate;
	int64_t		id_deadline;	/* http_now_ms after which its commit id is not used any more; 0: it has none to use */
} AppendRow;

/* How commits get their ids. */
typedef enum AppendMode
{
	APPEND_COUNTER,				/* one request takes many ids, then each commit is put by itself */
	APPEND_DENSE,				/* counter and commits move in one transaction: no id is ever without its commit */
	APPEND_IMPORT				/* each commit brings its id and time, and is put by itself; the counter is the caller's to raise */
} AppendMode;

/* So many commits fit beside the counter into one transaction; with no more of them a dense batch is all or nothing. */
#define APPEND_DENSE_ROWS 99

typedef struct AppendSettings
{
	AppendMode	mode;
	bool		contiguous;		/* a version n > 0 is refused where n - 1 does not exist */
	bool		indivisible;	/* dense: a batch that does not fit into one transaction is FAILURE_TOO_LARGE */
	int64_t    *head;			/* dense: the counter's value as last known (-1: not), kept up to date; NULL: nobody remembers */
	const int64_t *expected;	/* dense: nothing is appended unless the counter has this value; NULL: whatever it has */
	bool		skip_conflicts; /* pass over versions that exist */
	size_t		ids_at_once;	/* counter: that one request takes, at most; above 0 */
	bool		burn_notes;
	int			max_parallel;	/* puts on the way at once */
	int			deadline_ms;	/* no put is sent later than this after its id was taken */
	int64_t		max_version;	/* no next version is above it */
	const char *token_attribute;	/* an item with the same value in it is the row's own; NULL: none */
} AppendSettings;

#endif
