/*
 * row.c: what does the database know of a projection?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "postgres/projection/access.h"
#include "postgres/projection/row.h"

/* In the order in which read_row takes them. %s: the schema. */
#define COLUMNS                                                                                                        \
	"p.name, p.handler, p.owner, p.position, p.last_commit_id, p.last_aggregate_id, p.last_version, p.batch_size, "    \
	"(extract(epoch FROM p.poll_interval) * 1000)::bigint, (extract(epoch FROM p.gap_timeout) * 1000)::bigint, "       \
	"p.enabled, p.restored, p.started_at, p.starts, lower(p.waiting_for), upper(p.waiting_for) - 1, p.last_error IS "  \
	"NOT NULL, "                                                                                                       \
	"ARRAY(SELECT lower(s.ids) FROM %s." PASSED_TABLE " s WHERE s.projection = p.name AND s.fate = 'skipped' "         \
	"AND lower(s.ids) > p.position ORDER BY 1), "                                                                      \
	"EXISTS (SELECT FROM %s." PASSED_TABLE " s WHERE s.projection = p.name AND s.fate = 'open' "                       \
	"AND s.next_look <= clock_timestamp()), p.next_try, p.seen"

static bool inserts = false;

bool
projection_inserts(void)
{
	return inserts;
}

static void
read_ids(int row, int column, ProjectionRow *projection)
{
	bool		isnull;
	Datum		value = result_value(row, column, &isnull);
	Datum	   *ids;

	deconstruct_array(DatumGetArrayTypeP(value), INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &ids, NULL,
					  &projection->nskipped);
	projection->skipped = palloc(sizeof(int64) * Max(projection->nskipped, 1));
	for (int i = 0; i < projection->nskipped; i++)
		projection->skipped[i] = DatumGetInt64(ids[i]);
}

static ProjectionRow *
read_row(int row)
{
	ProjectionRow *projection = palloc0(sizeof(ProjectionRow));

	projection->name = result_text(row, 1);
	projection->handler = result_text(row, 2);
	projection->owner = result_text(row, 3);
	projection->position = result_int64(row, 4);
	projection->last_commit_id = result_int64(row, 5);
	projection->last_aggregate_id = result_text(row, 6);
	projection->last_version = result_int64(row, 7);
	projection->batch_size = result_int32(row, 8);
	projection->poll_interval_ms = result_int64(row, 9);
	projection->gap_timeout_ms = result_int64(row, 10);
	projection->enabled = result_bool(row, 11);
	projection->restored = result_bool(row, 12);
	projection->started_at = result_int64(row, 13);
	projection->starts = result_int32(row, 14);
	projection->waiting_for.first = result_int64(row, 15);
	projection->waiting_for.last = result_int64(row, 16);
	projection->has_error = result_bool(row, 17);
	read_ids(row, 18, projection);
	projection->late_is_due = result_bool(row, 19);
	projection->next_try = result_int64(row, 20);
	projection->seen = result_int64(row, 21);
	return projection;
}

/* The rows of a SELECT of COLUMNS, in the caller's memory context. */
static List *
select_rows(Access *access, const char *clauses, Arguments *arguments)
{
	char	   *sql =
		psprintf("SELECT " COLUMNS " FROM %s." PROJECTION_TABLE " p %s", access->schema, access->schema, access->schema, clauses);
	uint64		count = access_execute(sql, arguments);
	MemoryContext ours = MemoryContextSwitchTo(access->caller);
	List	   *rows = NIL;

	for (uint64 i = 0; i < count; i++)
		rows = lappend(rows, read_row(i));
	MemoryContextSwitchTo(ours);
	return rows;
}

static ProjectionRow *
select_row(const char *name, const char *clauses)
{
	Access		access;
	Arguments	arguments = {0};
	List	   *rows;

	access_begin(&access);
	arguments_add_text(&arguments, name);
	rows = select_rows(&access, clauses, &arguments);
	access_end(&access);
	return rows == NIL ? NULL : linitial(rows);
}

bool
projection_skips(const ProjectionRow *row, int64 commit_id)
{
	for (int i = 0; i < row->nskipped; i++)
		if (row->skipped[i] == commit_id)
			return true;
	return false;
}

ProjectionRow *
projection_find(const char *name)
{
	return select_row(name, "WHERE p.name = $1");
}

/* What it has skipped is read by a second statement: the first one's snapshot is from before it waited for the lock. */
ProjectionRow *
projection_lock(const char *name)
{
	return select_row(name, "WHERE p.name = $1 FOR NO KEY UPDATE OF p") != NULL ? projection_find(name) : NULL;
}

List *
projection_list(void)
{
	Access		access;
	Arguments	arguments = {0};
	List	   *rows;

	access_begin(&access);
	rows = select_rows(&access, "ORDER BY p.name", &arguments);
	access_end(&access);
	return rows;
}

static void
add_settings(Arguments *arguments, const ProjectionRow *row)
{
	arguments_add_text(arguments, row->name);
	arguments_add_text(arguments, row->handler);
	arguments_add_text(arguments, row->owner);
	arguments_add(arguments, INT4OID, Int32GetDatum(row->batch_size));
	arguments_add_int64(arguments, row->poll_interval_ms);
	arguments_add_int64(arguments, row->gap_timeout_ms);
	arguments_add(arguments, BOOLOID, BoolGetDatum(row->enabled));
}

void
projection_insert(const ProjectionRow *row)
{
	Arguments	arguments = {0};
	uint64		count;

	add_settings(&arguments, row);
	arguments_add_int64(&arguments, row->position);
	inserts = true;
	PG_TRY();
	{
		count = access_change("INSERT INTO %s." PROJECTION_TABLE
					   " (name, handler, owner, batch_size, poll_interval, gap_timeout, enabled, position) "
					   "VALUES ($1, $2, $3, $4, $5 * '1 ms'::interval, $6 * '1 ms'::interval, $7, $8) ON CONFLICT DO NOTHING",
					   &arguments);
	}
	PG_FINALLY();
	{
		inserts = false;
	}
	PG_END_TRY();
	if (count == 0)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("projection \"%s\" already exists", row->name)));
}

