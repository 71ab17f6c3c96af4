/*
 * loop, http: what a request costs in calls of the kernel, and that what is kept for the next one does no harm.
 */
#include "peer.h"

#include <sys/epoll.h>

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

extern int	__real_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);
extern int	__wrap_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);

static int	epoll_changes;

int
__wrap_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
	epoll_changes++;
	return __real_epoll_ctl(epoll_fd, operation, fd, event);
}

static HttpClient *
new_client(void)
{
	HttpSettings settings = {
		.max_connections = 2, .connect_timeout_ms = 60000, .request_timeout_ms = 60000, .max_response_bytes = 1024
	};
	Failure		failure;
	HttpClient *client = http_client_new(&settings, &failure);

	assert_non_null(client);
	return client;
}

static HttpTransfer *
send_to(HttpClient *client, const Peer *peer)
{
	char		url[64];
	HttpRequest request = {.method = "POST", .url = url, .body = "{}", .body_length = 2};
	HttpTransfer *transfer;

	snprintf(url, sizeof(url), "http://%s/", peer->address);
	transfer = http_send(client, &request);
	assert_non_null(transfer);
	return transfer;
}

static void
await_answer(HttpClient *client, Peer *peer, HttpTransfer *transfer)
{
	while (http_transfer_step(transfer) == STEP_PENDING)
		peer_turn(peer, client);
	assert_int_equal(http_transfer_step(transfer), STEP_DONE);
	http_transfer_free(transfer);
}

static bool
is_readable(const HttpClient *client, int patience_ms)
{
	struct pollfd wait = {.fd = http_client_fd(client), .events = POLLIN};

	return poll(&wait, 1, patience_ms) > 0;
}

/* Closes the connections, so many, all of them idle, and waits until the client has been told of each. */
static void
hang_up_all(Peer *peer, HttpClient *client, int connections)
{
	epoll_changes = 0;
	for (int i = 0; i < PEER_CONNECTIONS; i++)
	{
		if (peer->connections[i].socket > 0)
			close(peer->connections[i].socket);
		peer->connections[i].socket = 0;
	}
	while (epoll_changes < connections)
	{
		assert_true(is_readable(client, PEER_LONGEST_WAIT_MS));
		http_client_poll(client);
	}
}

static void
a_request_on_a_kept_connection_leaves_the_epoll_set_alone(void **state)
{
	HttpClient *client = new_client();
	Peer		peer;

	peer_open(&peer);
	peer.answer = ANSWER;
	await_answer(client, &peer, send_to(client, &peer));
	epoll_changes = 0;
	for (int i = 0; i < 5; i++)
		await_answer(client, &peer, send_to(client, &peer));
	assert_int_equal(epoll_changes, 0);
	assert_int_equal(http_client_idle_connections(client), 1);
	http_client_free(client);
	peer_close(&peer);
}

static void
an_idle_connection_that_ends_wakes_once(void **state)
{
	HttpClient *client = new_client();
	Peer		peer;

	peer_open(&peer);
	peer.answer = ANSWER;
	await_answer(client, &peer, send_to(client, &peer));
	hang_up_all(&peer, client, 1);
	assert_false(is_readable(client, 0));
	await_answer(client, &peer, send_to(client, &peer));
	assert_int_equal(peer.requests, 2);
	http_client_free(client);
	peer_close(&peer);
}

/* Their descriptors have the numbers of those before. */
static void
connections_that_are_made_anew_are_waited_for(void **state)
{
	HttpClient *client = new_client();
	HttpTransfer *transfers[2];
	Peer		peer;

	peer_open(&peer);
	peer.answer = ANSWER;
	for (int round = 0; round < 3; round++)
	{
		transfers[0] = send_to(client, &peer);
		transfers[1] = send_to(client, &peer);
		await_answer(client, &peer, transfers[0]);
		await_answer(client, &peer, transfers[1]);
		hang_up_all(&peer, client, 2);
		await_answer(client, &peer, send_to(client, &peer));
		await_answer(client, &peer, send_to(client, &peer));
	}
	assert_int_equal(peer.requests, 12);
	http_client_free(client);
	peer_close(&peer);
}

static void
what_can_be_done_at_once_is_not_waited_for(void **state)
{
	HttpClient *client = new_client();

	http_client_wake_at(client, http_now_ms());
	assert_false(http_client_await(client));
	http_client_pump(client);
	assert_true(http_client_await(client));
	http_client_wake_at(client, http_now_ms() + 60000);
	assert_true(http_client_await(client));
	http_client_free(client);
}

/* The handle, and the URL taken apart, are those of the request before. */
static void
each_request_goes_where_it_says(void **state)
{
	HttpClient *client = new_client();
	Peer		peers[2];

	peer_open(&peers[0]);
	peer_open(&peers[1]);
	peers[0].answer = peers[1].answer = ANSWER;
	for (int i = 0; i < 6; i++)
	{
		Peer	   *peer = &peers[i % 3 == 1];

		await_answer(client, peer, send_to(client, peer));
	}
	assert_int_equal(peers[0].requests, 4);
	assert_int_equal(peers[1].requests, 2);
	http_client_free(client);
	peer_close(&peers[0]);
	peer_close(&peers[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_on_a_kept_connection_leaves_the_epoll_set_alone),
		cmocka_unit_test(an_idle_connection_that_ends_wakes_once),
		cmocka_unit_test(what_can_be_done_at_once_is_not_waited_for),
		cmocka_unit_test(each_request_goes_where_it_says),
		cmocka_unit_test(connections_that_are_made_anew_are_waited_for),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
