/*
 * loop: what the servers of the bench have in common: one thread, many connections, and things that go on when a given
 * delay is over.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/* What can wait for the delay: the first member of whatever it stands for, malloc'ed. */
typedef struct Waiter
{
	bool		waiting;
	int64_t		due;			/* ns */
	struct Waiter *next;		/* in the list of those that wait, or that are to be freed */
} Waiter;

typedef struct LoopHandlers
{
	void		(*accepted) (int fd);	/* a new connection, which does not block */
	void		(*ready) (Waiter *who, uint32_t events);	/* what watch() was told of */
	void		(*due) (Waiter *who);	/* its delay is over */
	void		(*answer) (void);	/* writes a line to stdout, for each line on stdin; then: */
	void		(*command) (const char *line);	/* what came on stdin; "delay MS" has been obeyed */
} LoopHandlers;

/* Ends the program with the error of the last system call. */
extern void die(const char *what) __attribute__((noreturn));

/* epoll_ctl on the loop's set. */
extern void watch(int operation, int fd, uint32_t wanted, Waiter *who);

/* Begins the delay, anew if it had begun; or ends it early, and nothing comes of it. */
extern void wait_begin(Waiter *who);
extern void wait_end(Waiter *who);

/* true while the delay is more than nothing. */
extern bool there_is_a_delay(void);

/* Frees it at the end of the round: events that are about it may be among those at hand. Once. */
extern void free_later(Waiter *who);

/*
 * Listens on a port of its own choice on 127.0.0.1, writes the URL as a line to stdout, and serves until stdin ends.
 */
extern void loop_run(const LoopHandlers *handlers, double delay_ms);

#endif
