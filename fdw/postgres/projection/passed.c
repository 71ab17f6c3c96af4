/*
 * passed.c: what has become of the ids that a projection has passed?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "postgres/projection/access.h"
#include "postgres/projection/passed.h"

/* Ranges of ids that are open at a time, of each projection, and how long they are. */
#define MOST_OPEN "1000"
#define LOOKED_FOR "'1 day'::interval"

/* A follower that waits with an error tries again. */
void
passed_skip_next(const char *name, int64 commit_id)
{
	Arguments	arguments = {0};

	arguments_add_text(&arguments, name);
	arguments_add_int64(&arguments, commit_id);
	arguments_add_text(&arguments, GetUserNameFromId(GetUserId(), false));
	(void) access_change("WITH again AS (UPDATE %s." PROJECTION_TABLE " SET next_try = NULL WHERE name = $1) "
						 "INSERT INTO %s." PASSED_TABLE " (projection, ids, passed_at, fate, by_role) "
						 "VALUES ($1, int8range($2, $2, '[]'), now(), 'skipped', $3)",
						 &arguments);
}

IdRange *
passed_due(const char *name, TimestampTz at, int *count)
{
	Access		access;
	Arguments	arguments = {0};
	IdRange    *ranges;

	access_begin(&access);
	arguments_add_text(&arguments, name);
	arguments_add(&arguments, TIMESTAMPTZOID, TimestampTzGetDatum(at));
	*count = (int) access_execute(psprintf("SELECT lower(ids), upper(ids) - 1 FROM %s." PASSED_TABLE
										   " WHERE projection = $1 AND fate = 'open' AND next_look <= $2 ORDER BY 1",
										   access.schema),
								  &arguments);
	ranges = MemoryContextAlloc(access.caller, sizeof(IdRange) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		ranges[i] = (IdRange)
	{
		.first = result_int64(i, 1),.last = result_int64(i, 2)
	};
	access_end(&access);
	return ranges;
}

static void
add_ids(Arguments *arguments, const int64 *ids, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(ids[i]);
	arguments_add(arguments, INT8ARRAYOID,
				  PointerGetDatum(construct_array(values, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
}

/* A range that some of these ids are in becomes several. */
bool
passed_settle(const char *name, const int64 *ids, int count, const char *fate)
{
	Arguments	arguments = {0};

	arguments_add_text(&arguments, name);
	add_ids(&arguments, ids, count);
	if (access_change("SELECT i FROM unnest($2) i WHERE EXISTS (SELECT FROM %s." PASSED_TABLE
					  " WHERE projection = $1 AND fate = 'open' AND ids @> i)",
					  &arguments) != (uint64) count)
		return false;
	arguments_add_text(&arguments, fate);
	arguments_add_text(&arguments, GetUserNameFromId(GetUserId(), false));
	(void) access_change("WITH settled AS (SELECT range_agg(int8range(i, i, '[]')) AS ids FROM unnest($2) i), "
						 "gone AS (DELETE FROM %s." PASSED_TABLE " p USING settled s "
						 "WHERE p.projection = $1 AND p.fate = 'open' AND p.ids && s.ids RETURNING p.*) "
						 "INSERT INTO %s." PASSED_TABLE " (projection, ids, passed_at, next_look, looks, fate, by_role) "
						 "SELECT projection, unnest(int8multirange(g.ids) - s.ids), passed_at, next_look, looks, fate, by_role "
						 "FROM gone g, settled s UNION ALL "
						 "SELECT projection, unnest(int8multirange(g.ids) * s.ids), passed_at, NULL, looks, $3, $4 "
						 "FROM gone g, settled s",
						 &arguments);
	return true;
}

bool
passed_skip(const char *name, int64 commit_id)
{
	Arguments	arguments = {0};

	if (!passed_settle(name, &commit_id, 1, "skipped"))
		return false;
	arguments_add_text(&arguments, name);
	(void) access_change("UPDATE %s." PROJECTION_TABLE " SET next_try = NULL WHERE name = $1", &arguments);
	return true;
}

/* The first look is when the time-out has passed once more. */
static void
insert_passed(const char *name, const IdRange *range, int64 gap_timeout_ms)
{
	Arguments	arguments = {0};

	arguments_add_text(&arguments, name);
	arguments_add_int64(&arguments, range->first);
	arguments_add_int64(&arguments, range->last);
	arguments_add_int64(&arguments, gap_timeout_ms);
	arguments_add_text(&arguments, GetUserNameFromId(GetUserId(), false));
	(void) access_change("INSERT INTO %s." PASSED_TABLE " (projection, ids, passed_at, next_look, fate, by_role) "
						 "VALUES ($1, int8range($2, $3, '[]'), clock_timestamp(), clock_timestamp() + $4 * '1 ms'::interval, 'open', $5)",
						 &arguments);
}

/* Of more open ranges than that, the oldest are given up for good. */
static void
expire_passed(const char *name)
{
	Arguments	arguments = {0};

	arguments_add_text(&arguments, name);
	(void) access_change("UPDATE %s." PASSED_TABLE " SET fate = 'expired', next_look = NULL "
						 "WHERE projection = $1 AND fate = 'open' AND lower(ids) <= "
						 "(SELECT lower(s.ids) FROM %s." PASSED_TABLE " s WHERE s.projection = $1 AND s.fate = 'open' "
						 "ORDER BY 1 DESC OFFSET " MOST_OPEN " LIMIT 1)",
						 &arguments);
}

void
passed_add(const char *name, const IdRange *ranges, size_t count, int64 gap_timeout_ms)
{
	for (size_t i = 0; i < count; i++)
		insert_passed(name, &ranges[i], gap_timeout_ms);
	if (count > 0)
		expire_passed(name);
}

/* What is still not there is looked for again when it has been passed for twice as long; for a day in all. */
void
passed_note_looks(const char *name, const PassedLooks *looks, int64 gap_timeout_ms)
{
	Arguments	arguments = {0};

	arguments_add_text(&arguments, name);
	arguments_add(&arguments, TIMESTAMPTZOID, TimestampTzGetDatum(looks->at));
	arguments_add_int64(&arguments, looks->last);
	arguments_add_int64(&arguments, gap_timeout_ms);
	(void) access_change("UPDATE %s." PASSED_TABLE " SET looks = looks + 1, "
						 "fate = CASE WHEN $2 < passed_at + " LOOKED_FOR " THEN 'open' ELSE 'expired' END, "
						 "next_look = CASE WHEN $2 < passed_at + " LOOKED_FOR
						 " THEN least($2 + greatest($2 - passed_at, $4 * '1 ms'::interval), passed_at + " LOOKED_FOR ") END "
						 "WHERE projection = $1 AND fate = 'open' AND next_look <= $2 AND upper(ids) - 1 <= $3",
						 &arguments);
}
