/*
 * server.c: see server.h.
 *
 * A connection is reading a request, waiting for its time, or writing an answer.
 */
#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include "loop.h"

#define READ_BYTES 65536

typedef struct Connection
{
	Waiter		waiter;
	int			fd;
	ByteBuffer	received;
	bool		busy;			/* with a request that is not answered */
	bool		writing;
	bool		closed;			/* freed at the end of the round */
	ByteBuffer	head;
	Reply		reply;
	struct iovec pieces[4];
	int			next_piece;
} Connection;

static Answerer answerer_of_all;
static struct
{
	size_t		requests;
	size_t		items;
	size_t		bytes;
	size_t		in_flight;
	size_t		peak;
}			stats;

void
count_items(size_t items)
{
	stats.items += items;
}

static void
reply_free(Connection *connection)
{
	buffer_free(&connection->head);
	buffer_free(&connection->reply.start);
	buffer_free(&connection->reply.copy);
	buffer_free(&connection->reply.end);
	memset(&connection->reply, 0, sizeof(connection->reply));
}

static void
connection_close(Connection *connection)
{
	if (connection->closed)
		return;
	stats.in_flight -= connection->busy;
	close(connection->fd);
	reply_free(connection);
	buffer_free(&connection->received);
	connection->closed = true;
	free_later(&connection->waiter);
}

static void
piece(Connection *connection, int number, const char *bytes, size_t length)
{
	connection->pieces[number].iov_base = (void *) bytes;
	connection->pieces[number].iov_len = length;
}

static uint32_t
checksum_add(uint32_t checksum, const ByteBuffer *text)
{
	return (uint32_t) crc32(checksum, (const Bytef *) (text->data != NULL ? text->data : ""), (uInt) text->length);
}

static void
reply_prepare(Connection *connection)
{
	Reply	   *reply = &connection->reply;
	size_t		middle_length = reply->middle != NULL ? reply->middle_length : reply->copy.length;
	size_t		length = reply->start.length + middle_length + reply->end.length;
	uint32_t	checksum = checksum_add(0, &reply->start);

	if (reply->middle != NULL)
		checksum = (uint32_t) crc32_combine(checksum, reply->middle_checksum, (z_off_t) middle_length);
	else
		checksum = checksum_add(checksum, &reply->copy);
	checksum = checksum_add(checksum, &reply->end);
	buffer_printf(&connection->head, "HTTP/1.1 %d %s\r\nServer: Server\r\nContent-Type: application/x-amz-json-1.0\r\n"
				  "Content-Length: %zu\r\nConnection: keep-alive\r\n"
				  "x-amzn-RequestId: 4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG\r\nx-amz-crc32: %u\r\n\r\n",
				  reply->status, reply->status == 200 ? "OK" : "Bad Request", length, checksum);
	if (connection->head.failed || reply->start.failed || reply->copy.failed || reply->end.failed)
		die("out of memory");
	piece(connection, 0, connection->head.data, connection->head.length);
	piece(connection, 1, reply->start.data, reply->start.length);
	piece(connection, 2, reply->middle != NULL ? reply->middle : reply->copy.data, middle_length);
	piece(connection, 3, reply->end.data, reply->end.length);
	connection->next_piece = 0;
	stats.bytes += length;
}

/* The value of a header, ended where it ends in a copy; NULL when there is none. */
static const char *
header(const char *head, const char *end, const char *name, char *value, size_t room)
{
	size_t		name_length = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line != NULL && line < end; line = strstr(line + 2, "\r\n"))
	{
		const char *text = line + 2;
		size_t		length;

		if (strncasecmp(text, name, name_length) != 0 || text[name_length] != ':')
			continue;
		text += name_length + 1;
		text += strspn(text, " ");
		length = strcspn(text, "\r");
		if (length >= room)
			return NULL;
		memcpy(value, text, length);
		value[length] = '\0';
		return value;
	}
	return NULL;
}

