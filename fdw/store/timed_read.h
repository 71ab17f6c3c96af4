/*
 * timed_read: a read along the index, from which a span of time leaves a range of commit ids: the range is found first (time_bound.h).
 *
 * The range holds every commit of the span, and others beside: whoever reads it still compares the times.
 */
#ifndef DYNAMODB_ES_TIMED_READ_H
#define DYNAMODB_ES_TIMED_READ_H

#include "store/read.h"
#include "store/time_bound.h"

typedef struct TimedRead TimedRead;

/* As read_start has it; spec->path is READ_INDEX. It holds span->known. */
extern TimedRead *timed_read_start(Client *client, const StoreNames *names, const ReadSpec *spec, const TimeSpan *span, Usage *usage);

/* As those of read. */
extern ReadResult timed_read_next(TimedRead *timed, const cJSON **item);
extern bool timed_read_is_ready(TimedRead *timed);
extern int64_t timed_read_count(const TimedRead *timed);
extern const Failure *timed_read_failure(const TimedRead *timed);
extern void timed_read_free(TimedRead *timed);

#endif
