/*
 * row.c: what does the database know of a projection?
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "postgres/projection/row.h"
#include "postgres/session/task.h"

#define PROJECTION_TABLE "dynamodb_es_projection"
#define PASSED_TABLE "dynamodb_es_passed"

/* Ranges of ids that are open at a time, of each projection, and how long they are. */
#define MOST_OPEN "1000"
#define LOOKED_FOR "'1 day'::interval"

/* In the order in which read_row takes them. %s: the schema. */
#define COLUMNS                                                                                                        \
	"p.name, p.handler, p.owner, p.position, p.last_commit_id, p.last_aggregate_id, p.last_version, p.batch_size, "    \
	"(extract(epoch FROM p.poll_interval) * 1000)::bigint, (extract(epoch FROM p.gap_timeout) * 1000)::bigint, "       \
	"p.enabled, p.restored, p.started_at, p.starts, lower(p.waiting_for), upper(p.waiting_for) - 1, p.last_error IS "  \
	"NOT NULL, "                                                                                                       \
	"ARRAY(SELECT lower(s.ids) FROM %s." PASSED_TABLE " s WHERE s.projection = p.name AND s.fate = 'skipped' "         \
	"AND lower(s.ids) > p.position ORDER BY 1), "                                                                      \
	"EXISTS (SELECT FROM %s." PASSED_TABLE " s WHERE s.projection = p.name AND s.fate = 'open' "                       \
	"AND s.next_look <= clock_timestamp())"

/* As whom the tables are accessed, and what it was before. */
typedef struct Access
{
	char	   *schema;			/* quoted */
	MemoryContext caller;
	Oid			user;
	int			context;
	int			nest_level;
	bool		has_pushed;		/* a snapshot: SQL needs one, and a worker has none of a portal's */
} Access;

static bool inserts = false;

bool
projection_inserts(void)
{
	return inserts;
}

Oid
projection_schema(void)
{
	Relation	extensions = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			schema = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("dynamodb_es"));
	scan = systable_beginscan(extensions, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
	if (!OidIsValid(schema) || !OidIsValid(get_relname_relid(PASSED_TABLE, schema)))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("this database has no projections"),
						errhint("Run CREATE EXTENSION dynamodb_es, or ALTER EXTENSION dynamodb_es UPDATE.")));
	return schema;
}

