/*
 * column_kind.c: the kinds of columns, a row for each.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"

#include "postgres/table/column_kind.h"

static const KindRule kind_rules[] = {
	[KIND_TEXT] = {"text, varchar", {TEXTOID, VARCHAROID}, ATTRIBUTE_S, true, read_text, write_text},
	[KIND_UUID] = {"uuid", {UUIDOID}, ATTRIBUTE_S, false, read_uuid, write_uuid},
	[KIND_INTEGER] = {"smallint, integer, bigint", {INT2OID, INT4OID, INT8OID}, ATTRIBUTE_N, false, read_integer, write_exact_number},
	[KIND_NUMERIC] = {"numeric", {NUMERICOID}, ATTRIBUTE_N, false, read_numeric, write_exact_number},
	[KIND_FLOAT] = {"real, double precision", {FLOAT4OID, FLOAT8OID}, ATTRIBUTE_N, false, read_float, write_float},
	[KIND_BOOLEAN] = {"boolean", {BOOLOID}, ATTRIBUTE_BOOL, false, read_boolean, write_boolean},
	[KIND_TIMESTAMP] = {"timestamptz", {TIMESTAMPTZOID}, ATTRIBUTE_N, false, read_timestamp, write_timestamp},
	[KIND_BYTEA] = {"bytea", {BYTEAOID}, ATTRIBUTE_B, false, read_bytea, write_bytea},
	[KIND_JSON] = {"json", {JSONOID}, ATTRIBUTE_S, true, read_json, write_text},
	[KIND_JSONB] = {"jsonb", {JSONBOID}, ATTRIBUTE_S, true, read_json, write_jsonb},
};

const KindRule *
kind_rule(ColumnKind kind)
{
	return &kind_rules[kind];
}

bool
kind_of_type(Oid type, ColumnKind *kind)
{
	for (size_t i = 0; i < lengthof(kind_rules); i++)
		for (size_t j = 0; j < lengthof(kind_rules[i].types); j++)
			if (kind_rules[i].types[j] == type && OidIsValid(type))
			{
				*kind = (ColumnKind) i;
				return true;
			}
	return false;
}

char *
kind_names(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (size_t i = 0; i < lengthof(kind_rules); i++)
		appendStringInfo(&names, "%s%s", i == 0 ? "" : i + 1 < lengthof(kind_rules) ? ", " : " or ", kind_rules[i].name);
	return names.data;
}
