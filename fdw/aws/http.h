/*
 * http: many HTTP requests at once behind a single file descriptor, and nothing that blocks.
 *
 * The descriptor is an epoll set that holds libcurl's sockets and one timer (libcurl's timeouts and the callers' own
 * wake-ups). It is readable whenever http_client_pump has something to do. Requests are POSTs or GETs of a body in memory;
 * answers are collected in memory, up to a limit, and left as they came: whoever reads them decodes them.
 *
 * libcurl is called with all signals blocked, since its resolver threads inherit the mask and must not run the
 * caller's handlers. A request is never sent twice by libcurl itself: a reused connection that turns out dead is an
 * error here (see transfer.c), because only the layers above know whether a second try is safe.
 */
#ifndef DYNAMODB_ES_HTTP_H
#define DYNAMODB_ES_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/http_now.h"
#include "aws/message.h"
#include "base/failure.h"

typedef struct HttpClient HttpClient;

typedef struct HttpSettings
{
	int			max_connections;	/* requests on the wire to one host at once; further ones queue */
	int			connect_timeout_ms;
	int			request_timeout_ms; /* of a request, as long as the caller waits for it (http_client_await) */
	size_t		max_response_bytes; /* a longer answer fails as FAILURE_TOO_LONG */
	const char *ca_file;		/* the CAs to trust instead of the system's (ca_file.h), or NULL; copied */
} HttpSettings;

/* NULL when memory or descriptors ran out, with *failure filled in. */
extern HttpClient *http_client_new(const HttpSettings *settings, Failure *failure);

/* Closes every connection. Transfers must have been freed before. NULL is allowed. */
extern void http_client_free(HttpClient *client);

/* To be waited on until it is readable. The client's. */
extern int	http_client_fd(const HttpClient *client);

/*
 * To be called before each wait for the descriptor. It sends the requests that were begun, and sets the timer. false: there
 * is something for the pump already, as where an answer has come at once; the descriptor does not tell, so do not wait.
 *
 * The time of a request counts from here to the pump that follows. It does not count while the caller does something else:
 * the answer to a request that was made ahead may have come long ago, unread. If no pump follows, because the caller was
 * interrupted or something else came first, the wait does not count.
 */
extern bool http_client_await(HttpClient *client);

/* Does what can be done now: moves bytes, notices timeouts, finishes transfers. To be called right after a wait. */
extern void http_client_pump(HttpClient *client);

/* Likewise, without having waited. */
extern void http_client_poll(HttpClient *client);

/*
 * From now on the client's descriptor is readable when `fd` is readable or at its end. The caller reads from fd, and calls
 * _unwatch before it closes fd. false with errno set.
 */
extern bool http_client_watch(HttpClient *client, int fd);
extern void http_client_unwatch(HttpClient *client, int fd);

/* The descriptor is readable at `when` (http_now_ms) at the latest. After that the call has no effect any more. */
extern void http_client_wake_at(HttpClient *client, int64_t when);

/*
 * No connection that is idle now is used again. To be called when one has failed: others may be dead, too. libcurl 8.22 and later
 * check an idle connection only once a second, and keep one whose answer broke off in its header. Older releases check it
 * each time, and need no telling.
 */
extern void http_client_distrust(HttpClient *client);

/* From now on there are no more connections to one host than that; at least 1. Those that are open stay. */
extern void http_client_limit_connections(HttpClient *client, int most);

/* Requests that have been started and have not ended, those included that wait for a connection. */
extern int	http_client_in_flight(const HttpClient *client);

/* Connections that are open and that no request needs at the moment. */
extern int	http_client_idle_connections(const HttpClient *client);

/*
 * Starts a request. All but the body is copied; that must outlive the transfer. NULL when memory ran out. The transfer
 * belongs to the caller, who frees it at any time: that ends it if it is still running.
 */
extern HttpTransfer *http_send(HttpClient *client, const HttpRequest *request);

extern void http_transfer_free(HttpTransfer *transfer);

#endif