/* Has the request that is there answered, if all of it is there. */
static void
request_look(Connection *connection)
{
	ByteBuffer *received = &connection->received;
	char		value[128];
	const char *end;
	const char *dot;
	size_t		length;
	Request		request;

	if (received->length == 0 || (end = strstr(received->data, "\r\n\r\n")) == NULL)
		return;
	if (header(received->data, end, "Content-Length", value, sizeof(value)) == NULL)
	{
		connection_close(connection);
		return;
	}
	length = strtoul(value, NULL, 10);
	request.body = (char *) end + 4;
	request.length = length;
	if (received->length < (size_t) (request.body - received->data) + length)
		return;
	dot = header(received->data, end, "X-Amz-Target", value, sizeof(value));
	dot = dot != NULL ? strchr(dot, '.') : NULL;
	request.operation = dot != NULL ? dot + 1 : "";

	connection->busy = true;
	stats.requests++;
	if (++stats.in_flight > stats.peak)
		stats.peak = stats.in_flight;
	answerer_of_all(&request, &connection->reply);
	reply_prepare(connection);
	received->length = 0;
	wait_begin(&connection->waiter);
}

static void
connection_read(Connection *connection)
{
	static char bytes[READ_BYTES];
	ssize_t		got;

	while ((got = read(connection->fd, bytes, sizeof(bytes))) > 0)
	{
		buffer_append(&connection->received, bytes, (size_t) got);
		if (got < (ssize_t) sizeof(bytes))
			break;
	}
	if (got == 0 || (got < 0 && errno != EAGAIN) || connection->received.failed)
		connection_close(connection);
	else if (!connection->busy)
		request_look(connection);
}

static void
connection_write(Connection *connection)
{
	ssize_t		put;

	while (connection->next_piece < 4)
	{
		struct msghdr message = {.msg_iov = connection->pieces + connection->next_piece,
		.msg_iovlen = (size_t) (4 - connection->next_piece)};

		put = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
		if (put < 0 && errno == EAGAIN)
		{
			if (!connection->writing)
				watch(EPOLL_CTL_MOD, connection->fd, EPOLLIN | EPOLLOUT, &connection->waiter);
			connection->writing = true;
			return;
		}
		if (put < 0)
		{
			connection_close(connection);
			return;
		}
		for (; connection->next_piece < 4 && (size_t) put >= connection->pieces[connection->next_piece].iov_len;
			 connection->next_piece++)
			put -= (ssize_t) connection->pieces[connection->next_piece].iov_len;
		if (connection->next_piece < 4)
		{
			connection->pieces[connection->next_piece].iov_base =
				(char *) connection->pieces[connection->next_piece].iov_base + put;
			connection->pieces[connection->next_piece].iov_len -= (size_t) put;
		}
	}
	if (connection->writing)
		watch(EPOLL_CTL_MOD, connection->fd, EPOLLIN, &connection->waiter);
	connection->writing = false;
	reply_free(connection);
	connection->busy = false;
	stats.in_flight--;
	request_look(connection);
}

static void
connection_open(int fd)
{
	Connection *connection = calloc(1, sizeof(Connection));

	if (connection == NULL)
		die("calloc");
	connection->fd = fd;
	watch(EPOLL_CTL_ADD, fd, EPOLLIN, &connection->waiter);
}

static void
connection_ready(Waiter *who, uint32_t events)
{
	Connection *connection = (Connection *) who;

	if (connection->closed)
		return;
	if (events & EPOLLOUT)
		connection_write(connection);
	else
		connection_read(connection);
}

static void
connection_due(Waiter *who)
{
	connection_write((Connection *) who);
}

static void
stats_command(const char *line)
{
	if (strncmp(line, "stats", 5) != 0)
		return;
	stats.requests = stats.items = stats.bytes = 0;
	stats.peak = stats.in_flight;
}

static void
stats_answer(void)
{
	printf("{\"requests\":%zu,\"items\":%zu,\"bytes\":%zu,\"peak\":%zu}\n", stats.requests, stats.items, stats.bytes,
		   stats.peak);
}

int
serve(Answerer answerer, double delay_ms)
{
	const LoopHandlers handlers = {connection_open, connection_ready, connection_due, stats_answer, stats_command};

	answerer_of_all = answerer;
	loop_run(&handlers, delay_ms);
	return 0;
}
