/*
 * stream: what a read consists of: pieces of the access path, each followed page by page, in the order of delivery.
 *
 * Here is decided which streams there are, which of them are to be active, and where a long one is cut into ranges
 * (range.h). Nothing is sent: that, and what a page holds, is read.c's.
 */
#ifndef DYNAMODB_ES_STREAM_H
#define DYNAMODB_ES_STREAM_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dynamodb/call.h"
#include "dynamodb/paging.h"
#include "store/key_batch.h"
#include "store/range.h"
#include "store/read_spec.h"

typedef struct Stream
{
	struct Stream *next;
	const AggregateId *aggregate;	/* READ_AGGREGATE */
	KeyRange	range;			/* READ_AGGREGATE, READ_INDEX */
	int			segment;		/* READ_SCAN */
	KeyBatch	batch;			/* READ_AGGREGATE, instead of an aggregate and a range */
	bool		is_started;

	/* The request for its next page, which whoever reads fills in; owned. */
	Call	   *call;			/* its page under way, or waiting for its turn */
	cJSON	   *start_key;		/* where its next page begins; NULL: at the beginning */
	PagingTrail trail;			/* the start keys so far */
	int64_t		rest_not_before;	/* of a batch: when what was left out may be asked for (http_now_ms) */
	int			left_out;		/* of a batch: so many answers in a row left out keys */
	bool		is_limited;		/* the page under way is */
	double		promised;		/* the most that it can cost, in capacity units */
	bool		is_asked_again; /* its page was throttled to the end once, and has its second chance */

	/* For cutting it, stream.c's own. */
	bool		is_whole;		/* never to be cut */
	bool		awaits_head;	/* may not start before it is known how far the keys go */
	bool		has_first_page;
	bool		has_position;
	int64_t		position;		/* the first sort key that its next page can have */
} Stream;

/* Is it known how far the keys go? */
typedef enum HeadState
{
	HEAD_UNWANTED,				/* nobody needs to know */
	HEAD_WANTED,				/* to be asked for, and told by streams_cut_at_head */
	HEAD_KNOWN
} HeadState;

typedef struct Streams
{
	const ReadSpec *spec;
	Stream	   *first;			/* made and not at their end, in order; as soon as they are needed */
	size_t		ndescribed;		/* by the spec */
	size_t		nmade;			/* of these */
	size_t		nactive;		/* started and not at their end */
	bool		were_parallel;	/* several were active */
	bool		may_be_cut;		/* there is one in the spec, and it has sort keys */
	PageSpan	span;
	HeadState	head_state;
	int64_t		head;
} Streams;

/* Those of *spec, a view that must outlive them. To be freed by streams_free. */
extern void streams_init(Streams *streams, const ReadSpec *spec);

/* How many can be active at once, by what the spec says of the path. */
extern size_t streams_most(const Streams *streams);

/* Starts as many as may be active, and some more where pages wait for earlier ones. false when memory ran out. */
extern bool streams_start(Streams *streams, size_t parallel);

/* true unless its start key is no further on than the one before was, as far as their sort keys tell. */
extern bool stream_moves_on(const ReadSpec *spec, const cJSON *before, const cJSON *start_key);

/* true when its next page is there to be taken. */
extern bool stream_has_page(const Stream *stream);

/*
 * Where streams may be cut: learns from a page of the stream's, after its start_key has been set, how many keys a page
 * spans. `first_item` is the page's; NULL: it has none. true when the stream has more to come, and may be cut.
 */
extern bool stream_measure(Streams *streams, Stream *stream, const cJSON *page, const cJSON *first_item);

/*
 * Makes what does not fit into its next page a stream of its own; for the first time, this is all that is left, and
 * how far the keys go may become HEAD_WANTED. false when memory ran out.
 */
extern bool stream_cut(Streams *streams, Stream *stream);

/* That is known now: the last key there is, or INT64_MIN if that could not be learnt. false when memory ran out. */
extern bool streams_cut_at_head(Streams *streams, int64_t head);

/* Makes each key of the stream's batch that has no answer yet a stream of its own, by Query. false when memory ran out. */
extern bool stream_split_batch(Streams *streams, Stream *stream, const KeyBatches *batches);

/* Its last page has been taken: the stream is no more. */
extern void stream_end(Streams *streams, Stream *stream);
extern void streams_free(Streams *streams);

#endif
