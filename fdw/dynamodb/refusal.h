/*
 * refusal: which operation a policy refuses, for a while. Policies change, so each refusal is forgotten after five minutes; and where
 * more tables are refused than are remembered, the oldest.
 */
#ifndef DYNAMODB_ES_REFUSAL_H
#define DYNAMODB_ES_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#define REFUSAL_MS (5 * 60 * 1000)

typedef struct Refusals
{
	struct
	{
		char		table[256];	/* longer than names can be; "": none */
		int64_t		until;		/* ms, by http_now_ms */
	}			of[8];
	int			next;
} Refusals;

/* That operation on the table was refused at that time. */
extern void refusals_add(Refusals *refusals, const char *table, int64_t now);

/* Was it, not long ago? */
extern bool refusals_has(const Refusals *refusals, const char *table, int64_t now);

#endif
