/*
 * column_read.c: what does a stored attribute read as?
 *
 * A value is readable when it is the one form of the column's value: a number that is an integer in an integer
 * column, a lower-case UUID in a uuid column. That is what lets DynamoDB compare on behalf of PostgreSQL. Everything
 * else is an error that says where it stands.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/base64.h"
#include "common/int.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "dynamodb/document.h"
#include "dynamodb/json.h"
#include "postgres/core/compat.h"
#include "postgres/core/encoding.h"
#include "postgres/core/errors.h"
#include "postgres/table/column_kind.h"
#include "postgres/table/json_text.h"
#include "postgres/table/relation.h"

#define UNIX_TO_POSTGRES_EPOCH_MS ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * 86400 * 1000)

int64
timestamp_to_ms(TimestampTz timestamp)
{
	if (TIMESTAMP_NOT_FINITE(timestamp))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an infinite timestamp cannot be stored in DynamoDB")));
	/* Division rounds towards zero; a moment before 2000 is to be rounded down like any other. */
	return timestamp / 1000 - (timestamp % 1000 < 0 ? 1 : 0) + UNIX_TO_POSTGRES_EPOCH_MS;
}

TimestampTz
timestamp_from_ms(int64 ms)
{
	TimestampTz timestamp;

	if (pg_sub_s64_overflow(ms, UNIX_TO_POSTGRES_EPOCH_MS, &timestamp)
		|| pg_mul_s64_overflow(timestamp, 1000, &timestamp)
		|| !IS_VALID_TIMESTAMP(timestamp))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range: " INT64_FORMAT " ms", ms)));
	return timestamp;
}

int64
timestamp_unit(const Column *column)
{
	int64		unit = 1;

	for (int digits = column->typmod; digits >= 0 && digits < 3; digits++)
		unit *= 10;
	return unit;
}

static void
expect_type(const AttributeValue *value, AttributeType type)
{
	if (value->type != type)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("it is of type %s, not %s", attribute_type_name(value->type), attribute_type_name(type))));
}

/*
 * Below, `lost` is NULL for a value that is to be read as it is stored. Otherwise characters that cannot be shown are
 * replaced, and *lost tells whether there were any.
 */

/* The text of an S in the server's encoding. */
static char *
string_text(const AttributeValue *value, bool *lost)
{
	expect_type(value, ATTRIBUTE_S);
	if (lost != NULL)
		return encoding_replace(value->text, lost);
	if (!json_text_is_plain(value->text))
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("it holds the character U+0000 or an unpaired surrogate")));
	return encoding_from_utf8(value->text, value->length);
}

static Datum
input_text(Column *column, char *string)
{
	return InputFunctionCall(&column->input, string, column->input_param, column->typmod);
}

Datum
column_of_text(Column *column, const char *string)
{
	return input_text(column, encoding_from_utf8(string, strlen(string)));
}

static void
report_not_exact(const char *what)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("it is not %s", what)));
}

/* A varchar's input function cuts blanks beyond its length, in silence. */
Datum
read_text(Column *column, const AttributeValue *value, bool *lost)
{
	char	   *string = string_text(value, lost);
	Datum		result = input_text(column, string);

	if (VARSIZE_ANY_EXHDR(DatumGetPointer(result)) != strlen(string))
		report_not_exact("a text of the column's length");
	return result;
}

Datum
read_uuid(Column *column, const AttributeValue *value, bool *lost)
{
	char	   *string = string_text(value, NULL);
	Datum		uuid = input_text(column, string);

	if (strcmp(OutputFunctionCall(&column->output, uuid), string) != 0)
		report_not_exact("a UUID in lower case with hyphens");
	return uuid;
}

static int64
read_int64(const AttributeValue *value)
{
	int64_t		number;

	expect_type(value, ATTRIBUTE_N);
	if (!attribute_to_int64(value, &number))
	{
		/* Either no integer at all or one that is too large; numeric can tell. */
		Datum		numeric = DirectFunctionCall3(numeric_in, CStringGetDatum(value->text),
												  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
		Datum		whole = DirectFunctionCall2(numeric_trunc, numeric, Int32GetDatum(0));

		if (!DatumGetBool(DirectFunctionCall2(numeric_eq, numeric, whole)))
			report_not_exact("an integer");
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("it is out of range")));
	}
	return number;
}

