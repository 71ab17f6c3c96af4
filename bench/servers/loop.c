/*
 * loop.c: see loop.h. Those that wait are in a list in the order of their times, and one timer is set to the first.
 */
#define _GNU_SOURCE
#include "loop.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64

static int	epoll_fd;
static int	timer_fd;
static int	listener;
static int64_t delay_ns;
static Waiter *waiting;			/* by time */
static Waiter *to_be_freed;

/* Stand for the descriptors that are the loop's own. */
static Waiter of_listener;
static Waiter of_timer;
static Waiter of_stdin;

void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

void
watch(int operation, int fd, uint32_t wanted, Waiter *who)
{
	struct epoll_event event = {.events = wanted, .data.ptr = who};

	if (epoll_ctl(epoll_fd, operation, fd, &event) != 0)
		die("epoll_ctl");
}

void
wait_end(Waiter *who)
{
	for (Waiter **at = &waiting; who->waiting && *at != NULL; at = &(*at)->next)
		if (*at == who)
		{
			*at = who->next;
			break;
		}
	who->waiting = false;
}

void
wait_begin(Waiter *who)
{
	Waiter	  **at = &waiting;

	wait_end(who);
	who->due = now_ns() + delay_ns;
	while (*at != NULL && (*at)->due <= who->due)
		at = &(*at)->next;
	who->next = *at;
	*at = who;
	who->waiting = true;
}

bool
there_is_a_delay(void)
{
	return delay_ns > 0;
}

void
free_later(Waiter *who)
{
	wait_end(who);
	who->next = to_be_freed;
	to_be_freed = who;
}

static void
end_round(const LoopHandlers *handlers)
{
	int64_t		now = waiting != NULL ? now_ns() : 0;
	struct itimerspec when = {0};

	while (waiting != NULL && waiting->due <= now)
	{
		Waiter	   *who = waiting;

		wait_end(who);
		handlers->due(who);
	}
	if (waiting != NULL)
	{
		when.it_value.tv_sec = waiting->due / 1000000000;
		when.it_value.tv_nsec = waiting->due % 1000000000;
	}
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
	while (to_be_freed != NULL)
	{
		Waiter	   *next = to_be_freed->next;

		free(to_be_freed);
		to_be_freed = next;
	}
}

static void
accept_one(const LoopHandlers *handlers)
{
	int			fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int			on = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	handlers->accepted(fd);
}

/* false at the end of stdin. */
static bool
obey(const LoopHandlers *handlers)
{
	char		line[256];
	ssize_t		got = read(STDIN_FILENO, line, sizeof(line) - 1);

	if (got <= 0)
		return false;
	line[got] = '\0';
	if (strncmp(line, "delay ", 6) == 0)
		delay_ns = (int64_t) (strtod(line + 6, NULL) * 1e6);
	handlers->answer();
	fflush(stdout);
	handlers->command(line);
	return true;
}

static void
open_all(double delay_ms)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	length = sizeof(address);

	delay_ns = (int64_t) (delay_ms * 1e6);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *) &address, length) != 0 || listen(listener, 256) != 0
		|| getsockname(listener, (struct sockaddr *) &address, &length) != 0)
		die("listen");
	printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (epoll_fd < 0 || timer_fd < 0)
		die("epoll");
	watch(EPOLL_CTL_ADD, listener, EPOLLIN, &of_listener);
	watch(EPOLL_CTL_ADD, timer_fd, EPOLLIN, &of_timer);
	watch(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, &of_stdin);
}

void
loop_run(const LoopHandlers *handlers, double delay_ms)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	uint64_t	expirations;

	open_all(delay_ms);
	for (;;)
	{
		int			n = epoll_wait(epoll_fd, events, EVENTS_AT_ONCE, -1);

		for (int i = 0; i < n; i++)
		{
			Waiter	   *who = events[i].data.ptr;

			if (who == &of_listener)
				accept_one(handlers);
			else if (who == &of_timer)
				(void) !read(timer_fd, &expirations, sizeof(expirations));
			else if (who != &of_stdin)
				handlers->ready(who, events[i].events);
			else if (!obey(handlers))
				return;
		}
		end_round(handlers);
	}
}
