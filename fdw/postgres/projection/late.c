/*
 * late.c: what has appeared of the ids that were passed? See late.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "postgres/projection/late.h"
#include "postgres/projection/lookup.h"
#include "store/sight.h"

static KeyRange
key_range_of(const IdRange *ids)
{
	return (KeyRange)
	{
		.has_lower = true, .lower = ids->first, .has_upper = true, .upper = ids->last
	};
}

void
late_look(const ProjectionRow *row, const FeedReader *reader, LateTaker take, void *arg, PassedLooks *looks)
{
	int			count;
	IdRange    *due;
	KeyRange   *ranges;
	ReadSpec	spec;
	Lookup	   *lookup;
	const cJSON *item;
	int64_t		id;

	*looks = (PassedLooks) {.at = GetCurrentTimestamp()};
	due = passed_due(row->name, looks->at, &count);
	if (count == 0)
		return;
	ranges = palloc(sizeof(KeyRange) * count);
	for (int i = 0; i < count; i++)
		ranges[i] = key_range_of(&due[i]);
	spec = (ReadSpec) {
		.path = READ_INDEX,
		.ranges = ranges,
		.nranges = count,
		.ordered = true,
		.max_parallel = Min(LATE_LOOKS_AT_ONCE, reader->options.max_connections),
		.attributes = reader->attributes,
		.nattributes = reader->nattributes,
	};
	looks->last = PG_INT64_MAX;
	lookup = lookup_begin(reader, &spec);
	while (looks->last == PG_INT64_MAX && (item = lookup_next(lookup)) != NULL)
		if (sight_id_of(item, &id) && !take(arg, item))
			looks->last = id - 1;
	lookup_end(lookup);
}

static bool
is_among(int64 id, const int64 *ids, int count)
{
	for (int i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* Ids rise with versions: the next version that is not late itself decides. */
bool
late_is_out_of_order(const FeedReader *reader, const LateKey *key, int64 position, const int64 *late_ids, int nlate)
{
	static const char *const attributes[] = {COMMIT_ID};
	AggregateId aggregate = {.text = key->aggregate_id, .length = strlen(key->aggregate_id)};
	KeyRange	range = {.has_lower = true, .lower = key->version + 1};
	ReadSpec	spec = {
		.path = READ_AGGREGATE,
		.aggregates = &aggregate,
		.naggregates = 1,
		.ranges = &range,
		.nranges = 1,
		.ordered = true,
		.consistent = true,
		.wanted = 1,
		.max_parallel = 1,
		.attributes = attributes,
		.nattributes = lengthof(attributes),
	};
	Lookup	   *lookup = lookup_begin(reader, &spec);
	const cJSON *item;
	int64_t		id = PG_INT64_MAX;

	while ((item = lookup_next(lookup)) != NULL)
		if (sight_id_of(item, &id) && !is_among(id, late_ids, nlate))
			break;
	lookup_end(lookup);
	return item != NULL && id <= position;
}
