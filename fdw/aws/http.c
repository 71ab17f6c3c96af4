/*
 * http.c: how do many requests share one file descriptor without any of them blocking the caller?
 *
 * All that libcurl waits for is behind one descriptor (loop.h), which is the only thing the caller has to wait on.
 * http_client_pump then hands libcurl what has happened.
 *
 * What one request is to libcurl is transfer.c's; what it means, whether it may be repeated, and what its answer says
 * is for the layers above.
 */
#include "aws/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/loop.h"
#include "aws/transfer.h"

#define MAX_SPARE 64

struct HttpClient
{
	HttpSettings settings;
	char	   *ca_file;		/* or NULL: the system's CAs */
	Loop		loop;
	int64_t		wake_deadline;	/* when a caller wants to be woken, ms; -1: not at all */
	HttpTransfer *running;		/* a list, linked by previous and next */
	int			in_flight;		/* its length */
	int64_t		counted_until;	/* the time up to which deadlines have been looked after, ms */
	bool		awaited;		/* since then the caller has been waiting */
	char	   *url;			/* of usual requests; NULL: there was none so far */
	CURLU	   *url_parts;		/* that, taken apart */
	CURL	   *spare[MAX_SPARE];	/* handles of usual requests, for the next */
	int			nspare;
};

/* Sees to it that the descriptor is readable at the earliest of all deadlines. It may be so before. */
static void
timer_arm(HttpClient *client)
{
	int64_t		deadline = client->wake_deadline;

	for (const HttpTransfer *transfer = client->running; transfer != NULL; transfer = transfer->next)
		deadline = loop_earlier(deadline, transfer->deadline);
	loop_arm(&client->loop, deadline);
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
	client->wake_deadline = -1;

	signals_block(&saved);
	opened = loop_open(&client->loop, settings->max_connections);
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
	signals_block(&saved);
	loop_close(&client->loop);
	signals_restore(&saved);
	curl_url_cleanup(client->url_parts);
	free(client->url);
	free(client->ca_file);
	free(client);
}

int
http_client_fd(const HttpClient *client)
{
	return client->loop.epoll_fd;
}

int
http_client_in_flight(const HttpClient *client)
{
	return client->in_flight;
}

int
http_client_idle_connections(const HttpClient *client)
{
	int			idle = client->loop.open_sockets - http_client_in_flight(client);

	return idle > 0 ? idle : 0;
}

void
http_client_limit_connections(HttpClient *client, int most)
{
	curl_multi_setopt(client->loop.multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long) most);
}

void
http_client_distrust(HttpClient *client)
{
#ifdef CURLMNWC_CLEAR_CONNS
	sigset_t	saved;

	signals_block(&saved);
	curl_multi_setopt(client->loop.multi, CURLMOPT_NETWORK_CHANGED, (long) CURLMNWC_CLEAR_CONNS);
	signals_restore(&saved);
#endif
}

bool
http_client_watch(HttpClient *client, int fd)
{
	return loop_watch(&client->loop, fd);
}

void
http_client_unwatch(HttpClient *client, int fd)
{
	loop_unwatch(&client->loop, fd);
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
		curl_multi_remove_handle(client->loop.multi, transfer->easy);
	}
}

/*
 * A connection that could not be made in time, but nobody was there to make it, is tried anew; not one that is to take
 * the place of a dead one, on which the request may have gone out.
 */
static bool
transfer_begin_again(HttpTransfer *transfer, CURLcode code)
{
	CURLM	   *multi = transfer->client->loop.multi;

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

	while ((message = curl_multi_info_read(client->loop.multi, &left)) != NULL)
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
		curl_multi_remove_handle(client->loop.multi, easy);
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

	if (client->loop.deadline < 0 || client->loop.deadline > client->counted_until)
		return;
	signals_block(&saved);
	running = loop_run_timeout(&client->loop, client->counted_until);
	signals_restore(&saved);
	if (running >= 0 && running < client->in_flight)
		client->loop.deadline = client->counted_until;
}

/* A wait that no pump has ended may have been over for long. */
static void
wait_void(HttpClient *client)
{
	client->awaited = false;
	deadlines_count(client);
}

static bool
is_due(const HttpClient *client)
{
	int64_t		deadline = loop_earlier(client->loop.deadline, client->wake_deadline);

	return deadline >= 0 && deadline <= client->counted_until;
}

bool
http_client_await(HttpClient *client)
{
	wait_void(client);
	client->awaited = true;
	transfers_push(client);
	if (is_due(client))
		return false;
	timer_arm(client);
	return true;
}

void
http_client_pump(HttpClient *client)
{
	sigset_t	saved;
	int64_t		now;

	deadlines_count(client);
	signals_block(&saved);
	loop_run_sockets(&client->loop);
	now = http_now_ms();
	loop_run_timeout(&client->loop, now);
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

/* A directory of the system's would be asked beside the file. */
static bool
trust(CURL *easy, const char *ca_file)
{
	return ca_file == NULL
		|| (curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK
			&& curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK);
}

static CURL *
easy_new(HttpClient *client)
{
	CURL	   *easy = curl_easy_init();

	if (easy != NULL && transfer_set_up_handle(easy) && trust(easy, client->ca_file)
		&& loop_count_sockets(&client->loop, easy))
		return easy;
	curl_easy_cleanup(easy);
	return NULL;
}

static CURL *
easy_take(HttpClient *client)
{
	return client->nspare > 0 ? client->spare[--client->nspare] : easy_new(client);
}

/* To the next request, if it may have it. No transfer is left in it, so no signals need be blocked. */
static void
easy_give(HttpClient *client, CURL *easy, bool may_be_kept)
{
	if (!may_be_kept || client->nspare == MAX_SPARE)
	{
		curl_easy_cleanup(easy);
		return;
	}
	transfer_leave_handle(easy);
	client->spare[client->nspare++] = easy;
}

/* The URL of the first usual request is taken apart once: libcurl would do so for each. */
static void
url_keep(HttpClient *client, const char *url)
{
	client->url = strdup(url);
	client->url_parts = curl_url();
	if (client->url != NULL && client->url_parts != NULL
		&& curl_url_set(client->url_parts, CURLUPART_URL, url, 0) == CURLUE_OK)
		return;
	curl_url_cleanup(client->url_parts);
	free(client->url);
	client->url = NULL;
	client->url_parts = NULL;
}

/* A POST to the service, without secrets in the answer: a handle that has sent one is as good as new for the next. */
static bool
request_is_usual(HttpClient *client, const HttpRequest *request)
{
	if (request->secret || strcmp(request->method, "POST") != 0)
		return false;
	if (client->url == NULL)
		url_keep(client, request->url);
	return client->url != NULL && strcmp(client->url, request->url) == 0;
}

static bool
transfer_begin(HttpTransfer *transfer, const HttpRequest *request)
{
	HttpClient *client = transfer->client;

	transfer->is_usual = request_is_usual(client, request);
	transfer->easy = transfer->is_usual ? easy_take(client) : easy_new(client);
	return transfer->easy != NULL
		&& transfer_set_up(transfer, request, transfer->is_usual ? client->url_parts : NULL)
		&& curl_multi_add_handle(client->loop.multi, transfer->easy) == CURLM_OK;
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
		curl_multi_remove_handle(transfer->client->loop.multi, transfer->easy);
		timer_arm(transfer->client);
		signals_restore(&saved);
	}
	if (transfer->easy != NULL)
		easy_give(transfer->client, transfer->easy, transfer->is_usual);
	transfer_free_headers(transfer);
	buffer_free(&transfer->answer.body);
	free(transfer);
}
