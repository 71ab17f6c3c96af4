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
	struct curl_slist *headers;
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

/*
 * Sets up the handle, which must be new or reset, for the request. false when memory ran out. The caller frees the headers
 * (transfer_free_headers) and the handle in either case.
 */
extern bool transfer_set_up(HttpTransfer *transfer, const HttpRequest *request);

/* libcurl has ended it with this code: DONE, or FAILED with the failure filled in. */
extern void transfer_finish(HttpTransfer *transfer, CURLcode code);

/* Wipes and frees the header lines. */
extern void transfer_free_headers(HttpTransfer *transfer);

#endif
