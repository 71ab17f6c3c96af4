/*
 * row.c: which commit is a row, and which row has become of it?
 *
 * All that can be checked is checked here, before an id is taken, so that a row that can never be stored costs no
 * request.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "postgres/append/row.h"
#include "postgres/core/errors.h"
#include "postgres/table/json_text.h"
#include "postgres/table/tuple.h"

/* Attributes that the store writes by itself. */
static const char *const reserved_attributes[] = {COMMIT_ACTIVE, COMMIT_APPENDED_AT};

void
row_check_columns(const ColumnMap *map, AppendMode mode)
{
	static const ColumnRole needed[] = {COLUMN_AGGREGATE_ID, COLUMN_VERSION, COLUMN_EVENTS, COLUMN_COMMIT_ID, COLUMN_COMMITTED_AT};
	static const char *const names[] = {"aggregate_id", "version", "events", "commit_id", "committed_at"};
	size_t		count = mode == APPEND_IMPORT ? lengthof(needed) : 3;

	for (size_t i = 0; i < count; i++)
		if (map->by_role[needed[i]] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
					 errmsg("cannot insert into foreign table \"%s\" without a column for %s",
							map->relation_name, names[i])));
}

/* The row's value for a role, and whether there is one. */
static bool
row_value(const ColumnMap *map, TupleTableSlot *slot, ColumnRole role, Datum *value)
{
	Column	   *column = map->by_role[role];
	bool		isnull = true;

	if (column != NULL)
		*value = slot_getattr(slot, column->attnum, &isnull);
	return !isnull;
}

static void
report_missing(const ColumnMap *map, ColumnRole role)
{
	ereport(ERROR,
			(errcode(ERRCODE_NOT_NULL_VIOLATION),
			 errmsg("null value in column \"%s\" of foreign table \"%s\"",
					map->by_role[role]->name, map->relation_name)));
}

static void
take_aggregate_id(const ColumnMap *map, TupleTableSlot *slot, Commit *commit)
{
	AttributeValue string;
	Datum		value;

	if (!row_value(map, slot, COLUMN_AGGREGATE_ID, &value))
		report_missing(map, COLUMN_AGGREGATE_ID);
	string = column_write(map->by_role[COLUMN_AGGREGATE_ID], value);
	commit->aggregate_id = string.text;
	commit->aggregate_id_length = string.length;
}

/* A version left out is the next one. */
static void
take_version(const ColumnMap *map, TupleTableSlot *slot, AppendRow *row)
{
	Datum		value;

	row->next_version = !row_value(map, slot, COLUMN_VERSION, &value);
	if (!row->next_version)
		row->commit.version = map->by_role[COLUMN_VERSION]->type == INT4OID
			? DatumGetInt32(value) : DatumGetInt64(value);
}

static void
take_events(const ColumnMap *map, TupleTableSlot *slot, Commit *commit)
{
	Column	   *column = map->by_role[COLUMN_EVENTS];
	AttributeValue written;
	Datum		value;

	if (!row_value(map, slot, COLUMN_EVENTS, &value))
		report_missing(map, COLUMN_EVENTS);
	if (column->kind == KIND_TEXT)
		DirectFunctionCall1(json_in, CStringGetDatum(TextDatumGetCString(value)));
	written = column_write(column, value);
	if (!json_text_is_array(written.text))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of foreign table \"%s\" must be a JSON array",
						column->name, map->relation_name),
				 errcontext("row with %s", describe_aggregate(commit))));
	commit->events = written.text;
	commit->events_length = written.length;
}