/* An error on the way is undone by the transaction or subtransaction that it ends. */
static void
access_begin(Access *access)
{
	Oid			schema = projection_schema();

	access->caller = CurrentMemoryContext;
	access->schema = pstrdup(quote_identifier(get_namespace_name(schema)));
	GetUserIdAndSecContext(&access->user, &access->context);
	SetUserIdAndSecContext(task_owner(get_relname_relid(PROJECTION_TABLE, schema)),
						   access->context | SECURITY_LOCAL_USERID_CHANGE);
	access->nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	SPI_connect();
	access->has_pushed = !ActiveSnapshotSet();
	if (access->has_pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
}

static void
access_end(Access *access)
{
	if (access->has_pushed)
		PopActiveSnapshot();
	SPI_finish();
	AtEOXact_GUC(false, access->nest_level);
	SetUserIdAndSecContext(access->user, access->context);
	pfree(access->schema);
}

typedef struct Arguments
{
	int			count;
	Oid			types[16];
	Datum		values[16];
	char		nulls[16];
} Arguments;

static void
add(Arguments *arguments, Oid type, Datum value)
{
	arguments->types[arguments->count] = type;
	arguments->values[arguments->count] = value;
	arguments->nulls[arguments->count++] = ' ';
}

static void
add_text(Arguments *arguments, const char *text)
{
	add(arguments, TEXTOID, text != NULL ? CStringGetTextDatum(text) : (Datum) 0);
	if (text == NULL)
		arguments->nulls[arguments->count - 1] = 'n';
}

static void
add_int64(Arguments *arguments, int64 value)
{
	add(arguments, INT8OID, Int64GetDatum(value));
}

/* `sql` is ours, and has been freed by nobody. The result's rows are in SPI_tuptable. */
static uint64
execute(const char *sql, Arguments *arguments)
{
	int			result =
		SPI_execute_with_args(sql, arguments->count, arguments->types, arguments->values, arguments->nulls, false, 0);

	if (result < 0)
		elog(ERROR, "could not access projections: %s", SPI_result_code_string(result));
	return SPI_processed;
}

static Datum
value_of(int row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

static int64
int64_of(int row, int column)
{
	bool		isnull;
	Datum		value = value_of(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static int32
int32_of(int row, int column)
{
	bool		isnull;
	Datum		value = value_of(row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

static bool
bool_of(int row, int column)
{
	bool		isnull;
	Datum		value = value_of(row, column, &isnull);

	return !isnull && DatumGetBool(value);
}

static char *
text_of(int row, int column)
{
	bool		isnull;
	Datum		value = value_of(row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static void
read_ids(int row, int column, ProjectionRow *projection)
{
	bool		isnull;
	Datum		value = value_of(row, column, &isnull);
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

	projection->name = text_of(row, 1);
	projection->handler = text_of(row, 2);
	projection->owner = text_of(row, 3);
	projection->position = int64_of(row, 4);
	projection->last_commit_id = int64_of(row, 5);
	projection->last_aggregate_id = text_of(row, 6);
	projection->last_version = int64_of(row, 7);
	projection->batch_size = int32_of(row, 8);
	projection->poll_interval_ms = int64_of(row, 9);
	projection->gap_timeout_ms = int64_of(row, 10);
	projection->enabled = bool_of(row, 11);
	projection->restored = bool_of(row, 12);
	projection->started_at = int64_of(row, 13);
	projection->starts = int32_of(row, 14);
	projection->waiting_for.first = int64_of(row, 15);
	projection->waiting_for.last = int64_of(row, 16);
	projection->has_error = bool_of(row, 17);
	read_ids(row, 18, projection);
	projection->late_is_due = bool_of(row, 19);
	return projection;
}

/* The rows of a SELECT of COLUMNS, in the caller's memory context. */
static List *
select_rows(Access *access, const char *clauses, Arguments *arguments)
{
	char	   *sql =
		psprintf("SELECT " COLUMNS " FROM %s." PROJECTION_TABLE " p %s", access->schema, access->schema, access->schema, clauses);
	uint64		count = execute(sql, arguments);
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
	add_text(&arguments, name);
	rows = select_rows(&access, clauses, &arguments);
	access_end(&access);
	return rows == NIL ? NULL : linitial(rows);
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

List	   *
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

/* Runs a statement on one of the tables; %s in it, twice at the most, are the schema. */
static uint64
change(const char *sql, Arguments *arguments)
{
	Access		access;
	uint64		count;

	access_begin(&access);
	count = execute(psprintf(sql, access.schema, access.schema), arguments);
	access_end(&access);
	return count;
}

static void
add_settings(Arguments *arguments, const ProjectionRow *row)
{
	add_text(arguments, row->name);
	add_text(arguments, row->handler);
	add_text(arguments, row->owner);
	add(arguments, INT4OID, Int32GetDatum(row->batch_size));
	add_int64(arguments, row->poll_interval_ms);
	add_int64(arguments, row->gap_timeout_ms);
	add(arguments, BOOLOID, BoolGetDatum(row->enabled));
}

void
projection_insert(const ProjectionRow *row)
{
	Arguments	arguments = {0};
	uint64		count;

	add_settings(&arguments, row);
	add_int64(&arguments, row->position);
	inserts = true;
	PG_TRY();
	{
		count = change(
					   "INSERT INTO %s." PROJECTION_TABLE
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
	add(&arguments, BOOLOID, BoolGetDatum(row->restored));
	(void) change("UPDATE %s." PROJECTION_TABLE
				  " SET handler = $2, owner = $3, batch_size = $4, poll_interval = $5 * '1 ms'::interval, "
				  "gap_timeout = $6 * '1 ms'::interval, enabled = $7, restored = $8, next_try = NULL WHERE name = $1",
				  &arguments);
}

void
projection_delete(const char *name)
{
	Arguments	arguments = {0};

	add_text(&arguments, name);
	(void) change("WITH passed AS (DELETE FROM %s." PASSED_TABLE
				  " WHERE projection = $1) DELETE FROM %s." PROJECTION_TABLE " WHERE name = $1",
				  &arguments);
}

void
projection_reset(const char *name, int64 position)
{
	Arguments	arguments = {0};

	add_text(&arguments, name);
	add_int64(&arguments, position);
	(void) change("WITH passed AS (DELETE FROM %s." PASSED_TABLE " WHERE projection = $1) "
				  "UPDATE %s." PROJECTION_TABLE
				  " SET position = $2, last_commit_id = NULL, last_aggregate_id = NULL, last_version = NULL, "
				  "seen = NULL, waiting_for = NULL, waiting_since = NULL, applied_at = NULL, applied = 0, passed = 0, "
				  "late = 0, out_of_order = 0, "
				  "stopped = false, last_error = NULL, failed_at = NULL, next_try = NULL WHERE name = $1",
				  &arguments);
}

/* A follower that waits with an error tries again. */
void
projection_skip(const char *name, int64 commit_id)
{
	Arguments	arguments = {0};

	add_text(&arguments, name);
	add_int64(&arguments, commit_id);
	add_text(&arguments, GetUserNameFromId(GetUserId(), false));
	(void) change("WITH again AS (UPDATE %s." PROJECTION_TABLE " SET next_try = NULL WHERE name = $1) "
				  "INSERT INTO %s." PASSED_TABLE " (projection, ids, passed_at, fate, by_role) "
				  "VALUES ($1, int8range($2, $2, '[]'), now(), 'skipped', $3)",
				  &arguments);
}

IdRange    *
passed_due(const char *name, TimestampTz at, int *count)
{
	Access		access;
	Arguments	arguments = {0};
	IdRange    *ranges;

	access_begin(&access);
	add_text(&arguments, name);
	add(&arguments, TIMESTAMPTZOID, TimestampTzGetDatum(at));
	*count = (int) execute(psprintf("SELECT lower(ids), upper(ids) - 1 FROM %s." PASSED_TABLE
									" WHERE projection = $1 AND fate = 'open' AND next_look <= $2 ORDER BY 1",
									access.schema),
						   &arguments);
	ranges = MemoryContextAlloc(access.caller, sizeof(IdRange) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		ranges[i] = (IdRange) {.first = int64_of(i, 1), .last = int64_of(i, 2)};
	access_end(&access);
	return ranges;
}

static void
add_ids(Arguments *arguments, const int64 *ids, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(ids[i]);
	add(arguments, INT8ARRAYOID,
		PointerGetDatum(construct_array(values, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
}

/* A range that some of these ids are in becomes several. */
bool
passed_settle(const char *name, const int64 *ids, int count, const char *fate)
{
	Arguments	arguments = {0};

	add_text(&arguments, name);
	add_ids(&arguments, ids, count);
	if (change("SELECT i FROM unnest($2) i WHERE EXISTS (SELECT FROM %s." PASSED_TABLE
			   " WHERE projection = $1 AND fate = 'open' AND ids @> i)",
			   &arguments) != (uint64) count)
		return false;
	add_text(&arguments, fate);
	add_text(&arguments, GetUserNameFromId(GetUserId(), false));
	(void) change("WITH settled AS (SELECT range_agg(int8range(i, i, '[]')) AS ids FROM unnest($2) i), "
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
projection_skip_passed(const char *name, int64 commit_id)
{
	Arguments	arguments = {0};

	if (!passed_settle(name, &commit_id, 1, "skipped"))
		return false;
	add_text(&arguments, name);
	(void) change("UPDATE %s." PROJECTION_TABLE " SET next_try = NULL WHERE name = $1", &arguments);
	return true;
}

/* The first look is when the time-out has passed once more. */
static void
insert_passed(const char *name, const IdRange *range, int64 gap_timeout_ms)
{
	Arguments	arguments = {0};

	add_text(&arguments, name);
	add_int64(&arguments, range->first);
	add_int64(&arguments, range->last);
	add_int64(&arguments, gap_timeout_ms);
	add_text(&arguments, GetUserNameFromId(GetUserId(), false));
	(void) change("INSERT INTO %s." PASSED_TABLE " (projection, ids, passed_at, next_look, fate, by_role) "
				  "VALUES ($1, int8range($2, $3, '[]'), clock_timestamp(), clock_timestamp() + $4 * '1 ms'::interval, 'open', $5)",
				  &arguments);
}

/* Of more open ranges than that, the oldest are given up for good. */
static void
expire_passed(const char *name)
{
	Arguments	arguments = {0};

	add_text(&arguments, name);
	(void) change("UPDATE %s." PASSED_TABLE " SET fate = 'expired', next_look = NULL "
				  "WHERE projection = $1 AND fate = 'open' AND lower(ids) <= "
				  "(SELECT lower(s.ids) FROM %s." PASSED_TABLE " s WHERE s.projection = $1 AND s.fate = 'open' "
				  "ORDER BY 1 DESC OFFSET " MOST_OPEN " LIMIT 1)",
				  &arguments);
}

/* What is still not there is looked for again when it has been passed for twice as long; for a day in all. */
static void
note_looks(const ProjectionRow *row, const PassedLooks *looks)
{
	Arguments	arguments = {0};

	add_text(&arguments, row->name);
	add(&arguments, TIMESTAMPTZOID, TimestampTzGetDatum(looks->at));
	add_int64(&arguments, looks->last);
	add_int64(&arguments, row->gap_timeout_ms);
	(void) change("UPDATE %s." PASSED_TABLE " SET looks = looks + 1, "
				  "fate = CASE WHEN $2 < passed_at + " LOOKED_FOR " THEN 'open' ELSE 'expired' END, "
				  "next_look = CASE WHEN $2 < passed_at + " LOOKED_FOR
				  " THEN least($2 + greatest($2 - passed_at, $4 * '1 ms'::interval), passed_at + " LOOKED_FOR ") END "
				  "WHERE projection = $1 AND fate = 'open' AND next_look <= $2 AND upper(ids) - 1 <= $3",
				  &arguments);
}

void
projection_move(const ProjectionRow *row, const ProjectionMove *move)
{
	Arguments	arguments = {0};
	uint64		count;

	add_text(&arguments, row->name);
	add_int64(&arguments, move->from);
	add_int64(&arguments, move->position);
	add_int64(&arguments, move->last_commit_id);
	add_text(&arguments, move->last_aggregate_id);
	add_int64(&arguments, move->last_version);
	add_int64(&arguments, move->seen);
	add_int64(&arguments, move->waiting_for.first);
	add_int64(&arguments, move->waiting_for.last);
	add_int64(&arguments, move->applied);
	add_int64(&arguments, move->passed);
	add_int64(&arguments, move->late);
	add_int64(&arguments, move->out_of_order);
	count = change(
				   "UPDATE %s." PROJECTION_TABLE " SET position = $3, "
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
	for (size_t i = 0; i < move->npassed_ranges; i++)
		insert_passed(row->name, &move->passed_ranges[i], row->gap_timeout_ms);
	if (move->npassed_ranges > 0)
		expire_passed(row->name);
	if (move->looks.last > 0)
		note_looks(row, &move->looks);
}

void
projection_fail(const char *name, const char *error, bool stopped, TimestampTz next_try)
{
	Arguments	arguments = {0};

	add_text(&arguments, name);
	add_text(&arguments, error);
	add(&arguments, BOOLOID, BoolGetDatum(stopped));
	add(&arguments, TIMESTAMPTZOID, TimestampTzGetDatum(next_try));
	(void) change("UPDATE %s." PROJECTION_TABLE
				  " SET last_error = $2, stopped = $3, next_try = $4, failed_at = clock_timestamp(), "
				  "started_at = NULL, starts = 0 WHERE name = $1",
				  &arguments);
}

void
projection_start(const char *name)
{
	Arguments	arguments = {0};

	add_text(&arguments, name);
	(void) change("UPDATE %s." PROJECTION_TABLE
				  " SET started_at = clock_timestamp(), starts = starts + 1 WHERE name = $1",
				  &arguments);
}

void
projection_started(const char *name)
{
	Arguments	arguments = {0};

	add_text(&arguments, name);
	(void) change("UPDATE %s." PROJECTION_TABLE " SET started_at = NULL, starts = 0 WHERE name = "
				  "(SELECT name FROM %s." PROJECTION_TABLE " WHERE name = $1 AND started_at IS NOT NULL FOR NO KEY UPDATE SKIP LOCKED)",
				  &arguments);
}
