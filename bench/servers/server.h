/*
 * server: HTTP/1.1 for measurements: many connections in one thread, each answer sent from where it lies, and not before
 * a given delay is over.
 *
 * Requests have a Content-Length and come one at a time on a connection, which is never closed by this side.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

typedef struct Request
{
	const char *operation;		/* "PutItem": what stands behind the dot of X-Amz-Target */
	char	   *body;			/* ends in a NUL */
	size_t		length;
} Request;

/* The three pieces of an answer's body, sent one behind the other. */
typedef struct Reply
{
	int			status;
	ByteBuffer	start;			/* freed by the server */
	const char *middle;			/* stays where it is until it is sent; or NULL */
	size_t		middle_length;
	uint32_t	middle_checksum;	/* CRC-32 */
	ByteBuffer	copy;			/* sent where there is no middle; freed by the server */
	ByteBuffer	end;			/* freed by the server */
} Reply;

typedef void (*Answerer) (const Request *request, Reply *reply);

/*
 * Listens on a port of its own choice on 127.0.0.1, writes the URL as a line to stdout, and serves until stdin ends.
 * Lines on stdin are commands: "delay MS" (a decimal fraction is welcome) and "stats", which starts the counts anew;
 * each is answered by a line of JSON: {"requests":,"items":,"bytes":,"peak":}, peak being the most requests that were
 * unanswered at a time.
 */
extern int	serve(Answerer answerer, double delay_ms);

/* For the statistics: so many items have gone into the answer. */
extern void count_items(size_t items);

#endif
