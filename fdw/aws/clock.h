/*
 * clock: the time as the server has it, which is the time to sign with.
 *
 * AWS refuses a signature whose time is more than five minutes wrong, and not every machine's clock is right. Each answer
 * carries the server's time. A large difference to this machine's is kept, and signatures are corrected by it. Source: the AWS
 * SDKs' specification of clock skew correction, 2026. The variable AWS_DISABLE_CLOCK_SKEW_CORRECTION=true turns it
 * off.
 */
#ifndef DYNAMODB_ES_CLOCK_H
#define DYNAMODB_ES_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "aws/message.h"

typedef struct ServerClock
{
	int64_t		offset_ms;		/* the server's time less this machine's */
	int64_t		latest_stamp_ms;	/* the latest time that a commit was given */
	int64_t		latest_stored_ms;	/* likewise, of those that may be in the store */
	bool		fixed;			/* no correction: the offset stays 0 */
} ServerClock;

/* Looks at the environment. */
extern void clock_init(ServerClock *clock);

/* This machine's time, ms since the epoch. */
extern int64_t clock_machine_ms(void);

/* The server's time as far as it is known, in milliseconds and in seconds since the epoch. */
extern int64_t clock_now_ms(const ServerClock *clock);
extern time_t clock_now(const ServerClock *clock);

/*
 * The time for a commit, ms since the epoch: the server's, but never earlier than one that was given before. A clock
 * that is put right may go back, and later commits would seem to be older ones.
 */
extern int64_t clock_stamp(ServerClock *clock);

/* A commit of that time may be in the store. */
extern void clock_keep_stamp(ServerClock *clock, int64_t stamp_ms);

/* The times given since were wrong, and the commits with them were refused. Later commits may be earlier than these. */
extern void clock_drop_stamps(ServerClock *clock);

/*
 * Learns the difference from an answer of the service itself, a success or an error. It ignores answers of a cache, answers that
 * took over 15 minutes, differences of up to 4 minutes, and differences that the time of the answer can explain.
 */
extern void clock_observe(ServerClock *clock, const HttpAnswer *answer);

/*
 * true when a wrong time may be the reason for this error code. If the offset is another one now, a second try is worth it.
 */
extern bool clock_explains(const char *error_code);

#endif
