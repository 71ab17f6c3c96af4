/*
 * http.c: how do many requests share one file descriptor without any of them blocking the caller?
 *
 * libcurl's multi interface tells which sockets and which timeout it waits for (socket_wanted, timer_wanted); both go
 * into one epoll set, whose descriptor is the only thing the caller has to wait on. http_client_pump then hands
 * libcurl what has happened.
 *
 * What one request is to libcurl is transfer.c's; what it means, whether it may be repeated, and what its answer says
 * is for the layers above.
 */
#include "aws/http.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "aws/transfer.h"

#define EVENTS_AT_ONCE 32
#define MAX_SPARE 64
#define WATCHED (UINT64_C(1) << 32) /* beside the descriptor of an event: none of libcurl's */

struct HttpClient
{
	HttpSettings settings;
	char	   *ca_file;		/* or NULL: the system's CAs */
	CURLM	   *multi;
	int			epoll_fd;
	int			timer_fd;
	int64_t		curl_deadline;	/* when libcurl wants to be called, ms; -1: not at all */
	int64_t		wake_deadline;	/* when a caller wants to be woken, ms; -1: not at all */
	HttpTransfer *running;		/* a list, linked by previous and next */
	int			in_flight;		/* its length */
	int64_t		counted_until;	/* the time up to which deadlines have been looked after, ms */
	bool		awaited;		/* since then the caller has been waiting */
	int64_t		armed;			/* what the timer is set to, ms, until that has been seen; -1: off */
	int			open_sockets;
	CURL	   *spare[MAX_SPARE];	/* handles of earlier requests, for the next */
	int			nspare;
};

int64_t
http_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Resolver threads start inside libcurl calls and take over the mask: no signal may ever be delivered to one of them.
 */
static void
signals_block(sigset_t *saved)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

static void
signals_restore(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

static int64_t
earlier(int64_t deadline, int64_t other)
{
	return deadline < 0 || (other >= 0 && other < deadline) ? other : deadline;
}

/* Sees to it that the timer goes off by the earliest of all deadlines. It may do so before: then it is set anew. */
static void
timer_arm(HttpClient *client)
{
	int64_t		deadline = earlier(client->curl_deadline, client->wake_deadline);
	struct itimerspec when = {0};

	for (const HttpTransfer *transfer = client->running; transfer != NULL; transfer = transfer->next)
		deadline = earlier(deadline, transfer->deadline);
	if (deadline < 0 || (client->armed >= 0 && client->armed <= deadline))
		return;
	client->armed = deadline;
	when.it_value.tv_sec = deadline / 1000;
	when.it_value.tv_nsec = deadline % 1000 * 1000000;
	if (when.it_value.tv_sec == 0 && when.it_value.tv_nsec == 0)
		when.it_value.tv_nsec = 1;	/* all zeroes would turn it off */
	timerfd_settime(client->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Calls libcurl if it is time; the number of requests that it has not ended, or -1 if it is not. */
static int
timeouts_run(HttpClient *client, int64_t now)
{
	int			running = -1;

	if (client->curl_deadline < 0 || client->curl_deadline > now)
		return -1;
	client->curl_deadline = -1;
	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	return running;
}

/* CURLMOPT_TIMERFUNCTION */
static int
timer_wanted(CURLM *multi, long timeout_ms, void *arg)
{
	HttpClient *client = arg;

	(void) multi;
	client->curl_deadline = timeout_ms < 0 ? -1 : http_now_ms() + timeout_ms;
	return 0;
}

/* CURLMOPT_SOCKETFUNCTION: `known` is not NULL once the socket is in the epoll set. */
static int
socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	HttpClient *client = arg;
	struct epoll_event event = {0};

	(void) easy;
	event.data.u64 = (uint64_t) fd;
	if (what == CURL_POLL_REMOVE)
	{
		/* The kernel drops a closed socket by itself, so an error here means no more than that. */
		epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, fd, &event);
		curl_multi_assign(client->multi, fd, NULL);
		return 0;
	}
	if (what != CURL_POLL_OUT)
		event.events |= EPOLLIN;
	if (what != CURL_POLL_IN)
		event.events |= EPOLLOUT;
	if (epoll_ctl(client->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
		return -1;
	curl_multi_assign(client->multi, fd, client);
	return 0;
}

/* CURLOPT_OPENSOCKETFUNCTION: only libcurl knows which of its connections are idle, but sockets can be counted. */
static curl_socket_t
socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	HttpClient *client = arg;
	int			fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void) purpose;
	client->open_sockets += fd >= 0;
	return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

/* CURLOPT_CLOSESOCKETFUNCTION: also for connections whose transfer ended long ago. */
static int
socket_close(void *arg, curl_socket_t fd)
{
	HttpClient *client = arg;

	client->open_sockets--;
	return close(fd);
}

/* Once in each process, on first use: never in a postmaster, whose children would share the state. */
static bool
curl_ready(void)
{
	static bool ready = false;

	if (!ready)
	{
		sigset_t	saved;

		signals_block(&saved);
		ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
		signals_restore(&saved);
	}
	return ready;
}

static bool
client_open(HttpClient *client)
{
	struct epoll_event event = {.events = EPOLLIN};

	client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	client->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (client->epoll_fd < 0 || client->timer_fd < 0)
		return false;
	event.data.u64 = (uint64_t) client->timer_fd;
	if (epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, client->timer_fd, &event) != 0)
		return false;

	client->multi = curl_multi_init();
	return client->multi != NULL
		&& curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted) == CURLM_OK
		&& curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK
		&& curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, timer_wanted) == CURLM_OK
		&& curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client) == CURLM_OK
		&& curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING) == CURLM_OK
		&& curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long) client->settings.max_connections) == CURLM_OK
		&& curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
							 (long) client->settings.max_connections) == CURLM_OK;
}