void
projection_update(const ProjectionRow *row)
{
	Arguments	arguments = {0};

	add_settings(&arguments, row);
	arguments_add(&arguments, BOOLOID, BoolGetDatum(row->restored));
	(void) access_change("UPDATE %s." PROJECTION_TABLE
				  " SET handler = $2, owner = $3, batch_size = $4, poll_interval = $5 * '1 ms'::interval, "
				  "gap_timeout = $6 * '1 ms'::interval, enabled = $7, restored = $8, next_try = NULL WHERE name = $1",
				  &arguments);
}

void
projection_delete(const char *name)
{
	Arguments	arguments = {0};

	arguments_add_text(&arguments, name);
	(void) access_change("WITH passed AS (DELETE FROM %s." PASSED_TABLE
				  " WHERE projection = $1) DELETE FROM %s." PROJECTION_TABLE " WHERE name = $1",
				  &arguments);
}

void
projection_reset(const char *name, int64 position)
{
	Arguments	arguments = {0};

	arguments_add_text(&arguments, name);
	arguments_add_int64(&arguments, position);
	(void) access_change("WITH passed AS (DELETE FROM %s." PASSED_TABLE " WHERE projection = $1) "
				  "UPDATE %s." PROJECTION_TABLE
				  " SET position = $2, last_commit_id = NULL, last_aggregate_id = NULL, last_version = NULL, "
				  "seen = NULL, waiting_for = NULL, waiting_since = NULL, applied_at = NULL, applied = 0, passed = 0, "
				  "late = 0, out_of_order = 0, "
				  "stopped = false, last_error = NULL, failed_at = NULL, next_try = NULL WHERE name = $1",
				  &arguments);
}

void
projection_move(const ProjectionRow *row, const ProjectionMove *move)
{
	Arguments	arguments = {0};
	uint64		count;

	arguments_add_text(&arguments, row->name);
	arguments_add_int64(&arguments, move->from);
	arguments_add_int64(&arguments, move->position);
	arguments_add_int64(&arguments, move->last_commit_id);
	arguments_add_text(&arguments, move->last_aggregate_id);
	arguments_add_int64(&arguments, move->last_version);
	arguments_add_int64(&arguments, move->seen);
	arguments_add_int64(&arguments, move->waiting_for.first);
	arguments_add_int64(&arguments, move->waiting_for.last);
	arguments_add_int64(&arguments, move->applied);
	arguments_add_int64(&arguments, move->passed);
	arguments_add_int64(&arguments, move->late);
	arguments_add_int64(&arguments, move->out_of_order);
	count = access_change("UPDATE %s." PROJECTION_TABLE " SET position = $3, "
				   "last_commit_id = CASE WHEN $4 > 0 THEN $4 ELSE last_commit_id END, "
				   "last_aggregate_id = CASE WHEN $4 > 0 THEN $5 ELSE last_aggregate_id END, "
				   "last_version = CASE WHEN $4 > 0 THEN $6 ELSE last_version END, "
				   "applied_at = CASE WHEN $4 > 0 THEN clock_timestamp() ELSE applied_at END, "
				   "seen = $7, waiting_for = CASE WHEN $8 > 0 THEN int8range($8, $9, '[]') END, "
				   "waiting_since = CASE WHEN lower(waiting_for) = $8 THEN waiting_since WHEN $8 > 0 THEN clock_timestamp() END, "
				   "applied = applied + $10, passed = passed + $11, late = late + $12, out_of_order = out_of_order + $13, started_at = NULL, starts = 0, "
				   "stopped = false, last_error = NULL, failed_at = NULL, next_try = NULL WHERE name = $1 AND position = $2",
				   &arguments);
	if (count == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("projection \"%s\" was moved by its own handler", row->name)));
	passed_add(row->name, move->passed_ranges, move->npassed_ranges, row->gap_timeout_ms);
	if (move->looks.last > 0)
		passed_note_looks(row->name, &move->looks, row->gap_timeout_ms);
}

void
projection_fail(const char *name, const char *error, bool stopped, TimestampTz next_try)
{
	Arguments	arguments = {0};

	arguments_add_text(&arguments, name);
	arguments_add_text(&arguments, error);
	arguments_add(&arguments, BOOLOID, BoolGetDatum(stopped));
	arguments_add(&arguments, TIMESTAMPTZOID, TimestampTzGetDatum(next_try));
	(void) access_change("UPDATE %s." PROJECTION_TABLE
				  " SET last_error = $2, stopped = $3, next_try = $4, failed_at = clock_timestamp(), "
				  "started_at = NULL, starts = 0 WHERE name = $1",
				  &arguments);
}

void
projection_start(const char *name)
{
	Arguments	arguments = {0};

	arguments_add_text(&arguments, name);
	(void) access_change("UPDATE %s." PROJECTION_TABLE
				  " SET started_at = clock_timestamp(), starts = starts + 1 WHERE name = $1",
				  &arguments);
}

void
projection_started(const char *name)
{
	Arguments	arguments = {0};

	arguments_add_text(&arguments, name);
	(void) access_change("UPDATE %s." PROJECTION_TABLE " SET started_at = NULL, starts = 0 WHERE name = "
				  "(SELECT name FROM %s." PROJECTION_TABLE " WHERE name = $1 AND started_at IS NOT NULL FOR NO KEY UPDATE SKIP LOCKED)",
				  &arguments);
}
