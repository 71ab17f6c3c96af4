/*
 * message: a request as it is to be sent, an answer as it came back, and the transfer between the two (http.h starts it).
 */
#ifndef DYNAMODB_ES_MESSAGE_H
#define DYNAMODB_ES_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/failure.h"
#include "base/step.h"

typedef struct HttpRequest
{
	const char *method;			/* "GET", "POST" or "PUT" */
	const char *url;
	const char *const *headers;	/* lines, "Name: value" */
	size_t		nheaders;
	const void *body;
	size_t		body_length;
	int			timeout_ms;		/* 0: the client's timeouts; otherwise for connecting, too */
	size_t		max_response_bytes; /* 0: the client's */
	bool		secret;			/* the answer holds secrets: its memory is wiped when it goes */
	bool		direct;			/* not by way of a proxy */
} HttpRequest;

/* What came back. It belongs to the transfer. */
typedef struct HttpAnswer
{
	int			status;
	ByteBuffer		body;			/* as received, before any decoding */
	char		crc32[16];		/* the x-amz-crc32 header, or empty */
	char		encoding[16];	/* the Content-Encoding header, lower case, cut to fit; or empty */
	int64_t		retry_after_ms; /* the x-amz-retry-after header, or -1 */
	int64_t		date_ms;		/* the Date header, ms since the epoch; -1: none */
	bool		has_request_id; /* an x-amzn-requestid header: AWS has answered, or what speaks as it does */
	char		error_type[128];	/* the x-amzn-errortype header, cut to fit; or empty */
	bool		has_age;		/* an Age header: a cache has answered, and Date is that of long ago */
	int64_t		sent_ms;		/* this machine's clock when the request went out, ms since the epoch; 0: it never did */
	int64_t		received_ms;	/* and when the answer began */
	int64_t		took_us;		/* from the request on its connection to the end of the answer; -1: there was none */
} HttpAnswer;

typedef struct HttpTransfer HttpTransfer;

/* PENDING, DONE (an answer came, whatever its status) or FAILED. */
extern StepResult http_transfer_step(const HttpTransfer *transfer);
extern HttpAnswer *http_transfer_answer(HttpTransfer *transfer);
extern const Failure *http_transfer_failure(const HttpTransfer *transfer);

/*
 * For a FAILED one: false when the request certainly never reached the other side (no connection was made; what a proxy
 * is asked to connect to is no part of it).
 */
extern bool http_transfer_may_have_arrived(const HttpTransfer *transfer);

#endif
