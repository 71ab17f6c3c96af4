/*
 * read_ask: a read's state, and the requests that it sends. Only read.c uses this.
 */
#ifndef DYNAMODB_ES_READ_ASK_H
#define DYNAMODB_ES_READ_ASK_H

#include "dynamodb/call.h"
#include "dynamodb/page.h"
#include "store/read_spec.h"
#include "store/stream.h"

typedef struct ReadOperation ReadOperation;

struct ReadOperation
{
	Client	   *client;
	Usage	   *usage;
	StoreNames	names;
	ReadSpec	spec;
	Streams		streams;
	KeyBatches	batches;		/* of spec.keys */
	bool		takes_all;		/* as many of these as can be are active from the start */
	size_t		taken;			/* pages of the present size that were handed out */
	Call	   *head_call;		/* how far the keys go */
	int64_t		page_limit;		/* items of the next page; 0: as many as fit */
	ItemPage   *page;			/* the one whose items are handed out */
	int64_t		items_left;		/* of it */
	double		item_units;		/* what one of its items costs */
	const cJSON *first_item;	/* of it, where that was looked at before it is handed out */
	int64_t		wanted;			/* spec.wanted, until more is asked for */
	Stream	   *to_be_cut;		/* when the page at hand is used up; NULL: none */
	int64_t		received;		/* items of all pages so far */
	int64_t		pumped_at;		/* ms */
	int64_t		count;			/* count_only: so far */
	bool		failed;
	Failure		failure;
};

/*
 * Starts as many streams as may be active, and lets each active one ask for its next page, as far as the client's window
 * goes. The first one, for which the reader may be waiting, is never held back.
 */
extern void read_ask_pages(ReadOperation *read);

/* Sends the stream's request for its next page. */
extern void read_ask_page(ReadOperation *read, Stream *stream);

/* Makes each key of a batch that has no answer yet a Query. The stream is no more. */
extern void read_split_batch(ReadOperation *read, Stream *stream);

/* Asks how far the keys go. */
extern void read_ask_head(ReadOperation *read);

/* Is the stream's next page within the budget, whatever it costs? */
extern bool read_has_room(const ReadOperation *read, const Stream *stream);

/* The stream's page that is under way may cost so much; 0: none is. */
extern void read_promise(ReadOperation *read, Stream *stream, double units);

/* The read fails: by that failure, which is copied; of that kind, in these words; for want of memory. */
extern void read_fail(ReadOperation *read, const Failure *failure);
extern void read_fail_with(ReadOperation *read, FailureKind kind, const char *message);
extern void read_fail_memory(ReadOperation *read);

#endif
