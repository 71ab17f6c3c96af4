/*
 * http_now: the clock by which requests and waits are timed.
 */
#ifndef DYNAMODB_ES_HTTP_NOW_H
#define DYNAMODB_ES_HTTP_NOW_H

#include <stdint.h>

/* A monotonic clock, ms. */
extern int64_t http_now_ms(void);

#endif
