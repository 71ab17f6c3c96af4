/*
 * loop.c: how does one descriptor stand for all that libcurl waits for? See loop.h.
 */
#include "aws/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "aws/http_now.h"

#define EVENTS_AT_ONCE 32
#define WATCHED (UINT64_C(1) << 32) /* beside the descriptor of an event: none of libcurl's */

void
signals_block(sigset_t *saved)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

void
signals_restore(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

int64_t
loop_earlier(int64_t deadline, int64_t other)
{
	return deadline < 0 || (other >= 0 && other < deadline) ? other : deadline;
}

/* The timer may go off before: then it is set anew. */
void
loop_arm(Loop *loop, int64_t deadline)
{
	struct itimerspec when = {0};

	deadline = loop_earlier(deadline, loop->deadline);
	if (deadline < 0 || (loop->armed >= 0 && loop->armed <= deadline))
		return;
	loop->armed = deadline;
	when.it_value.tv_sec = deadline / 1000;
	when.it_value.tv_nsec = deadline % 1000 * 1000000;
	if (when.it_value.tv_sec == 0 && when.it_value.tv_nsec == 0)
		when.it_value.tv_nsec = 1;	/* all zeroes would turn it off */
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

int
loop_run_timeout(Loop *loop, int64_t now)
{
	int			running = -1;

	if (loop->deadline < 0 || loop->deadline > now)
		return -1;
	loop->deadline = -1;
	curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	return running;
}

/* CURLMOPT_TIMERFUNCTION */
static int
timer_wanted(CURLM *multi, long timeout_ms, void *arg)
{
	Loop	   *loop = arg;

	(void) multi;
	loop->deadline = timeout_ms < 0 ? -1 : http_now_ms() + timeout_ms;
	return 0;
}

/* NULL: it is none that was opened by socket_open, but of libcurl's own, which it closes by itself. */
static LoopSocket *
loop_socket(const Loop *loop, curl_socket_t fd)
{
	return fd < loop->nsockets && loop->sockets[fd].is_open ? &loop->sockets[fd] : NULL;
}

static uint32_t
events_of(int what)
{
	switch (what)
	{
		case CURL_POLL_IN:
			return EPOLLIN;
		case CURL_POLL_OUT:
			return EPOLLOUT;
		case CURL_POLL_INOUT:
			return EPOLLIN | EPOLLOUT;
		default:
			return 0;			/* CURL_POLL_REMOVE */
	}
}

/*
 * Has the epoll set, in which the socket is for `watched`, look for `events` there; 0: it is not in the set. What seems
 * to be in there may not be: libcurl closes a socket that it could not connect without a word, and another gets its number.
 */
static bool
socket_watch(const Loop *loop, curl_socket_t fd, uint32_t watched, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t) fd};

	if (events == 0)
		return epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, &event) == 0;
	if (watched != 0 && epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
		return true;
	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/*
 * CURLMOPT_SOCKETFUNCTION. A connection that no request needs stays in the epoll set: most often the next request wants
 * the same of it. `known` is not NULL once a socket of libcurl's own is in the set.
 */
static int
socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	Loop	   *loop = arg;
	LoopSocket *socket = loop_socket(loop, fd);
	uint32_t	events = events_of(what);

	(void) easy;
	if (socket == NULL)
	{
		bool		changed = socket_watch(loop, fd, known != NULL ? EPOLLIN : 0, events);

		curl_multi_assign(loop->multi, fd, events != 0 ? loop : NULL);
		return changed || events == 0 ? 0 : -1; /* a closed socket is not in the set any more */
	}
	socket->wanted = events;
	if (events == 0 || events == socket->watched)
		return 0;
	if (!socket_watch(loop, fd, socket->watched, events))
		return -1;
	socket->watched = events;
	return 0;
}

