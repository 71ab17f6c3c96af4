/*
 * transfer.c: how is one request put to libcurl, and how does its answer come out?
 */
#include "aws/transfer.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "aws/clock.h"
#include "aws/header.h"

/* Servers close idle connections after 60 to 90 s; older ones are not used again. */
#define MAX_IDLE_SECONDS 50L

/* DynamoDB's header has less than 1 KB. libcurl bounds a line, by 100 KB, but in some releases not their number. */
#define MAX_HEADER_BYTES (64 * 1024)
#define LONGEST_LINE_OF_CURL (100 * 1024)

/* CURLE_TOO_LARGE, of libcurl 8.6 and later. */
#define CODE_TOO_LARGE 100

/*
 * CURLOPT_PREREQFUNCTION: there is a connection, and the request is about to be sent. libcurl comes here again when a
 * connection that it had used before turns out to be dead; but a request of which anything has been sent may have
 * arrived, and is not its to repeat.
 */
static int
about_to_send(void *arg, char *their_ip, char *our_ip, int their_port, int our_port)
{
	HttpTransfer *transfer = arg;
	long		sent = 0;

	(void) their_ip;
	(void) our_ip;
	(void) their_port;
	(void) our_port;
	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
	if (transfer->answer.sent_ms != 0 && sent > transfer->sent_before)
		return CURL_PREREQFUNC_ABORT;
	transfer->sent_before = sent;
	transfer->answer.sent_ms = clock_machine_ms();
	return CURL_PREREQFUNC_OK;
}

/* CURLOPT_WRITEFUNCTION */
static size_t
body_arrived(char *bytes, size_t size, size_t count, void *arg)
{
	HttpTransfer *transfer = arg;
	size_t		length = size * count;

	if (transfer->answer.body.length + length > transfer->max_response_bytes)
	{
		transfer->answer_too_long = true;
		return 0;
	}
	buffer_append(&transfer->answer.body, bytes, length);
	return transfer->answer.body.failed ? 0 : length;
}

/* CURLOPT_HEADERFUNCTION */
static size_t
header_arrived(char *line, size_t size, size_t count, void *arg)
{
	HttpTransfer *transfer = arg;
	size_t		length = size * count;

	transfer->header_bytes += length;
	if (transfer->header_bytes > MAX_HEADER_BYTES)
		return 0;
	header_read(&transfer->answer, line, length);
	return length;
}

/*
 * The header lines as a list of libcurl's, in one piece of memory: the nodes, and behind them the texts. The last line is for
 * libcurl: without it, it asks first whether a large body is welcome, and waits for the answer.
 */
static bool
headers_copy(HttpTransfer *transfer, const HttpRequest *request)
{
	static const char no_expect[] = "Expect:";
	size_t		nodes = sizeof(struct curl_slist) * (request->nheaders + 1);
	struct curl_slist *headers;
	char	   *text;

	transfer->headers_size = nodes;
	for (size_t i = 0; i < request->nheaders; i++)
		transfer->headers_size += strlen(request->headers[i]) + 1;
	headers = malloc(transfer->headers_size + sizeof(no_expect));
	if (headers == NULL)
		return false;
	text = (char *) headers + nodes;
	for (size_t i = 0; i < request->nheaders; i++)
	{
		headers[i] = (struct curl_slist) {.data = text, .next = &headers[i + 1]};
		text = stpcpy(text, request->headers[i]) + 1;
	}
	headers[request->nheaders] = (struct curl_slist) {.data = strcpy(text, no_expect)};
	transfer->headers = headers;
	return true;
}

void
transfer_free_headers(HttpTransfer *transfer)
{
	/* A session token may be among them. */
	if (transfer->headers != NULL)
		OPENSSL_cleanse(transfer->headers, transfer->headers_size);
	free(transfer->headers);
}

bool
transfer_set_up_handle(CURL *easy)
{
#define SET(option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)
	return SET(CURLOPT_NOSIGNAL, 1L)
		&& SET(CURLOPT_QUICK_EXIT, 1L)
		&& SET(CURLOPT_PROTOCOLS_STR, "http,https")
		&& SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2)
		&& SET(CURLOPT_PROXY_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2)
		&& SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1)
		&& SET(CURLOPT_FOLLOWLOCATION, 0L)
		&& SET(CURLOPT_MAXAGE_CONN, MAX_IDLE_SECONDS)
		&& SET(CURLOPT_POST, 1L)
		&& SET(CURLOPT_PREREQFUNCTION, about_to_send)
		&& SET(CURLOPT_WRITEFUNCTION, body_arrived)
		&& SET(CURLOPT_HEADERFUNCTION, header_arrived);
}

