/*
 * same_store.c: is the last commit that was applied still there? See same_store.h.
 */
#include "postgres.h"

#include "aws/http.h"
#include "postgres/core/encoding.h"
#include "postgres/projection/lookup.h"
#include "postgres/projection/same_store.h"
#include "store/sight.h"

#define CHECK_MS 60000

static bool
is_there(const ProjectionRow *row, const FeedReader *reader)
{
	static const char *const attributes[] = {COMMIT_ID};
	char	   *string = encoding_to_utf8(row->last_aggregate_id, strlen(row->last_aggregate_id));
	AggregateId aggregate = {.text = string, .length = strlen(string)};
	KeyRange	range = {.has_lower = true, .lower = row->last_version, .has_upper = true, .upper = row->last_version};
	ReadSpec	spec = {
		.path = READ_AGGREGATE,
		.aggregates = &aggregate,
		.naggregates = 1,
		.ranges = &range,
		.nranges = 1,
		.consistent = true,
		.attributes = attributes,
		.nattributes = lengthof(attributes),
	};
	Lookup	   *lookup = lookup_begin(reader, &spec);
	const cJSON *item = lookup_next(lookup);
	int64_t		id;
	bool		is_same = item != NULL && sight_id_of(item, &id) && id == row->last_commit_id;

	lookup_end(lookup);
	return is_same;
}

void
same_store_check(ProjectionSession *session, const ProjectionRow *row, const FeedReader *reader)
{
	int64		now = http_now_ms();

	if (row->last_commit_id == 0 || row->last_aggregate_id == NULL ||
		(session->checked_at != 0 && now - session->checked_at < CHECK_MS))
		return;
	session->checked_at = 0;
	if (!is_there(row, reader))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("commit " INT64_FORMAT ", which projection \"%s\" has applied, is not in the store",
						row->last_commit_id, row->name),
				 errdetail("It was version " INT64_FORMAT " of aggregate \"%s\".", row->last_version,
						   encoding_escape(row->last_aggregate_id)),
				 errhint("The store may have been restored from a backup, or be another one. Build the projection anew from "
						 "the store that is there: dynamodb_es_reset.")));
	session->checked_at = now;
}
