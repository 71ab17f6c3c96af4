/*
 * http_now.c: see http_now.h.
 */
#include "aws/http_now.h"

#include <time.h>

int64_t
http_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