bool
transfer_set_up(HttpTransfer *transfer, const HttpRequest *request, CURLU *url_parts)
{
	CURL	   *easy = transfer->easy;

	if (!headers_copy(transfer, request))
		return false;
	return (url_parts != NULL ? SET(CURLOPT_CURLU, url_parts) : SET(CURLOPT_URL, request->url))
		&& SET(CURLOPT_PRIVATE, transfer)
		&& SET(CURLOPT_ERRORBUFFER, transfer->error)
		&& SET(CURLOPT_CONNECTTIMEOUT_MS, (long) transfer->connect_timeout_ms)
		&& SET(CURLOPT_HTTPHEADER, transfer->headers)
		&& SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_length)
		&& SET(CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "")
		&& SET(CURLOPT_PREREQDATA, transfer)
		&& SET(CURLOPT_WRITEDATA, transfer)
		&& SET(CURLOPT_HEADERDATA, transfer)
		&& SET(CURLOPT_NOPROXY, request->direct ? "*" : NULL)
		&& (strcmp(request->method, "GET") != 0 || SET(CURLOPT_HTTPGET, 1L))
		&& (strcmp(request->method, "PUT") != 0 || SET(CURLOPT_CUSTOMREQUEST, "PUT"));
}

void
transfer_leave_handle(CURL *easy)
{
	(void) (SET(CURLOPT_ERRORBUFFER, NULL) && SET(CURLOPT_HTTPHEADER, NULL) && SET(CURLOPT_POSTFIELDS, NULL));
#undef SET
}

static FailureKind
curl_failure_kind(const HttpTransfer *transfer, CURLcode code)
{
	switch (code)
	{
		case CURLE_OUT_OF_MEMORY:
			return FAILURE_MEMORY;
		case CURLE_UNSUPPORTED_PROTOCOL:
			/* Once the request is on its way it is the answer's: one without a status line passes for HTTP/0.9. */
			return transfer->answer.sent_ms != 0 ? FAILURE_BAD_ANSWER : FAILURE_OTHER;
		case CURLE_URL_MALFORMAT:
			return FAILURE_OTHER;
		case CURLE_WEIRD_SERVER_REPLY:
		case CURLE_HTTP2:
			return FAILURE_BAD_ANSWER;
		default:
			return FAILURE_UNREACHABLE;
	}
}

/* Would libcurl have got the memory for its longest line? The compiler must not take that for granted. */
static bool
line_fits_into_memory(void)
{
	void	   *volatile room = malloc(2 * LONGEST_LINE_OF_CURL);
	bool		fits = room != NULL;

	free(room);
	return fits;
}

/* A line that is too long for libcurl it reports, until 8.6, as if memory had run out. */
static bool
header_is_too_long(const HttpTransfer *transfer, CURLcode code)
{
	return transfer->header_bytes > MAX_HEADER_BYTES || (int) code == CODE_TOO_LARGE
		|| (code == CURLE_OUT_OF_MEMORY && transfer->answer.sent_ms != 0 && line_fits_into_memory());
}

/*
 * libcurl's words; some of them repeat the URL of a proxy, in which a password may be. Where it is not understood that
 * is all of the variable, between quotes, and where its host is not found, whatever was taken for the host. The path of
 * a file of CAs is for superusers only.
 */
static const char *
words_of_curl(const HttpTransfer *transfer, CURLcode code)
{
	const char *words = transfer->error;

	if (words[0] == '\0' || code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_SSL_CACERT_BADFILE
		|| strstr(words, "://") != NULL || strchr(words, '@') != NULL
		|| (strstr(words, "proxy") != NULL && strchr(words, '\'') != NULL))
		return curl_easy_strerror(code);
	return words;
}

/* Without what came before the request: the wait for a connection, and the making of it. */
static int64_t
time_of_answer(CURL *easy)
{
	curl_off_t	total = 0;
	curl_off_t	before = 0;

	curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &total);
	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &before);
	return total - before;
}

void
transfer_finish(HttpTransfer *transfer, CURLcode code)
{
	long		number = 0;

	if (code == CURLE_OK)
	{
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &number);
		transfer->answer.status = (int) number;
		transfer->answer.took_us = time_of_answer(transfer->easy);
		transfer->state = STEP_DONE;
		if (!transfer->answer.body.failed)
			return;
	}
	transfer->state = STEP_FAILED;
	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &number);
	transfer->sent_nothing = transfer->answer.sent_ms == 0 || number == transfer->sent_before;
	if (transfer->answer_too_long)
		failure_set(&transfer->failure, FAILURE_TOO_LONG, NULL, "The answer is longer than %zu bytes",
					transfer->max_response_bytes);
	else if (transfer->answer.body.failed)
		failure_set(&transfer->failure, FAILURE_MEMORY, NULL, "out of memory");
	else if (header_is_too_long(transfer, code))
		failure_set(&transfer->failure, FAILURE_BAD_ANSWER, NULL, "the header of the answer is too long");
	else if (code == CURLE_ABORTED_BY_CALLBACK)
		failure_set(&transfer->failure, FAILURE_UNREACHABLE, NULL, "the connection was closed before an answer came");
	else
		failure_set(&transfer->failure, curl_failure_kind(transfer, code), NULL, "%s", words_of_curl(transfer, code));
}

StepResult
http_transfer_step(const HttpTransfer *transfer)
{
	return transfer->state;
}

HttpAnswer *
http_transfer_answer(HttpTransfer *transfer)
{
	return &transfer->answer;
}

const Failure *
http_transfer_failure(const HttpTransfer *transfer)
{
	return &transfer->failure;
}

bool
http_transfer_may_have_arrived(const HttpTransfer *transfer)
{
	return !(transfer->state == STEP_FAILED && transfer->sent_nothing);
}
