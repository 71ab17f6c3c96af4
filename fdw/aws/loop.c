/*
 * loop.c: how does one descriptor stand for all that libcurl waits for? See loop.h.
 */
#include "aws/loop.h"

#include <errno.h>
#include <pthread.h>
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

/* CURLMOPT_SOCKETFUNCTION: `known` is not NULL once the socket is in the epoll set. */
static int
socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	Loop	   *loop = arg;
	struct epoll_event event = {0};

	(void) easy;
	event.data.u64 = (uint64_t) fd;
	if (what == CURL_POLL_REMOVE)
	{
		/* The kernel drops a closed socket by itself, so an error here means no more than that. */
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, &event);
		curl_multi_assign(loop->multi, fd, NULL);
		return 0;
	}
	if (what != CURL_POLL_OUT)
		event.events |= EPOLLIN;
	if (what != CURL_POLL_IN)
		event.events |= EPOLLOUT;
	if (epoll_ctl(loop->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
		return -1;
	curl_multi_assign(loop->multi, fd, loop);
	return 0;
}

/* CURLOPT_OPENSOCKETFUNCTION: only libcurl knows which of its connections are idle, but sockets can be counted. */
static curl_socket_t
socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	Loop	   *loop = arg;
	int			fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void) purpose;
	loop->open_sockets += fd >= 0;
	return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

/* CURLOPT_CLOSESOCKETFUNCTION: also for connections whose transfer ended long ago. */
static int
socket_close(void *arg, curl_socket_t fd)
{
	Loop	   *loop = arg;

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
}

void
loop_run_sockets(Loop *loop)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int			nevents;
	int			running;

	nevents = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, 0);
	for (int i = 0; i < nevents; i++)
	{
		int			what = 0;
		uint64_t	expirations;

		if (events[i].data.u64 & WATCHED)
			continue;
		if (events[i].data.u64 == (uint64_t) loop->timer_fd)
		{
			if (read(loop->timer_fd, &expirations, sizeof(expirations)) > 0)
				loop->armed = -1;
			continue;
		}
		if (events[i].events & (EPOLLIN | EPOLLHUP))
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & EPOLLERR)
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(loop->multi, (curl_socket_t) events[i].data.u64, what, &running);
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