Datum
read_integer(Column *column, const AttributeValue *value, bool *lost)
{
	int64		number = read_int64(value);

	if (column->type == INT8OID)
		return Int64GetDatum(number);
	if (column->type == INT4OID)
		return DirectFunctionCall1(int84, Int64GetDatum(number));
	return DirectFunctionCall1(int82, Int64GetDatum(number));
}

Datum
read_numeric(Column *column, const AttributeValue *value, bool *lost)
{
	Datum		exact;
	Datum		fitted;

	expect_type(value, ATTRIBUTE_N);
	exact = DirectFunctionCall3(numeric_in, CStringGetDatum(value->text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	if (column->typmod < 0)
		return exact;
	fitted = DirectFunctionCall2(numeric, exact, Int32GetDatum(column->typmod));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, exact, fitted)))
		report_not_exact("a number of the column's scale");
	return fitted;
}

Datum
read_float(Column *column, const AttributeValue *value, bool *lost)
{
	expect_type(value, ATTRIBUTE_N);
	return input_text(column, unconstify(char *, value->text));
}

Datum
read_boolean(Column *column, const AttributeValue *value, bool *lost)
{
	expect_type(value, ATTRIBUTE_BOOL);
	return BoolGetDatum(value->boolean);
}

Datum
read_timestamp(Column *column, const AttributeValue *value, bool *lost)
{
	int64		ms = read_int64(value);

	if (ms % timestamp_unit(column) != 0)
		report_not_exact("a moment of the column's precision");
	return TimestampTzGetDatum(timestamp_from_ms(ms));
}

Datum
read_bytea(Column *column, const AttributeValue *value, bool *lost)
{
	bytea	   *bytes;
	int			length;

	expect_type(value, ATTRIBUTE_B);
	bytes = palloc(VARHDRSZ + pg_b64_dec_len(value->length));
	length = pg_b64_decode(value->text, value->length, (void *) VARDATA(bytes), pg_b64_dec_len(value->length));
	if (length < 0)
		report_not_exact("valid base64");
	SET_VARSIZE(bytes, VARHDRSZ + length);
	return PointerGetDatum(bytes);
}

static char *
json_text(const char *string, bool *lost)
{
	return lost == NULL ? encoding_from_utf8(string, strlen(string)) : encoding_replace(json_text_unescape(string), lost);
}

/* JSON text of an S as it is, of an M or L as plain JSON. */
Datum
read_json(Column *column, const AttributeValue *value, bool *lost)
{
	ByteBuffer	plain = {0};
	char	   *string = NULL;
	bool		is_plain;
	bool		is_complete;

	if (value->type == ATTRIBUTE_S)
		return input_text(column, lost == NULL ? string_text(value, NULL) : json_text(value->text, lost));
	if (value->type != ATTRIBUTE_M && value->type != ATTRIBUTE_L)
		expect_type(value, ATTRIBUTE_S);
	is_plain = lost == NULL ? document_write_plain(&plain, value) : document_write_escaped(&plain, value);
	is_complete = !plain.failed;
	if (is_plain && is_complete)
		string = MemoryContextAllocExtended(CurrentMemoryContext, plain.length + 1, MCXT_ALLOC_NO_OOM);
	if (string != NULL)
		memcpy(string, plain.data, plain.length + 1);
	buffer_free(&plain);
	if (!is_plain && is_complete)
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("it holds something that JSON text cannot")));
	if (string == NULL)
		report_out_of_memory();
	return input_text(column, json_text(string, lost));
}

/* A key attribute for a message: shortened, and with what cannot be shown left out. */
static char *
name_key(const cJSON *item, const char *attribute)
{
	AttributeValue value = attribute_get(item, attribute);

	if (value.type != ATTRIBUTE_S && value.type != ATTRIBUTE_N)
		return pstrdup("(none)");
	return encoding_for_message(value.text, value.length, MAX_NAMED_BYTES);
}

/* Is that the SQLSTATE of an error that the value has brought about? */
static bool
is_about_value(int sqlstate)
{
	/*
	 * JSON that nests too deep for PostgreSQL's stack exceeds a limit of the program; a character in an escape, for which
	 * the encoding has no conversion at all, is a feature that is not supported. Both are no less the value's doing.
	 */
	return ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_DATA_EXCEPTION
		|| ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_PROGRAM_LIMIT_EXCEEDED || sqlstate == ERRCODE_FEATURE_NOT_SUPPORTED;
}

/*
 * Turns the error that a conversion has raised into one that says where the value stands; raises other errors again
 * as they are.
 */
