/*
 * peer: the other side of an HttpClient, in the same thread: it takes a turn whenever the client does, so nothing is
 * left to chance.
 */
#ifndef DYNAMODB_ES_PEER_H
#define DYNAMODB_ES_PEER_H

#include "unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aws/http.h"

#define PEER_CONNECTIONS 4
#define PEER_LONGEST_WAIT_MS 5000	/* a turn in which nothing happens is a failure */

typedef struct Peer
{
	int			listener;
	char		address[32];	/* "127.0.0.1:port" */
	const char *answer;			/* to each request; NULL: none */
	bool		hangs_up;		/* after it, or instead of it */
	int			requests;		/* that have come, a proxy's CONNECT included */
	struct
	{
		int			socket;		/* 0: none */
		char		received[8192];
		size_t		length;
	}			connections[PEER_CONNECTIONS];
} Peer;

static inline void
peer_open(Peer *peer)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	length = sizeof(address);

	memset(peer, 0, sizeof(*peer));
	peer->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(peer->listener, (struct sockaddr *) &address, length), 0);
	assert_int_equal(listen(peer->listener, PEER_CONNECTIONS), 0);
	getsockname(peer->listener, (struct sockaddr *) &address, &length);
	snprintf(peer->address, sizeof(peer->address), "127.0.0.1:%d", ntohs(address.sin_port));
}

static inline void
peer_close(Peer *peer)
{
	for (int i = 0; i < PEER_CONNECTIONS; i++)
		if (peer->connections[i].socket > 0)
			close(peer->connections[i].socket);
	close(peer->listener);
}

/* How long the request at the start of the text is; 0: not all of it is there. */
static inline size_t
peer_request_length(const char *text, size_t length)
{
	const char *end = strstr(text, "\r\n\r\n");
	const char *body = strstr(text, "Content-Length: ");
	size_t		whole;

	if (end == NULL)
		return 0;
	whole = (size_t) (end + 4 - text) + (body != NULL && body < end ? strtoul(body + 16, NULL, 10) : 0);
	return whole <= length ? whole : 0;
}

static inline void
peer_receive(Peer *peer, int i)
{
	char	   *received = peer->connections[i].received;
	size_t	   *length = &peer->connections[i].length;
	ssize_t		more = read(peer->connections[i].socket, received + *length,
							sizeof(peer->connections[i].received) - 1 - *length);
	bool		ends = more <= 0;
	size_t		whole;

	*length += ends ? 0 : (size_t) more;
	received[*length] = '\0';
	while (!ends && (whole = peer_request_length(received, *length)) > 0)
	{
		peer->requests++;
		*length -= whole;
		memmove(received, received + whole, *length + 1);
		if (peer->answer != NULL)
			assert_int_equal(send(peer->connections[i].socket, peer->answer, strlen(peer->answer), MSG_NOSIGNAL),
							 strlen(peer->answer));
		ends = peer->hangs_up;
	}
	if (ends)
	{
		close(peer->connections[i].socket);
		peer->connections[i].socket = 0;
		*length = 0;
	}
}

static inline void
peer_accept(Peer *peer)
{
	for (int i = 0; i < PEER_CONNECTIONS; i++)
		if (peer->connections[i].socket == 0)
		{
			peer->connections[i].socket = accept(peer->listener, NULL, NULL);
			return;
		}
	fail_msg("too many connections");
}

/* Waits until one of the two has something to do, and lets them. A client of NULL has no turn. */
static inline void
peer_turn(Peer *peer, HttpClient *client)
{
	struct pollfd waits[PEER_CONNECTIONS + 2] = {
		{.fd = client != NULL ? http_client_fd(client) : -1, .events = POLLIN},
		{.fd = peer->listener, .events = POLLIN},
	};

	for (int i = 0; i < PEER_CONNECTIONS; i++)
		waits[i + 2] = (struct pollfd)
		{
			.fd = peer->connections[i].socket > 0 ? peer->connections[i].socket : -1, .events = POLLIN
		};
	if (client != NULL && !http_client_await(client))
		poll(waits, PEER_CONNECTIONS + 2, 0);
	else if (poll(waits, PEER_CONNECTIONS + 2, PEER_LONGEST_WAIT_MS) == 0)
		fail_msg("nothing happens");
	for (int i = 0; i < PEER_CONNECTIONS; i++)
		if (waits[i + 2].revents != 0)
			peer_receive(peer, i);
	if (waits[1].revents != 0)
		peer_accept(peer);
	if (client != NULL)
		http_client_pump(client);
}

#endif
