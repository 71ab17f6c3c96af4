/*
 * jitter: random fractions for pauses, so that those who failed together do not try again together. Not good enough
 * for secrets.
 */
#ifndef DYNAMODB_ES_JITTER_H
#define DYNAMODB_ES_JITTER_H

typedef struct Jitter
{
	unsigned short state[3];	/* erand48's */
} Jitter;

/* Begins a sequence of its own. Never waits for the system's randomness, and cannot fail. */
extern void jitter_init(Jitter *jitter);

/* The next fraction, in [0, 1). */
extern double jitter_next(Jitter *jitter);

#endif
