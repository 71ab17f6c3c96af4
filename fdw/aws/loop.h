/*
 * loop: libcurl's multi handle, and one descriptor behind which all is that it waits for. Only http.c uses this.
 *
 * libcurl tells which sockets it waits for, and until when. The sockets and a timer go into an epoll set. Whoever calls
 * libcurl, here or through `multi`, blocks all signals first.
 */
#ifndef DYNAMODB_ES_LOOP_H
#define DYNAMODB_ES_LOOP_H

#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* A socket that was opened for a connection; which events of epoll's it is there for. */
typedef struct LoopSocket
{
	bool		is_open;
	uint32_t	wanted;			/* by libcurl; 0: no request needs it */
	uint32_t	watched;		/* in the epoll set; 0: it is not in there */
} LoopSocket;

typedef struct Loop
{
	CURLM	   *multi;
	int			epoll_fd;
	int			timer_fd;
	int64_t		deadline;		/* when libcurl wants to be called, http_now_ms; -1: not at all */
	int64_t		armed;			/* what the timer is set to, until that has been seen; -1: off */
	int			open_sockets;
	LoopSocket *sockets;		/* by descriptor */
	int			nsockets;		/* the room for them */
} Loop;

/* Resolver threads start inside libcurl calls and take over the mask: no signal may ever be delivered to one of them. */
extern void signals_block(sigset_t *saved);
extern void signals_restore(const sigset_t *saved);

/* The loop stays where it is until it is closed. false with errno set, or 0 when memory ran out; loop_close in either case. */
extern bool loop_open(Loop *loop, int max_connections);
extern void loop_close(Loop *loop);

/* Has the descriptor readable when libcurl wants to be called, and at `deadline` (-1: none), or before. */
extern void loop_arm(Loop *loop, int64_t deadline);

/* Calls libcurl for the sockets that are ready, and sees whether the timer has gone off. */
extern void loop_run_sockets(Loop *loop);

/* Calls libcurl if it is time; the number of requests that it has not ended, or -1 if it is not. */
extern int	loop_run_timeout(Loop *loop, int64_t now);

/* The descriptor is readable also when `fd` is. false with errno set. */
extern bool loop_watch(Loop *loop, int fd);
extern void loop_unwatch(Loop *loop, int fd);

/* The sockets of this handle's connections are counted. */
extern bool loop_count_sockets(Loop *loop, CURL *easy);

/* The earlier one of two deadlines; -1 is none. */
extern int64_t loop_earlier(int64_t deadline, int64_t other);

#endif
