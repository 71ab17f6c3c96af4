/*
 * call_settings: what differs from one call (call.h) to another.
 */
#ifndef DYNAMODB_ES_CALL_SETTINGS_H
#define DYNAMODB_ES_CALL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

typedef struct Call Call;

/*
 * Writes the body of a request that names the time at which it is sent, ms since the epoch. Whoever it belongs to sees
 * to it that `arg` outlives the call.
 */
typedef void (*CallWriter) (void *arg, int64_t now, ByteBuffer *body);

/* What differs from most requests; all zeroes: nothing does. */
typedef struct CallSettings
{
	CallWriter	writer;			/* of the body; NULL: it is given */
	void	   *writer_arg;
	bool		expects_page;	/* the answer is parsed as a page of items: call_take_page is how to get it */
	int64_t		deadline;		/* no retry is sent later (http_now_ms); 0: no such limit */
	int			patience_ms;	/* nor later than this after the first attempt was sent; 0: no such limit */
	int64_t		not_before;		/* the first attempt is not sent earlier (http_now_ms) */
	int			left_out_before;	/* BatchGetItem: so many answers in a row left out some of the keys */
	int			attempts;		/* that an earlier call has made, which this one continues; they count */
} CallSettings;

#endif
