/*
 * http, transfer: what is said of a request that failed: whether it may have arrived, what kind of failure it is, and
 * what of libcurl's words is shown.
 */
#include "peer.h"

static HttpClient *
new_client(int request_timeout_ms)
{
	HttpSettings settings = {
		.max_connections = 2, .connect_timeout_ms = request_timeout_ms, .request_timeout_ms = request_timeout_ms,
		.max_response_bytes = 1024
	};
	Failure		failure;
	HttpClient *client = http_client_new(&settings, &failure);

	assert_non_null(client);
	return client;
}

/* Sends a request and waits until it has ended; it is the caller's. */
static HttpTransfer *
request(HttpClient *client, Peer *peer, const char *url)
{
	HttpRequest request = {.method = "POST", .url = url, .body = "{}", .body_length = 2};
	HttpTransfer *transfer = http_send(client, &request);

	assert_non_null(transfer);
	while (http_transfer_step(transfer) == STEP_PENDING)
		peer_turn(peer, client);
	return transfer;
}

static void
assert_failed(HttpTransfer *transfer, FailureKind kind, bool may_have_arrived)
{
	assert_int_equal(http_transfer_step(transfer), STEP_FAILED);
	assert_int_equal(http_transfer_failure(transfer)->kind, kind);
	assert_int_equal(http_transfer_may_have_arrived(transfer), may_have_arrived);
	http_transfer_free(transfer);
}

static const char *
url_of(const Peer *peer)
{
	static char url[64];

	snprintf(url, sizeof(url), "http://%s/", peer->address);
	return url;
}

/* The peer is the proxy of the environment. */
static void
set_proxy(const Peer *peer)
{
	setenv("https_proxy", url_of(peer), 1);
	setenv("http_proxy", url_of(peer), 1);
}

