/*
 * usage: what requests cost.
 */
#ifndef DYNAMODB_ES_USAGE_H
#define DYNAMODB_ES_USAGE_H

#include <stdint.h>

/* Counters that only grow. */
typedef struct Usage
{
	int64_t		requests;		/* sent, retries included */
	int64_t		retries;
	int64_t		throttles;		/* answers that said so */
	int64_t		abandoned;		/* requests whose answer nobody has looked at; what it cost is counted where it came */
	int64_t		bytes_sent;		/* bodies */
	int64_t		bytes_received;
	double		read_units;		/* capacity units */
	double		budgeted_units; /* of these, what a budget knows of (store/read_spec.h) */
	double		write_units;
	int64_t		items;			/* evaluated by Query and Scan */
} Usage;

#endif