/* What is imported brings all that a store gives to other rows. */
static void
take_imported(const ColumnMap *map, TupleTableSlot *slot, AppendRow *row)
{
	static const ColumnRole brought[] = {COLUMN_COMMIT_ID, COLUMN_COMMITTED_AT, COLUMN_VERSION};
	Datum		value;

	for (size_t i = 0; i < lengthof(brought); i++)
		if (!row_value(map, slot, brought[i], &value))
			report_missing(map, brought[i]);
	row_value(map, slot, COLUMN_COMMIT_ID, &value);
	row->commit.commit_id = DatumGetInt64(value);
	row->commit.is_imported = true;
	if (row->commit.commit_id <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a row cannot be stored as a commit in foreign table \"%s\"", map->relation_name),
				 errdetail("The commit id is " INT64_FORMAT ", and commit ids start at 1.", row->commit.commit_id),
				 errcontext("row with %s", describe_commit(&row->commit))));
	if (row->commit.commit_id == PG_INT64_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a row cannot be stored as a commit in foreign table \"%s\"", map->relation_name),
				 errdetail("The commit id is " INT64_FORMAT ", which would leave none for later commits.", row->commit.commit_id),
				 errcontext("row with %s", describe_commit(&row->commit))));
}

static void
check_no_id(const ColumnMap *map, TupleTableSlot *slot)
{
	Datum		value;

	if (row_value(map, slot, COLUMN_COMMIT_ID, &value))
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("cannot insert a non-NULL value into column \"%s\" of foreign table \"%s\"",
						map->by_role[COLUMN_COMMIT_ID]->name, map->relation_name),
				 errdetail("The event store gives out commit ids."),
				 errhint("Leave the column out. To keep the ids of a history, set the option \"append_mode\" to \"import\".")));
}

static void
take_time(const ColumnMap *map, TupleTableSlot *slot, Commit *commit)
{
	Column	   *committed_at = map->by_role[COLUMN_COMMITTED_AT];
	Datum		value;

	commit->committed_at_given = row_value(map, slot, COLUMN_COMMITTED_AT, &value);
	if (commit->committed_at_given)
		commit->committed_at = committed_at->kind == KIND_TIMESTAMP
			? timestamp_to_ms(DatumGetTimestampTz(value)) : DatumGetInt64(value);
	else if (committed_at != NULL && committed_at->kind == KIND_TIMESTAMP)
		commit->clock_unit = timestamp_unit(committed_at);
}

/* The time of its append is part of what an imported commit brings. */
static bool
is_brought(const Commit *commit, const Column *column)
{
	return commit->is_imported && strcmp(column->attribute, COMMIT_APPENDED_AT) == 0;
}

static void
check_not_reserved(const ColumnMap *map, const Commit *commit, const Column *column)
{
	for (size_t i = 0; i < lengthof(reserved_attributes); i++)
		if (strcmp(column->attribute, reserved_attributes[i]) == 0 && !is_brought(commit, column))
			ereport(ERROR,
					(errcode(ERRCODE_GENERATED_ALWAYS),
					 errmsg("cannot insert a non-NULL value into column \"%s\" of foreign table \"%s\"",
							column->name, map->relation_name),
					 errdetail("The event store itself writes the attribute \"%s\".", column_attribute_shown(column))));
}

static void
take_extra(const ColumnMap *map, TupleTableSlot *slot, Commit *commit)
{
	Attribute  *extra = palloc(sizeof(Attribute) * Max(map->natts, 1));

	for (int i = 0; i < map->natts; i++)
	{
		Column	   *column = map->columns[i];
		Datum		value;
		bool		isnull;

		if (column == NULL || column->role != COLUMN_EXTRA)
			continue;
		value = slot_getattr(slot, column->attnum, &isnull);
		if (isnull)
			continue;
		check_not_reserved(map, commit, column);
		extra[commit->nextra].name = column->attribute;
		extra[commit->nextra].value = column_write(column, value);
		commit->nextra++;
	}
	commit->extra = extra;
}

