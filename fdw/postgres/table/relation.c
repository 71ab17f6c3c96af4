/*
 * relation.c: which attribute is which column, and may a table's columns be what they are declared to be?
 *
 * The conversion of values is column_read.c's and column_write.c's.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "postgres/core/compat.h"
#include "postgres/core/encoding.h"
#include "postgres/table/column_kind.h"
#include "postgres/table/options.h"
#include "postgres/table/relation.h"

typedef struct RoleRule
{
	const char *attribute;
	const char *column;			/* the column name that stands for it without an option */
	const char *types;			/* as said in the error */
	Oid			allowed[3];
} RoleRule;

static const RoleRule role_rules[COMMIT_ROLES] = {
	[COLUMN_AGGREGATE_ID] = {COMMIT_AGGREGATE_ID, "aggregate_id", "text, varchar or uuid", {TEXTOID, VARCHAROID, UUIDOID}},
	[COLUMN_VERSION] = {COMMIT_VERSION, "version", "integer or bigint", {INT4OID, INT8OID}},
	[COLUMN_COMMIT_ID] = {COMMIT_ID, "commit_id", "bigint", {INT8OID}},
	[COLUMN_COMMITTED_AT] = {COMMIT_COMMITTED_AT, "committed_at", "timestamptz or bigint", {TIMESTAMPTZOID, INT8OID}},
	[COLUMN_EVENTS] = {COMMIT_EVENTS, "events", "jsonb, json or text", {JSONBOID, JSONOID, TEXTOID}},
};

/* Of an attribute's name: the option's 255 bytes may be more in UTF-8. */
#define MAX_SHOWN_BYTES (255 * MAX_CONVERSION_GROWTH)

const char *
attribute_shown(const char *attribute)
{
	return encoding_for_message(attribute, strlen(attribute), MAX_SHOWN_BYTES);
}

const char *
column_attribute_shown(const Column *column)
{
	return attribute_shown(column->attribute);
}

static void
report_column_type(const ColumnMap *map, const Column *column, const char *types)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
			 errmsg("column \"%s\" of foreign table \"%s\" cannot be of type %s",
					column->name, map->relation_name, format_type_be(column->type)),
			 errdetail("An attribute \"%s\" can be read as %s.", column_attribute_shown(column), types)));
}

/* The attribute of a column without an option: a commit's own by its usual name, else one of the column's name. */
static const char *
default_attribute(const char *column_name)
{
	for (int role = 0; role < COMMIT_ROLES; role++)
		if (strcmp(role_rules[role].column, column_name) == 0)
			return role_rules[role].attribute;
	return column_name;
}

static ColumnRole
role_of_attribute(const char *attribute)
{
	for (int role = 0; role < COMMIT_ROLES; role++)
		if (strcmp(role_rules[role].attribute, attribute) == 0)
			return role;
	return COLUMN_EXTRA;
}

static void
check_column_type(const ColumnMap *map, Column *column)
{
	const RoleRule *rule;

	if (!kind_of_type(column->type, &column->kind))
		report_column_type(map, column,
						   column->role == COLUMN_EXTRA ? kind_names() : role_rules[column->role].types);
	if (column->role == COLUMN_EXTRA)
		return;
	rule = &role_rules[column->role];
	for (size_t i = 0; i < lengthof(rule->allowed); i++)
		if (rule->allowed[i] == column->type)
			return;
	report_column_type(map, column, rule->types);
}

static void
check_attribute_is_new(const ColumnMap *map, const Column *column)
{
	for (int i = 0; i < column->attnum - 1; i++)
		if (map->columns[i] != NULL && strcmp(map->columns[i]->attribute, column->attribute) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_COLUMN_NAME),
					 errmsg("columns \"%s\" and \"%s\" of foreign table \"%s\" stand for the same attribute \"%s\"",
							map->columns[i]->name, column->name, map->relation_name, column_attribute_shown(column))));
}

static void
column_prepare(Column *column)
{
	Oid			function;
	bool		varlena;

	getTypeInputInfo(column->type, &function, &column->input_param);
	fmgr_info(function, &column->input);
	getTypeOutputInfo(column->type, &function, &varlena);
	fmgr_info(function, &column->output);
}

static Column *
column_new(const ColumnMap *map, Relation relation, Form_pg_attribute attribute)
{
	Column	   *column = palloc0(sizeof(Column));
	const char *name = options_attribute_of_column(RelationGetRelid(relation), attribute->attnum);

	column->attnum = attribute->attnum;
	column->name = pstrdup(NameStr(attribute->attname));
	column->type = attribute->atttypid;
	column->typmod = attribute->atttypmod;
	if (name == NULL)
		name = default_attribute(column->name);
	column->attribute = encoding_to_utf8(name, strlen(name));
	column->role = role_of_attribute(column->attribute);
	check_column_type(map, column);
	check_attribute_is_new(map, column);
	column_prepare(column);
	return column;
}

ColumnMap *
column_map_new(Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);
	ColumnMap  *map = palloc0(sizeof(ColumnMap));

	map->relation_name = pstrdup(RelationGetRelationName(relation));
	map->natts = desc->natts;
	map->columns = palloc0(sizeof(Column *) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		Column	   *column;

		if (attribute->attisdropped)
			continue;
		column = column_new(map, relation, attribute);
		map->columns[i] = column;
		if (column->role < COMMIT_ROLES)
			map->by_role[column->role] = column;
	}
	return map;
}