static void
report_unreadable(const ColumnMap *map, const Column *column, const cJSON *item, MemoryContext context)
{
	ErrorData  *error;
	int			sqlstate;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	sqlstate = error->sqlerrcode;
	FlushErrorState();
	if (!is_about_value(sqlstate))
		ReThrowError(error);
	if (sqlstate == ERRCODE_CHARACTER_NOT_IN_REPERTOIRE || sqlstate == ERRCODE_FEATURE_NOT_SUPPORTED)
		sqlstate = ERRCODE_UNTRANSLATABLE_CHARACTER;
	else if (sqlstate != ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE && sqlstate != ERRCODE_UNTRANSLATABLE_CHARACTER)
		sqlstate = ERRCODE_INVALID_TEXT_REPRESENTATION;
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("attribute \"%s\" of aggregate \"%s\", version %s cannot be read as column \"%s\" of foreign table \"%s\"",
					column_attribute_shown(column), name_key(item, COMMIT_AGGREGATE_ID), name_key(item, COMMIT_VERSION),
					column->name, map->relation_name),
			 errdetail("Type %s: %s.", format_type_be(column->type), encoding_escape(error->message)),
			 errhint("A query that does not ask for this column reads the commit.")));
}

/*
 * false where the value is unreadable. The functions that may fail are the input functions of types of PostgreSQL's own,
 * and conversions, which leave nothing behind but memory: so it is right to go on without a subtransaction, which would
 * cost as much as all else, and cannot be had beside parallel workers.
 */
static bool
try_read(Column *column, const AttributeValue *value, bool *lost, Datum *result)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool is_readable = false;

	PG_TRY();
	{
		*result = kind_rule(column->kind)->read(column, value, lost);
		is_readable = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (!is_about_value(geterrcode()))
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return is_readable;
}

/* A json column takes escapes that fail only when somebody looks into it: in SQL_ASCII all but those of ASCII. */
static bool
hides_unreadable(const Column *column, const AttributeValue *value)
{
	char	   *unescaped;
	bool		lost;

	if (column->kind != KIND_JSON || value->type != ATTRIBUTE_S || strstr(value->text, "\\u") == NULL)
		return false;
	unescaped = json_text_unescape(value->text);
	pfree(encoding_replace(unescaped, &lost));
	return lost || (GetDatabaseEncoding() == PG_SQL_ASCII && strcmp(unescaped, value->text) != 0);
}

static Datum
read_or_replace(const ColumnMap *map, Column *column, const cJSON *item, const AttributeValue *value, bool *isnull)
{
	bool		lost = true;
	Datum		result = (Datum) 0;

	if (!hides_unreadable(column, value) && try_read(column, value, NULL, &result))
		return result;
	*isnull = !kind_rule(column->kind)->has_characters || !try_read(column, value, &lost, &result);
	if (lost || *isnull)
		replacements_add(map->replacements,
						 psprintf("attribute \"%s\" of aggregate \"%s\", version %s, in foreign table \"%s\"",
								  column_attribute_shown(column), name_key(item, COMMIT_AGGREGATE_ID),
								  name_key(item, COMMIT_VERSION), map->relation_name));
	return *isnull ? (Datum) 0 : result;
}

Datum
column_read(const ColumnMap *map, Column *column, const cJSON *item, bool *isnull)
{
	AttributeValue value = attribute_get(item, column->attribute);
	MemoryContext context = CurrentMemoryContext;
	volatile Datum result = (Datum) 0;

	*isnull = value.type == ATTRIBUTE_ABSENT || value.type == ATTRIBUTE_NULL;
	if (*isnull)
		return (Datum) 0;
	if (map->replacements != NULL && column != map->ordered_by)
		return read_or_replace(map, column, item, &value, isnull);
	PG_TRY();
	{
		result = kind_rule(column->kind)->read(column, &value, NULL);
	}
	PG_CATCH();
	{
		report_unreadable(map, column, item, context);
	}
	PG_END_TRY();
	return result;
}

void
columns_read(const ColumnMap *map, Column *const *columns, int ncolumns, const cJSON *item, Datum *values, bool *isnull)
{
	memset(isnull, true, sizeof(bool) * map->natts);
	for (int i = 0; i < ncolumns; i++)
	{
		Column	   *column = columns[i];

		if (column != NULL)
			values[column->attnum - 1] = column_read(map, column, item, &isnull[column->attnum - 1]);
	}
}
