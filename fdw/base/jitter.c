/*
 * jitter.c: where does a sequence of random fractions begin?
 */
#include "base/jitter.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void
jitter_init(Jitter *jitter)
{
	if (getrandom(jitter->state, sizeof(jitter->state), GRND_NONBLOCK) < 0)
		memcpy(jitter->state, &jitter, sizeof(jitter->state));	/* where it lies: pauses need no better */
}

double
jitter_next(Jitter *jitter)
{
	return erand48(jitter->state);
}
