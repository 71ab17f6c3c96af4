/*
 * looks.c: are these ids there by now? See looks.h.
 */
#include "store/looks.h"

/* What a request costs at least, capacity units. */
#define LEAST_UNITS 0.5

/* Where it is not known what commits cost: so many are read again to spare a request. */
#define MOST_BETWEEN 16

/* Commits between two gaps. */
typedef struct Between
{
	double		units;
	size_t		commits;
} Between;

static bool
is_cheap(const Between *between)
{
	return between->units > 0 ? between->units < LEAST_UNITS : between->commits <= MOST_BETWEEN;
}

static void
look_at(Looks *looks, int64_t lower, int64_t upper, const Between *between)
{
	if (looks->count > 0 && is_cheap(between))
		looks->ranges[looks->count - 1].upper = upper;
	else
		looks->ranges[looks->count++] = (KeyRange)
	{
		.has_lower = true, .lower = lower, .has_upper = true, .upper = upper
	};
}

void
looks_choose(Looks *looks, Sight *sight, size_t n, int64_t next, const GapRules *rules)
{
	Between		between = {0};

	looks->first = looks->count = 0;
	for (size_t i = 0; i < n; i++)
	{
		const Sighted *above = sight_at(sight, i);
		int64_t		first = gap_first(sight, i, next);

		if (first < above->id && gap_age(sight, i, rules) < GAP_OLD && above->open <= gap_give_up_to(sight, i, first, rules))
		{
			look_at(looks, above->open, gap_give_up_to(sight, i, first, rules), &between);
			between = (Between) {0};
		}
		between.units += above->units;
		between.commits++;
	}
}

const KeyRange *
looks_range(const Looks *looks)
{
	return looks->count > 0 ? &looks->ranges[looks->first] : NULL;
}

static ReadOperation **
read_of(Looks *looks, size_t n)
{
	return &looks->reads[(looks->first + n) % LOOKS_AT_ONCE];
}

/* false when memory ran out. */
static bool
send_all(Looks *looks, const LooksSource *source)
{
	while (looks->sent < looks->count && looks->sent < LOOKS_AT_ONCE)
	{
		ReadOperation **read = read_of(looks, looks->sent);
		ReadSpec	spec = *source->spec;

		spec.ranges = &looks->ranges[looks->first + looks->sent];
		spec.nranges = 1;
		spec.wanted = 0;
		*read = read_start(source->client, source->names, &spec, source->usage);
		if (*read == NULL)
			return false;
		read_begin(*read);
		looks->sent++;
	}
	return true;
}

ReadResult
looks_peek(Looks *looks, const LooksSource *source)
{
	ReadResult	result;
	const cJSON *item;

	if (!send_all(looks, source))
	{
		failure_set(&looks->failure, FAILURE_MEMORY, NULL, "out of memory");
		return READ_FAILED;
	}
	if (looks->found != NULL)
		return READ_ITEM;
	result = read_next(*read_of(looks, 0), &item);
	if (result == READ_FAILED)
		looks->failure = *read_failure(*read_of(looks, 0));
	if (result == READ_ITEM && !sight_id_of(item, &looks->found_id))
		return READ_EMPTY_PAGE;
	if (result == READ_ITEM)
		looks->found = item;
	return result;
}

void
looks_take(Looks *looks)
{
	looks->found = NULL;
}

void
looks_drop(Looks *looks)
{
	ReadOperation **read = read_of(looks, 0);

	if (looks->sent > 0)
	{
		read_free(*read);
		*read = NULL;
		looks->sent--;
	}
	looks->found = NULL;
	looks->first++;
	looks->count--;
}

bool
looks_is_ready(const Looks *looks)
{
	return looks->found != NULL || looks->sent == 0 || read_is_ready(looks->reads[looks->first % LOOKS_AT_ONCE]);
}

void
looks_free(Looks *looks)
{
	while (looks->count > 0)
		looks_drop(looks);
}