static bool
loop_make_room(Loop *loop, int fd)
{
	LoopSocket *sockets;

	if (fd < loop->nsockets)
		return true;
	sockets = realloc(loop->sockets, sizeof(LoopSocket) * (size_t) (fd + 1));
	if (sockets == NULL)
		return false;
	memset(&sockets[loop->nsockets], 0, sizeof(LoopSocket) * (size_t) (fd + 1 - loop->nsockets));
	loop->sockets = sockets;
	loop->nsockets = fd + 1;
	return true;
}

/* CURLOPT_OPENSOCKETFUNCTION: only libcurl knows which of its connections are idle, but sockets can be counted. */
static curl_socket_t
socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	Loop	   *loop = arg;
	int			fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void) purpose;
	if (fd < 0)
		return CURL_SOCKET_BAD;
	if (!loop_make_room(loop, fd))
	{
		close(fd);
		return CURL_SOCKET_BAD;
	}
	loop->sockets[fd] = (LoopSocket) {.is_open = true};
	loop->open_sockets++;
	return fd;
}

/* CURLOPT_CLOSESOCKETFUNCTION: also for connections whose transfer ended long ago. */
static int
socket_close(void *arg, curl_socket_t fd)
{
	Loop	   *loop = arg;

	/* A child that has not yet become another program may have the socket, too: so the kernel may not drop it by itself. */
	if (loop->sockets[fd].watched != 0)
		socket_watch(loop, fd, loop->sockets[fd].watched, 0);
	loop->sockets[fd] = (LoopSocket) {0};
	loop->open_sockets--;
	return close(fd);
}

bool
loop_open(Loop *loop, int max_connections)
{
	struct epoll_event event = {.events = EPOLLIN};

	loop->deadline = loop->armed = -1;
	errno = 0;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->epoll_fd < 0 || loop->timer_fd < 0)
		return false;
	event.data.u64 = (uint64_t) loop->timer_fd;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &event) != 0)
		return false;

	loop->multi = curl_multi_init();
	return loop->multi != NULL
		&& curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted) == CURLM_OK
		&& curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop) == CURLM_OK
		&& curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, timer_wanted) == CURLM_OK
		&& curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop) == CURLM_OK
		&& curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING) == CURLM_OK
		&& curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long) max_connections) == CURLM_OK
		&& curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long) max_connections) == CURLM_OK;
}

void
loop_close(Loop *loop)
{
	if (loop->multi != NULL)
		curl_multi_cleanup(loop->multi);
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop->sockets);
}

/* Something has happened on a socket. */
static void
socket_ready(Loop *loop, curl_socket_t fd, uint32_t events)
{
	LoopSocket *socket = loop_socket(loop, fd);
	int			what = 0;
	int			running;

	if (socket != NULL && socket->wanted == 0)
	{
		/* No request needs it: its end has come, as libcurl will see. It must not wake anybody again. */
		if (socket->watched != 0)
			socket_watch(loop, fd, socket->watched, 0);
		socket->watched = 0;
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP))
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	curl_multi_socket_action(loop->multi, fd, what, &running);
}

void
loop_run_sockets(Loop *loop)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int			nevents;

	nevents = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, 0);
	for (int i = 0; i < nevents; i++)
	{
		uint64_t	expirations;

		if (events[i].data.u64 & WATCHED)
			continue;
		if (events[i].data.u64 != (uint64_t) loop->timer_fd)
			socket_ready(loop, (curl_socket_t) events[i].data.u64, events[i].events);
		else if (read(loop->timer_fd, &expirations, sizeof(expirations)) > 0)
			loop->armed = -1;
	}
}

bool
loop_watch(Loop *loop, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = WATCHED | (uint64_t) fd};

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void
loop_unwatch(Loop *loop, int fd)
{
	struct epoll_event event = {0};

	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, &event);
}

bool
loop_count_sockets(Loop *loop, CURL *easy)
{
	return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, socket_open) == CURLE_OK
		&& curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, loop) == CURLE_OK
		&& curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, socket_close) == CURLE_OK
		&& curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, loop) == CURLE_OK;
}