HttpClient *
http_client_new(const HttpSettings *settings, Failure *failure)
{
	HttpClient *client = calloc(1, sizeof(HttpClient));
	sigset_t	saved;
	bool		opened;
	int			saved_errno;

	if (client == NULL || !curl_ready())
	{
		free(client);
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
		return NULL;
	}
	client->settings = *settings;
	if (settings->ca_file != NULL && (client->ca_file = strdup(settings->ca_file)) == NULL)
	{
		free(client);
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
		return NULL;
	}
	client->epoll_fd = client->timer_fd = -1;
	client->curl_deadline = client->wake_deadline = client->armed = -1;

	errno = 0;
	signals_block(&saved);
	opened = client_open(client);
	saved_errno = errno;
	signals_restore(&saved);
	if (!opened)
	{
		failure_set(failure, saved_errno == EMFILE || saved_errno == ENFILE ? FAILURE_OTHER : FAILURE_MEMORY, NULL,
					"could not set up an HTTP client: %s", saved_errno != 0 ? strerror(saved_errno) : "out of memory");
		http_client_free(client);
		return NULL;
	}
	return client;
}

void
http_client_free(HttpClient *client)
{
	sigset_t	saved;

	if (client == NULL)
		return;
	while (client->nspare > 0)
		curl_easy_cleanup(client->spare[--client->nspare]);
	if (client->multi != NULL)
	{
		signals_block(&saved);
		curl_multi_cleanup(client->multi);
		signals_restore(&saved);
	}
	if (client->timer_fd >= 0)
		close(client->timer_fd);
	if (client->epoll_fd >= 0)
		close(client->epoll_fd);
	free(client->ca_file);
	free(client);
}

int
http_client_fd(const HttpClient *client)
{
	return client->epoll_fd;
}

int
http_client_in_flight(const HttpClient *client)
{
	return client->in_flight;
}

int
http_client_idle_connections(const HttpClient *client)
{
	int			idle = client->open_sockets - http_client_in_flight(client);

	return idle > 0 ? idle : 0;
}

void
http_client_limit_connections(HttpClient *client, int most)
{
	curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long) most);
}

void
http_client_distrust(HttpClient *client)
{
#ifdef CURLMNWC_CLEAR_CONNS
	sigset_t	saved;

	signals_block(&saved);
	curl_multi_setopt(client->multi, CURLMOPT_NETWORK_CHANGED, (long) CURLMNWC_CLEAR_CONNS);
	signals_restore(&saved);
#endif
}

bool
http_client_watch(HttpClient *client, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = WATCHED | (uint64_t) fd};

	return epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void
http_client_unwatch(HttpClient *client, int fd)
{
	struct epoll_event event = {0};

	epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, fd, &event);
}

