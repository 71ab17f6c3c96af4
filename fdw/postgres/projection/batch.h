/*
 * batch: the next commits of a source, as rows of it, for one call of a handler.
 */
#ifndef DYNAMODB_ES_PROJECTION_BATCH_H
#define DYNAMODB_ES_PROJECTION_BATCH_H

#include "postgres.h"

#include "access/tupdesc.h"

#include "postgres/projection/handler.h"
#include "postgres/projection/row.h"
#include "postgres/projection/session.h"

typedef struct Batch
{
	MemoryContext context;		/* all of it */
	Oid			source;
	TupleDesc	desc;			/* of the source, as it was read */
	int64		after;			/* the position that it follows */
	int			count;
	int			nlate;			/* of them, the first, which were passed before */
	int			out_of_order;	/* of these, after a higher version of the aggregate */
	PassedLooks looks;			/* what was looked for of the ids that were passed */
	int64	   *ids;			/* the commits, ascending */
	Datum	   *rows;			/* 0: one that is to be skipped, and may be unreadable */
	size_t		bytes;
	int			room;			/* for ids and rows */
	int64		last_id;		/* of the last commit, and its key as it is stored: UTF-8, NULL: it has none */
	char	   *last_aggregate_id;
	char	   *last_version;
	FeedReport	report;			/* its ranges are copied */
	int64		passed;			/* ids that were passed in it, also those that are not listed */
	bool		more;			/* it ends because it is full: there may be more at once */
} Batch;

/*
 * Reads a batch of at most `most` commits and 8 MB after row->position, in the current memory context; the network is
 * waited for, while no lock is held and no snapshot. Goes on with the session's feed where that has come to that
 * position; otherwise begins a new one, which the session keeps if `keeps` it is set.
 *
 * A commit that cannot be read as a row ends the batch before it; where it is the first, that is an error.
 */
extern Batch *batch_read(ProjectionSession *session, const ProjectionRow *row, const Handler *handler, int most,
						 bool keeps);

/* What the batch is about, for messages: "commit 17 (aggregate "a", version 3)", or "commits 1 to 100". */
extern char *batch_described(const Batch *batch);

#endif
