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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"

#define READ_BYTES ((size_t) 262144)

struct Pair;

/* One of the two sockets of a connection, and what is to be written to it. */
typedef struct End
{
	Waiter		waiter;			/* of the engine's: what is held for it */
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
	End			engine;			/* first: it is what waits, and the pair goes with it */
	End			client;
	bool		closed;
} Pair;

static struct sockaddr_in engine_address;

static void
pair_close(Pair *pair)
{
	if (pair->closed)
		return;
	close(pair->client.fd);
	close(pair->engine.fd);
	free(pair->client.held);
	free(pair->engine.held);
	pair->closed = true;
	free_later(&pair->engine.waiter);
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
		watch(EPOLL_CTL_MOD, end->fd, full ? EPOLLIN | EPOLLOUT : EPOLLIN, &end->waiter);
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
	if (to == &end->pair->engine && there_is_a_delay())
		wait_begin(&to->waiter);
	else
		end_write(to);
}

static void
end_open(End *end, End *other, int fd, Pair *pair)
{
	end->fd = fd;
	end->other = other;
	end->pair = pair;
	watch(EPOLL_CTL_ADD, fd, EPOLLIN, &end->waiter);
}

static void
pair_open(int fd)
{
	int			engine = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int			on = 1;
	Pair	   *pair = calloc(1, sizeof(Pair));

	if (pair == NULL || engine < 0)
		die("accept");
	setsockopt(engine, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(engine, (struct sockaddr *) &engine_address, sizeof(engine_address)) != 0 && errno != EINPROGRESS)
		die("connect");
	end_open(&pair->client, &pair->engine, fd, pair);
	end_open(&pair->engine, &pair->client, engine, pair);
}

static void
end_ready(Waiter *who, uint32_t events)
{
	End		   *end = (End *) who;

	if (end->pair->closed)
		return;
	if (events & EPOLLOUT)
		end_write(end);
	else
		end_read(end);
}

static void
end_due(Waiter *who)
{
	end_write((End *) who);
}

static void
command_ignore(const char *line)
{
}

static void
answer_nothing(void)
{
	puts("{}");
}

int
main(int argc, char **argv)
{
	const LoopHandlers handlers = {pair_open, end_ready, end_due, answer_nothing, command_ignore};

	if (argc < 2)
		return 2;
	engine_address = (struct sockaddr_in) {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	.sin_port = htons((uint16_t) atoi(argv[1]))};
	loop_run(&handlers, argc > 2 ? strtod(argv[2], NULL) : 0);
	return 0;
}
