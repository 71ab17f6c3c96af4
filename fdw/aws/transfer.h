/*
 * transfer: one request at libcurl: what libcurl is told of it, and what it hands over. Only http.c uses this; that a
 * request shares sockets and timers with others is nothing to it.
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
	int64_t		deadline;		/* ms; moved by the time in which nobody waits */
	CURL	   *easy;
	struct curl_slist *headers;
	long		sent_before;	/* bytes, when the request was about to be sent: what a proxy was told */
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
 * Tells its handle, which must be as a new one, everything about the request. false when memory ran out; transfer_free_headers
 * and the handle are the caller's all the same.
 */
extern bool transfer_set_up(HttpTransfer *transfer, const HttpRequest *request);

/* libcurl has ended it with this code: DONE, or FAILED with the failure filled in. */
extern void transfer_finish(HttpTransfer *transfer, CURLcode code);

/* Wipes and frees the header lines. */
extern void transfer_free_headers(HttpTransfer *transfer);

#endif