static int
forget_proxies(void **state)
{
	static const char *const names[] = {
		"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	return 0;
}

#define FAR "https://dynamodb.invalid/"

static void
what_a_proxy_refuses_to_pass_on_has_not_arrived(void **state)
{
	HttpClient *client = new_client(5000);
	Peer		peer;

	peer_open(&peer);
	set_proxy(&peer);
	peer.answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
	assert_failed(request(client, &peer, FAR), FAILURE_UNREACHABLE, false);
	assert_int_equal(peer.requests, 1);
	/* A tunnel in which no TLS comes about. */
	peer.answer = "HTTP/1.1 200 OK\r\n\r\n";
	peer.hangs_up = true;
	assert_failed(request(client, &peer, FAR), FAILURE_UNREACHABLE, false);
	assert_int_equal(peer.requests, 2);
	http_client_free(client);
	peer_close(&peer);
}

static void
what_a_silent_proxy_was_to_pass_on_has_not_arrived(void **state)
{
	HttpClient *client = new_client(1000);
	Peer		peer;

	peer_open(&peer);
	set_proxy(&peer);
	assert_failed(request(client, &peer, FAR), FAILURE_UNREACHABLE, false);
	assert_int_equal(peer.requests, 1);
	http_client_free(client);
	peer_close(&peer);
}

static void
what_a_proxy_was_sent_itself_may_have_arrived(void **state)
{
	HttpClient *client = new_client(5000);
	Peer		peer;

	peer_open(&peer);
	set_proxy(&peer);
	peer.hangs_up = true;
	assert_failed(request(client, &peer, "http://dynamodb.invalid/"), FAILURE_UNREACHABLE, true);
	assert_int_equal(peer.requests, 1);
	http_client_free(client);
	peer_close(&peer);
}

static void
what_was_sent_may_have_arrived(void **state)
{
	HttpClient *client = new_client(1000);
	HttpTransfer *transfer;
	Peer		peer;

	peer_open(&peer);
	assert_failed(request(client, &peer, url_of(&peer)), FAILURE_UNREACHABLE, true);
	assert_int_equal(peer.requests, 1);
	http_client_free(client);
	client = new_client(5000);
	peer.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
	transfer = request(client, &peer, url_of(&peer));
	assert_int_equal(http_transfer_step(transfer), STEP_DONE);
	http_transfer_free(transfer);
	/* On a connection that was used before, where libcurl would send it once more. */
	peer.answer = NULL;
	peer.hangs_up = true;
	assert_failed(request(client, &peer, url_of(&peer)), FAILURE_UNREACHABLE, true);
	assert_int_equal(peer.requests, 3);
	http_client_free(client);
	peer_close(&peer);
}

static void
what_found_no_connection_has_not_arrived(void **state)
{
	HttpClient *client = new_client(5000);
	Peer		peer;

	peer_open(&peer);
	assert_failed(request(client, &peer, "http://127.0.0.1:1/"), FAILURE_UNREACHABLE, false);
	http_client_free(client);
	peer_close(&peer);
}

static void
an_answer_that_is_not_http_is_a_bad_answer(void **state)
{
	HttpClient *client = new_client(5000);
	Peer		peer;

	peer_open(&peer);
	peer.answer = "\x15\x03 this is no HTTP\r\n\r\n";
	peer.hangs_up = true;
	assert_failed(request(client, &peer, url_of(&peer)), FAILURE_BAD_ANSWER, true);
	assert_failed(request(client, &peer, "ftp://127.0.0.1:1/"), FAILURE_OTHER, false);
	http_client_free(client);
	peer_close(&peer);
}

/* A status line, and this text so many times behind it. */
static char *
header_of(const char *text, int times)
{
	ByteBuffer	header = {0};

	buffer_puts(&header, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
	for (int i = 0; i < times; i++)
		buffer_puts(&header, text);
	buffer_puts(&header, "\r\n\r\n{}");
	assert_false(header.failed);
	return header.data;
}

static void
a_header_without_end_is_a_bad_answer(void **state)
{
	static const struct
	{
		const char *text;
		int			times;
	}			headers[] = {{"x-long: a line ", 10000}, {"x-many: lines\r\n", 5000}};
	HttpClient *client = new_client(5000);
	HttpTransfer *transfer;
	Peer		peer;
	char	   *answer = header_of("x-many: lines\r\n", 500);

	peer_open(&peer);
	peer.answer = answer;
	transfer = request(client, &peer, url_of(&peer));
	assert_int_equal(http_transfer_step(transfer), STEP_DONE);
	http_transfer_free(transfer);
	free(answer);
	for (size_t i = 0; i < 2; i++)
	{
		peer.answer = answer = header_of(headers[i].text, headers[i].times);
		transfer = request(client, &peer, url_of(&peer));
		assert_string_equal(http_transfer_failure(transfer)->message, "the header of the answer is too long");
		assert_failed(transfer, FAILURE_BAD_ANSWER, true);
		free(answer);
	}
	http_client_free(client);
	peer_close(&peer);
}

static void
no_words_show_what_a_proxy_variable_says(void **state)
{
	static const char *const proxies[] = {
		"http://user:hush@127.0.0.1:1", "user:hush@127.0.0.1:1", "user:hush", "user:hush:x", "http://hush", "hush:hush",
		"socks9://u:hush@h", "socks9://hush", "socks5://u:hush@127.0.0.1:1", "http://u:hu sh@127.0.0.1:1", "https://u:hush@127.0.0.1:1",
		"u:hush@@h:99999", "http://u:hush@nohost.invalid", ":hush", "u:hush%zz@h", "hush/secret:pass", "http://u:hush/x@127.0.0.1:1",
	};
	HttpClient *client = new_client(1000);
	Peer		peer;

	peer_open(&peer);
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
	{
		HttpTransfer *transfer;

		setenv("https_proxy", proxies[i], 1);
		transfer = request(client, &peer, FAR);
		if (strstr(http_transfer_failure(transfer)->message, "hu") != NULL)
			fail_msg("\"%s\" is shown: %s", proxies[i], http_transfer_failure(transfer)->message);
		assert_failed(transfer, http_transfer_failure(transfer)->kind, false);
	}
	http_client_free(client);
	peer_close(&peer);
}

static void
other_words_of_libcurl_are_shown(void **state)
{
	HttpClient *client = new_client(5000);
	HttpTransfer *transfer;
	Peer		peer;

	peer_open(&peer);
	transfer = request(client, &peer, "http://127.0.0.1:1/");
	assert_non_null(strstr(http_transfer_failure(transfer)->message, "127.0.0.1 port 1"));
	http_transfer_free(transfer);
	http_client_free(client);
	peer_close(&peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_a_proxy_refuses_to_pass_on_has_not_arrived, forget_proxies),
		cmocka_unit_test_setup(what_a_silent_proxy_was_to_pass_on_has_not_arrived, forget_proxies),
		cmocka_unit_test_setup(what_a_proxy_was_sent_itself_may_have_arrived, forget_proxies),
		cmocka_unit_test_setup(what_was_sent_may_have_arrived, forget_proxies),
		cmocka_unit_test_setup(what_found_no_connection_has_not_arrived, forget_proxies),
		cmocka_unit_test_setup(an_answer_that_is_not_http_is_a_bad_answer, forget_proxies),
		cmocka_unit_test_setup(a_header_without_end_is_a_bad_answer, forget_proxies),
		cmocka_unit_test_setup(no_words_show_what_a_proxy_variable_says, forget_proxies),
		cmocka_unit_test_setup(other_words_of_libcurl_are_shown, forget_proxies),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