AppendRow
row_to_commit(const ColumnMap *map, AppendMode mode, TupleTableSlot *slot)
{
	AppendRow	row = {0};
	Commit	   *commit = &row.commit;
	Failure		failure;

	take_aggregate_id(map, slot, commit);
	take_version(map, slot, &row);
	if (mode == APPEND_IMPORT)
		take_imported(map, slot, &row);
	else
		check_no_id(map, slot);
	take_time(map, slot, commit);
	take_events(map, slot, commit);
	take_extra(map, slot, commit);
	if (row.next_version)
		commit->version = map->by_role[COLUMN_VERSION]->type == INT4OID ? PG_INT32_MAX : PG_INT64_MAX;	/* the widest */
	if (!commit_check(commit, &failure))
		ereport(ERROR,
				(errcode(failure.kind == FAILURE_TOO_LARGE
						 ? ERRCODE_PROGRAM_LIMIT_EXCEEDED : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a row cannot be stored as a commit in foreign table \"%s\"", map->relation_name),
				 errdetail_internal("%s", words_of_failure(&failure)),
				 errcontext("row with %s", describe_aggregate(commit))));
	if (row.next_version)
		commit->version = -1;	/* not known yet */
	return row;
}

/* A row's values, to be changed and put back. */
typedef struct RowValues
{
	Datum	   *values;
	bool	   *nulls;
} RowValues;

/* With times cut to what is stored of them. */
static RowValues
values_of_slot(const ColumnMap *map, TupleTableSlot *slot)
{
	int			natts = slot->tts_tupleDescriptor->natts;
	RowValues	row = {palloc(sizeof(Datum) * natts), palloc(sizeof(bool) * natts)};

	slot_getallattrs(slot);
	memcpy(row.values, slot->tts_values, sizeof(Datum) * natts);
	memcpy(row.nulls, slot->tts_isnull, sizeof(bool) * natts);
	for (int i = 0; i < map->natts; i++)
	{
		Column	   *column = map->columns[i];

		if (column != NULL && column->kind == KIND_TIMESTAMP && !row.nulls[i])
			row.values[i] = TimestampTzGetDatum(timestamp_from_ms(timestamp_to_ms(DatumGetTimestampTz(row.values[i]))));
	}
	return row;
}

static void
values_set(RowValues *row, const Column *column, Datum value)
{
	row->values[column->attnum - 1] = value;
	row->nulls[column->attnum - 1] = false;
}

/* The slots may be one and the same. */
static void
values_to_slot(RowValues *row, TupleTableSlot *slot)
{
	MemoryContext caller = MemoryContextSwitchTo(slot->tts_mcxt);

	ExecForceStoreHeapTuple(tuple_form(slot->tts_tupleDescriptor, row->values, row->nulls), slot, true);
	MemoryContextSwitchTo(caller);
	pfree(row->values);
	pfree(row->nulls);
}

void
row_cut_times(const ColumnMap *map, TupleTableSlot *slot, TupleTableSlot *shown)
{
	RowValues	row = values_of_slot(map, slot);

	values_to_slot(&row, shown);
}

/* A repeated token brings back a time that another table may have stored, of more digits than the column has. */
static Datum
committed_at_shown(const Column *column, int64 ms)
{
	int64		unit;

	if (column->kind != KIND_TIMESTAMP)
		return Int64GetDatum(ms);
	unit = timestamp_unit(column);
	return TimestampTzGetDatum(timestamp_from_ms(ms - (ms % unit + unit) % unit));
}

void
row_update(const ColumnMap *map, const Commit *commit, TupleTableSlot *slot, TupleTableSlot *shown)
{
	Column	   *commit_id = map->by_role[COLUMN_COMMIT_ID];
	Column	   *committed_at = map->by_role[COLUMN_COMMITTED_AT];
	Column	   *version = map->by_role[COLUMN_VERSION];
	RowValues	row = values_of_slot(map, slot);

	values_set(&row, version, version->type == INT4OID
			   ? Int32GetDatum((int32) commit->version) : Int64GetDatum(commit->version));
	if (commit_id != NULL)
		values_set(&row, commit_id, Int64GetDatum(commit->commit_id));
	if (committed_at != NULL)
		values_set(&row, committed_at, committed_at_shown(committed_at, commit->committed_at));
	values_to_slot(&row, shown);
}