void
http_client_wake_at(HttpClient *client, int64_t when)
{
	if (client->wake_deadline < 0 || when < client->wake_deadline)
	{
		client->wake_deadline = when;
		timer_arm(client);
	}
}

static void
transfer_link(HttpTransfer *transfer)
{
	HttpClient *client = transfer->client;

	if (client->running != NULL)
		client->running->previous = transfer;
	transfer->next = client->running;
	client->running = transfer;
	client->in_flight++;
}

/* false: it was not in the list. */
static bool
transfer_unlink(HttpTransfer *transfer)
{
	if (transfer->previous == NULL && transfer->client->running != transfer)
		return false;
	if (transfer->previous != NULL)
		transfer->previous->next = transfer->next;
	else
		transfer->client->running = transfer->next;
	if (transfer->next != NULL)
		transfer->next->previous = transfer->previous;
	transfer->previous = transfer->next = NULL;
	transfer->client->in_flight--;
	return true;
}

/*
 * Only the time in which the caller waits counts: an answer may be long here, and unread, while it does something
 * else.
 */
static void
deadlines_count(HttpClient *client)
{
	int64_t		now = http_now_ms();

	for (HttpTransfer *transfer = client->running; transfer != NULL && !client->awaited; transfer = transfer->next)
		transfer->deadline += now - client->counted_until;
	client->counted_until = now;
}

static void
deadlines_check(HttpClient *client)
{
	HttpTransfer *next;

	for (HttpTransfer *transfer = client->running; transfer != NULL; transfer = next)
	{
		next = transfer->next;
		if (transfer->deadline > client->counted_until)
			continue;
		snprintf(transfer->error, sizeof(transfer->error), "no answer came within %d milliseconds",
				 transfer->timeout_ms);
		transfer_finish(transfer, CURLE_OPERATION_TIMEDOUT);
		transfer_unlink(transfer);
		curl_multi_remove_handle(client->multi, transfer->easy);
	}
}

/*
 * A connection that could not be made in time, but nobody was there to make it, is tried anew; not one that is to take
 * the place of a dead one, on which the request may have gone out.
 */
static bool
transfer_begin_again(HttpTransfer *transfer, CURLcode code)
{
	CURLM	   *multi = transfer->client->multi;

	if (code != CURLE_OPERATION_TIMEDOUT || transfer->client->awaited || transfer->answer.sent_ms != 0)
		return false;
	curl_multi_remove_handle(multi, transfer->easy);
	return curl_multi_add_handle(multi, transfer->easy) == CURLM_OK;
}

static void
transfers_collect(HttpClient *client)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL)
	{
		HttpTransfer *transfer = NULL;
		CURL	   *easy = message->easy_handle;
		CURLcode	code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &transfer);
		if (transfer_begin_again(transfer, code))
			continue;
		transfer_finish(transfer, code);
		transfer_unlink(transfer);
		curl_multi_remove_handle(client->multi, easy);
	}
}

/*
 * What was begun since the last wait is sent now: libcurl would ask for a timer of 0 ms, and so for one more wait. What
 * ends in there stays as it is until the pump, which must be soon then, since libcurl will not ask for it.
 */
static void
transfers_push(HttpClient *client)
{
	sigset_t	saved;
	int			running;

	if (client->curl_deadline < 0 || client->curl_deadline > client->counted_until)
		return;
	signals_block(&saved);
	running = timeouts_run(client, client->counted_until);
	signals_restore(&saved);
	if (running >= 0 && running < client->in_flight)
		client->curl_deadline = client->counted_until;
}

/* A wait that no pump has ended may have been over for long. */
static void
wait_void(HttpClient *client)
{
	client->awaited = false;
	deadlines_count(client);
}

void
http_client_await(HttpClient *client)
{
	wait_void(client);
	client->awaited = true;
	transfers_push(client);
	timer_arm(client);
}

