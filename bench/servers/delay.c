/*
 * delay.c: a network's distance before an engine of this machine.
 *
 * usage: delay ENGINE-PORT [MS]
 *
 * It passes bytes on, what comes from the client not before so many milliseconds have gone by, what comes from the
 * engine at once. So each request takes that much longer, however many are under way. It listens on a port of its own
 * choice on 127.0.0.1, writes the URL as a line to stdout, and runs until stdin ends. A line "delay MS" on stdin sets
 * another delay, and is answered by a line.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64
#define READ_BYTES ((size_t) 262144)

struct Pair;

/* One of the two sockets of a connection, and what is to be written to it. */
typedef struct End
{
	int			fd;
	struct Pair *pair;
	struct End *other;
	char	   *held;			/* malloc'ed; what has come from the other end and not gone out here */
	size_t		held_length;
	size_t		held_room;
	bool		watched;		/* for room to write */
} End;

typedef struct Pair
{
	End			client;
	End			engine;
	bool		waiting;
	bool		closed;
	int64_t		due;			/* when what is held for the engine may go, ns */
	struct Pair *next;			/* in the list of those that wait, or that are closed */
} Pair;

static int	epoll_fd;
static int	timer_fd;
static int64_t delay_ns;
static Pair *waiting;			/* by time */
static Pair *closed;
static struct sockaddr_in engine_address;

static void
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

static void
watch(int operation, int fd, uint32_t wanted, void *who)
{
	struct epoll_event event = {.events = wanted, .data.ptr = who};

	if (epoll_ctl(epoll_fd, operation, fd, &event) != 0)
		die("epoll_ctl");
}

static void
wait_end(Pair *pair)
{
	for (Pair **at = &waiting; pair->waiting && *at != NULL; at = &(*at)->next)
		if (*at == pair)
		{
			*at = pair->next;
			break;
		}
	pair->waiting = false;
}

static void
wait_begin(Pair *pair)
{
	Pair	  **at = &waiting;

	wait_end(pair);
	pair->due = now_ns() + delay_ns;
	while (*at != NULL && (*at)->due <= pair->due)
		at = &(*at)->next;
	pair->next = *at;
	*at = pair;
	pair->waiting = true;
}

static void
pair_close(Pair *pair)
{
	if (pair->closed)
		return;
	wait_end(pair);
	close(pair->client.fd);
	close(pair->engine.fd);
	free(pair->client.held);
	free(pair->engine.held);
	pair->closed = true;
	pair->next = closed;
	closed = pair;
}

static void
closed_free(void)
{
	while (closed != NULL)
	{
		Pair	   *next = closed->next;

		free(closed);
		closed = next;
	}
}

static void
end_write(End *end)
{
	ssize_t		put = send(end->fd, end->held, end->held_length, MSG_NOSIGNAL);
	bool		full;

	if (put < 0 && errno != EAGAIN)
	{
		pair_close(end->pair);
		return;
	}
	if (put > 0)
	{
		end->held_length -= (size_t) put;
		memmove(end->held, end->held + put, end->held_length);
	}
	full = end->held_length > 0;
	if (full != end->watched)
		watch(EPOLL_CTL_MOD, end->fd, full ? EPOLLIN | EPOLLOUT : EPOLLIN, end);
	end->watched = full;
}

static void
end_hold(End *end, const char *bytes, size_t length)
{
	if (end->held_length + length > end->held_room)
	{
		end->held_room = (end->held_length + length) * 2;
		end->held = realloc(end->held, end->held_room);
		if (end->held == NULL)
			die("realloc");
	}
	memcpy(end->held + end->held_length, bytes, length);
	end->held_length += length;
}

static void
end_read(End *end)
{
	static char bytes[READ_BYTES];
	ssize_t		got = read(end->fd, bytes, READ_BYTES);
	End		   *to = end->other;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
	{
		pair_close(end->pair);
		return;
	}
	end_hold(to, bytes, (size_t) got);
	if (to == &end->pair->engine && delay_ns > 0)
		wait_begin(end->pair);
	else
		end_write(to);
}

static void
waiting_let_go(void)
{
	int64_t		now = waiting != NULL ? now_ns() : 0;
	struct itimerspec when = {0};

	while (waiting != NULL && waiting->due <= now)
	{
		Pair	   *pair = waiting;

		wait_end(pair);
		end_write(&pair->engine);
	}
	if (waiting != NULL)
	{
		when.it_value.tv_sec = waiting->due / 1000000000;
		when.it_value.tv_nsec = waiting->due % 1000000000;
	}
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void
end_open(End *end, End *other, int fd, Pair *pair)
{
	int			on = 1;

	end->fd = fd;
	end->other = other;
	end->pair = pair;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	watch(EPOLL_CTL_ADD, fd, EPOLLIN, end);
}

static void
pair_accept(int listener)
{
	int			fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int			engine = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	Pair	   *pair = calloc(1, sizeof(Pair));

	if (pair == NULL || fd < 0 || engine < 0)
		die("accept");
	if (connect(engine, (struct sockaddr *) &engine_address, sizeof(engine_address)) != 0 && errno != EINPROGRESS)
		die("connect");
	end_open(&pair->client, &pair->engine, fd, pair);
	end_open(&pair->engine, &pair->client, engine, pair);
}

static int
start_listening(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	length = sizeof(address);
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *) &address, length) != 0 || listen(fd, 256) != 0
		|| getsockname(fd, (struct sockaddr *) &address, &length) != 0)
		die("listen");
	printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

/* false at the end of stdin. */
static bool
obey(void)
{
	char		line[256];
	ssize_t		got = read(STDIN_FILENO, line, sizeof(line) - 1);

	if (got <= 0)
		return false;
	line[got] = '\0';
	if (strncmp(line, "delay ", 6) == 0)
		delay_ns = (int64_t) (strtod(line + 6, NULL) * 1e6);
	puts("{}");
	fflush(stdout);
	return true;
}

static void
serve(int listener)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	uint64_t	expirations;

	for (;;)
	{
		int			n = epoll_wait(epoll_fd, events, EVENTS_AT_ONCE, -1);

		for (int i = 0; i < n; i++)
		{
			void	   *who = events[i].data.ptr;
			End		   *end = who;

			if (who == NULL)
			{
				if (!obey())
					return;
			}
			else if (who == &epoll_fd)
				pair_accept(listener);
			else if (who == &timer_fd)
				(void) !read(timer_fd, &expirations, sizeof(expirations));
			else if (!end->pair->closed && (events[i].events & EPOLLOUT))
				end_write(end);
			else if (!end->pair->closed)
				end_read(end);
		}
		waiting_let_go();
		closed_free();
	}
}

int
main(int argc, char **argv)
{
	int			listener;

	if (argc < 2)
		return 2;
	delay_ns = argc > 2 ? (int64_t) (strtod(argv[2], NULL) * 1e6) : 0;
	engine_address = (struct sockaddr_in) {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	.sin_port = htons((uint16_t) atoi(argv[1]))};
	listener = start_listening();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (epoll_fd < 0 || timer_fd < 0)
		die("epoll");
	watch(EPOLL_CTL_ADD, listener, EPOLLIN, &epoll_fd);
	watch(EPOLL_CTL_ADD, timer_fd, EPOLLIN, &timer_fd);
	watch(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, NULL);
	serve(listener);
	return 0;
}
