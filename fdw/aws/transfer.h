/*
 * transfer: one request, as libcurl sees it: what libcurl is told of it, and what libcurl hands over. Only http.c uses this.
 * The sockets and timers that requests share are in loop.c.
 */
#ifndef DYNAMODB_ES_TRANSFER_H
#define DYNAMODB_ES_TRANSFER_H

#include <curl/curl.h>

#include "aws/message.h"

struct HttpTransfer
{
	struct HttpClient *client;
	HttpTransfer *previous;		/* in the client's list, while it is running */
	HttpTransfer *next;
	int64_t		deadline;		/* ms; moves on by the time in which nobody waits */
	CURL	   *easy;
	bool		is_usual;		/* its handle is kept for the next one (http.c) */
	struct curl_slist *headers;	/* with their texts */
	size_t		headers_size;
	long		sent_before;	/* bytes that had been sent before the request itself: to a proxy */
	int			timeout_ms;
	int			connect_timeout_ms;
	size_t		max_response_bytes;
	HttpAnswer	answer;
	size_t		header_bytes;	/* of all its header lines */
	bool		answer_too_long;
	bool		sent_nothing;
	StepResult	state;
	Failure		failure;
	char		error[CURL_ERROR_SIZE];
};

/* Tells a new handle what is the same for each request. false when memory ran out. */
extern bool transfer_set_up_handle(CURL *easy);

/*
 * Tells the handle of the request. It is new, or was left by another usual one. url_parts are those of the request's URL, or
 * NULL: then libcurl takes it apart; they stay as long as the handle. false when memory ran out. The caller frees the headers
 * (transfer_free_headers) in either case.
 */
extern bool transfer_set_up(HttpTransfer *transfer, const HttpRequest *request, CURLU *url_parts);

/* The handle forgets what belonged to its transfer. */
extern void transfer_leave_handle(CURL *easy);

/* libcurl has ended it with this code: DONE, or FAILED with the failure filled in. */
extern void transfer_finish(HttpTransfer *transfer, CURLcode code);

/* Wipes and frees the header lines. */
extern void transfer_free_headers(HttpTransfer *transfer);

#endif
