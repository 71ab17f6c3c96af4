/*
 * row: a projection's row in dynamodb_es_projection. Each function asks for a transaction, and leaves no snapshot behind.
 */
#ifndef DYNAMODB_ES_PROJECTION_ROW_H
#define DYNAMODB_ES_PROJECTION_ROW_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "postgres/projection/passed.h"
#include "store/feed.h"

typedef struct ProjectionRow
{
	char	   *name;
	char	   *handler;		/* handler_find */
	char	   *owner;			/* a role's name; counts only where there is no handler */
	int64		position;
	int64		last_commit_id; /* of the last commit that was applied; 0: none was */
	char	   *last_aggregate_id;	/* NULL: none, or it cannot be written in the server's encoding */
	int64		last_version;
	int			batch_size;
	int64		poll_interval_ms;
	int64		gap_timeout_ms;
	bool		enabled;
	bool		restored;
	TimestampTz started_at;		/* 0: NULL */
	int			starts;
	IdRange		waiting_for;	/* zeroes: nothing */
	int64		seen;
	bool		has_error;
	TimestampTz next_try;		/* with an error; 0: at once, since something has been changed */
	int64	   *skipped;		/* ids above the position that are left out, ascending */
	int			nskipped;
	bool		late_is_due;	/* ids that were passed are to be looked for */
} ProjectionRow;

/* Is that id to be left out? */
extern bool projection_skips(const ProjectionRow *row, int64 commit_id);

/* In the current memory context. NULL: there is none. */
extern ProjectionRow *projection_find(const char *name);

/* Likewise, with the row locked FOR NO KEY UPDATE until the transaction ends. Raises 40001 as SELECT would. */
extern ProjectionRow *projection_lock(const char *name);

/* All, by name. */
extern List *projection_list(void);

/* Raises 42710 if the name is taken. */
extern void projection_insert(const ProjectionRow *row);

/* Writes the settings: handler, owner, batch size, times, enabled, restored. */
extern void projection_update(const ProjectionRow *row);
extern void projection_delete(const char *name);

/* Sets the position, and forgets what is known of the way to it. */
extern void projection_reset(const char *name, int64 position);

/* What a batch has done. */
typedef struct ProjectionMove
{
	int64		from;			/* the position that the batch was read after */
	int64		position;
	int64		last_commit_id; /* 0: there was no commit */
	char	   *last_aggregate_id;
	int64		last_version;
	int64		seen;
	IdRange		waiting_for;
	int64		applied;		/* commits */
	int64		passed;			/* ids, those that are not listed included */
	const IdRange *passed_ranges;	/* to be looked for again */
	size_t		npassed_ranges;
	int64		late;			/* commits of the applied ones that were passed before */
	int64		out_of_order;	/* of these, after a higher version of the aggregate */
	PassedLooks looks;
} ProjectionMove;

/* Of a row that is locked. Raises 55000 if somebody has moved it in this transaction since. */
extern void projection_move(const ProjectionRow *row, const ProjectionMove *move);

/* What stands in the way: nothing is applied, and a follower tries again at `next_try`. */
extern void projection_fail(const char *name, const char *error, bool stopped, TimestampTz next_try);

/* A session begins with its first batch; and has done it. The latter waits for nobody: whoever has the row locked does it. */
extern void projection_start(const char *name);
extern void projection_started(const char *name);

/* While this is so, an INSERT into dynamodb_es_projection is the extension's own. */
extern bool projection_inserts(void);

#endif
