/*
 * usage: what requests cost, and what came of them.
 */
#ifndef DYNAMODB_ES_USAGE_H
#define DYNAMODB_ES_USAGE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dynamodb/operation.h"

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
	int64_t		items;			/* evaluated by Query and Scan, read by BatchGetItem */
	int64_t		waited_us;		/* in the waits for a client; only in its totals */
	int64_t		conflicts;		/* appends that found their version taken; whoever reports that counts it */
	int64_t		unknown_fates;	/* appends that may or may not have been carried out; likewise */
} Usage;

/* In all of these *usage may be NULL: then nobody counts. A request went out; its body has so many bytes. */
extern void usage_add_request(Usage *usage, size_t body_bytes, bool is_retry);

/* An attempt has ended, of whose answer so many bytes came. */
extern void usage_add_answer(Usage *usage, size_t bytes, bool is_throttle);

/* What a good answer says that it cost. */
extern void usage_add_costs(Usage *usage, Operation operation, const cJSON *response);

/* Items that a BatchGetItem has read: its answer does not say how many, and below 0 it is none. */
extern void usage_add_items(Usage *usage, int64_t items);

/* Adds each count. */
extern void usage_add(Usage *sum, const Usage *part);

/* Nobody looks at the answer any more. */
extern void usage_add_abandoned(Usage *usage);

#endif