void
http_client_pump(HttpClient *client)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	sigset_t	saved;
	int			nevents;
	int			running;
	int64_t		now;

	deadlines_count(client);
	signals_block(&saved);
	nevents = epoll_wait(client->epoll_fd, events, EVENTS_AT_ONCE, 0);
	for (int i = 0; i < nevents; i++)
	{
		int			what = 0;
		uint64_t	expirations;

		if (events[i].data.u64 & WATCHED)
			continue;
		if (events[i].data.u64 == (uint64_t) client->timer_fd)
		{
			if (read(client->timer_fd, &expirations, sizeof(expirations)) > 0)
				client->armed = -1;
			continue;
		}
		if (events[i].events & (EPOLLIN | EPOLLHUP))
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & EPOLLERR)
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(client->multi, (curl_socket_t) events[i].data.u64, what, &running);
	}

	now = http_now_ms();
	timeouts_run(client, now);
	if (client->wake_deadline >= 0 && client->wake_deadline <= now)
		client->wake_deadline = -1;
	transfers_collect(client);
	deadlines_check(client);
	client->awaited = false;
	timer_arm(client);
	signals_restore(&saved);
}

void
http_client_poll(HttpClient *client)
{
	wait_void(client);
	http_client_pump(client);
}

/* A handle as curl_easy_init makes it. */
static CURL *
easy_take(HttpClient *client)
{
	return client->nspare > 0 ? client->spare[--client->nspare] : curl_easy_init();
}

/* To the next request, unless it may hold what was secret. No transfer is left in it, so no signals need be blocked. */
static void
easy_give(HttpClient *client, CURL *easy, bool secret)
{
	if (secret || client->nspare == MAX_SPARE)
	{
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_reset(easy);
	client->spare[client->nspare++] = easy;
}

/* A directory of the system's would be asked beside the file. */
static bool
trust(CURL *easy, const char *ca_file)
{
	return ca_file == NULL
		|| (curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK
			&& curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK);
}

static bool
transfer_begin(HttpTransfer *transfer, const HttpRequest *request)
{
	HttpClient *client = transfer->client;

	transfer->easy = easy_take(client);
	return transfer->easy != NULL
		&& transfer_set_up(transfer, request)
		&& trust(transfer->easy, client->ca_file)
		&& curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETFUNCTION, socket_open) == CURLE_OK
		&& curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETDATA, client) == CURLE_OK
		&& curl_easy_setopt(transfer->easy, CURLOPT_CLOSESOCKETFUNCTION, socket_close) == CURLE_OK
		&& curl_easy_setopt(transfer->easy, CURLOPT_CLOSESOCKETDATA, client) == CURLE_OK
		&& curl_multi_add_handle(client->multi, transfer->easy) == CURLM_OK;
}

HttpTransfer *
http_send(HttpClient *client, const HttpRequest *request)
{
	HttpTransfer *transfer = calloc(1, sizeof(HttpTransfer));
	sigset_t	saved;
	bool		begun;

	if (transfer == NULL)
		return NULL;
	transfer->client = client;
	transfer->state = STEP_PENDING;
	transfer->answer.retry_after_ms = -1;
	transfer->answer.date_ms = transfer->answer.took_us = -1;
	transfer->answer.body.secret = request->secret;
	transfer->timeout_ms = request->timeout_ms != 0 ? request->timeout_ms : client->settings.request_timeout_ms;
	transfer->connect_timeout_ms =
		request->timeout_ms != 0 ? request->timeout_ms : client->settings.connect_timeout_ms;
	transfer->max_response_bytes =
		request->max_response_bytes != 0 ? request->max_response_bytes : client->settings.max_response_bytes;

	signals_block(&saved);
	begun = transfer_begin(transfer, request);
	wait_void(client);
	transfer->deadline = client->counted_until + transfer->timeout_ms;
	transfer_link(transfer);
	signals_restore(&saved);
	if (!begun)
	{
		http_transfer_free(transfer);
		return NULL;
	}
	return transfer;
}

void
http_transfer_free(HttpTransfer *transfer)
{
	sigset_t	saved;

	if (transfer == NULL)
		return;
	if (transfer_unlink(transfer) && transfer->easy != NULL)
	{
		signals_block(&saved);
		curl_multi_remove_handle(transfer->client->multi, transfer->easy);
		timer_arm(transfer->client);
		signals_restore(&saved);
	}
	if (transfer->easy != NULL)
		easy_give(transfer->client, transfer->easy, transfer->answer.body.secret);
	transfer_free_headers(transfer);
	buffer_free(&transfer->answer.body);
	free(transfer);
}
