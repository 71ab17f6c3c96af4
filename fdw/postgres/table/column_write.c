/*
 * column_write.c: how is a column's value stored?
 *
 * Numbers go from PostgreSQL's text to DynamoDB's without passing through a double; what DynamoDB would refuse or
 * change is refused here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/base64.h"
#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "postgres/core/compat.h"
#include "postgres/core/encoding.h"
#include "postgres/table/json_text.h"
#include "postgres/table/relation.h"

static AttributeValue
string_in_utf8(const char *string, size_t length)
{
	const char *utf8 = encoding_to_utf8(string, length);

	return attribute_string(utf8, utf8 == string ? length : strlen(utf8));
}

static AttributeValue
write_number(const Column *column, const char *string)
{
	size_t		length = strlen(string);

	if (!number_is_storable(string, length))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("value of column \"%s\" is out of DynamoDB's range for numbers: %s", column->name, string),
				 errdetail("DynamoDB holds 38 significant digits, from 1E-130 to 9.99E+125.")));
	return attribute_number(string, length);
}

/* In the shortest digits that are the number and no other, whatever extra_float_digits says. */
static AttributeValue
write_float(const Column *column, Datum value)
{
	char	   *digits = palloc(DOUBLE_SHORTEST_DECIMAL_LEN);

	if (column->type == FLOAT4OID)
		float_to_shortest_decimal_buf(DatumGetFloat4(value), digits);
	else
		double_to_shortest_decimal_buf(DatumGetFloat8(value), digits);
	return write_number(column, digits);
}

static AttributeValue
write_bytea(Datum value)
{
	bytea	   *bytes = DatumGetByteaPP(value);
	int			room = pg_b64_enc_len(VARSIZE_ANY_EXHDR(bytes));
	char	   *string = palloc(room + 1);
	int			length = pg_b64_encode((void *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), string, room);
	AttributeValue written = {.type = ATTRIBUTE_B, .text = string, .length = Max(length, 0)};

	string[written.length] = '\0';
	return written;
}

static AttributeValue
write_jsonb(Datum value)
{
	StringInfoData string;

	initStringInfo(&string);
	jsonb_write_compact(&string, DatumGetJsonbP(value));
	return string_in_utf8(string.data, string.len);
}

AttributeValue
column_write(Column *column, Datum value)
{
	char	   *printed;

	switch (column->kind)
	{
		case KIND_TEXT:
		case KIND_JSON:
			printed = text_to_cstring(DatumGetTextPP(value));
			return string_in_utf8(printed, strlen(printed));
		case KIND_UUID:
			printed = OutputFunctionCall(&column->output, value);
			return attribute_string(printed, strlen(printed));
		case KIND_INTEGER:
		case KIND_NUMERIC:
			return write_number(column, OutputFunctionCall(&column->output, value));
		case KIND_FLOAT:
			return write_float(column, value);
		case KIND_BOOLEAN:
			return attribute_boolean(DatumGetBool(value));
		case KIND_TIMESTAMP:
			printed = palloc(24);
			return attribute_int64(timestamp_to_ms(DatumGetTimestampTz(value)), printed);
		case KIND_BYTEA:
			return write_bytea(value);
		case KIND_JSONB:
			return write_jsonb(value);
	}
	pg_unreachable();
}
