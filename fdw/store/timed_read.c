/*
 * timed_read.c: first the ids, then the commits. See timed_read.h.
 */
#include "store/timed_read.h"

#include <stdlib.h>

struct TimedRead
{
	StoreNames	names;
	ReadSpec	spec;
	KeyRange   *ranges;			/* of the spec, as far as the bound leaves them */
	TimeBound	bound;
	bool		is_empty;		/* it leaves none */
	ReadOperation *read;		/* once the bound is known */
};

TimedRead *
timed_read_start(Client *client, const StoreNames *names, const ReadSpec *spec, const TimeSpan *span, Usage *usage)
{
	TimedRead  *timed = calloc(1, sizeof(TimedRead));

	if (timed == NULL)
		return NULL;
	timed->ranges = calloc(spec->nranges, sizeof(KeyRange));
	if (timed->ranges == NULL)
	{
		free(timed);
		return NULL;
	}
	timed->names = *names;
	timed->spec = *spec;
	timed->bound = (TimeBound)
	{
		.client = client, .names = &timed->names, .span = *span, .usage = usage,
	};
	known_times_hold(span->known);
	return timed;
}

/* The part of a range that lies in another one; false: there is none. */
static bool
range_and(const KeyRange *range, const KeyRange *other, KeyRange *both)
{
	*both = *range;
	if (other->has_lower && (!both->has_lower || both->lower < other->lower))
	{
		both->has_lower = true;
		both->lower = other->lower;
	}
	if (other->has_upper && (!both->has_upper || both->upper > other->upper))
	{
		both->has_upper = true;
		both->upper = other->upper;
	}
	return key_range_is_possible(both);
}

/* The bound is known: reads what it leaves. */
static StepResult
start_reading(TimedRead *timed)
{
	size_t		nranges = 0;

	for (size_t i = 0; i < timed->spec.nranges; i++)
		nranges += range_and(&timed->spec.ranges[i], &timed->bound.ids, &timed->ranges[nranges]);
	timed->spec.ranges = timed->ranges;
	timed->spec.nranges = nranges;
	timed->is_empty = nranges == 0;
	if (timed->is_empty)
		return STEP_DONE;
	timed->read = read_start(timed->bound.client, &timed->names, &timed->spec, timed->bound.usage);
	if (timed->read != NULL)
		return STEP_DONE;
	failure_set(&timed->bound.failure, FAILURE_MEMORY, NULL, "out of memory");
	return STEP_FAILED;
}

ReadResult
timed_read_next(TimedRead *timed, const cJSON **item)
{
	if (timed->read == NULL && !timed->is_empty)
	{
		StepResult	result = time_bound_step(&timed->bound);

		if (result == STEP_DONE)
			result = start_reading(timed);
		if (result == STEP_PENDING)
			return READ_PENDING;
		if (result == STEP_FAILED)
			return READ_FAILED;
	}
	return timed->is_empty ? READ_END : read_next(timed->read, item);
}

bool
timed_read_is_ready(TimedRead *timed)
{
	if (timed->read != NULL)
		return read_is_ready(timed->read);
	return timed->is_empty || time_bound_is_ready(&timed->bound);
}

int64_t
timed_read_count(const TimedRead *timed)
{
	return timed->read != NULL ? read_count(timed->read) : 0;
}

const Failure *
timed_read_failure(const TimedRead *timed)
{
	return timed->read != NULL ? read_failure(timed->read) : &timed->bound.failure;
}

void
timed_read_free(TimedRead *timed)
{
	if (timed == NULL)
		return;
	read_free(timed->read);
	time_bound_free(&timed->bound);
	known_times_release(timed->bound.span.known);
	free(timed->ranges);
	free(timed);
}
