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
#include "postgres/table/column_kind.h"
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
AttributeValue
write_float(Column *column, Datum value)
{
	char	   *digits = palloc(DOUBLE_SHORTEST_DECIMAL_LEN);

	if (column->type == FLOAT4OID)
		float_to_shortest_decimal_buf(DatumGetFloat4(value), digits);
	else
		double_to_shortest_decimal_buf(DatumGetFloat8(value), digits);
	return write_number(column, digits);
}

AttributeValue
write_bytea(Column *column, Datum value)
{
	bytea	   *bytes = DatumGetByteaPP(value);
	int			room = pg_b64_enc_len(VARSIZE_ANY_EXHDR(bytes));
	char	   *string = palloc(room + 1);
	int			length = pg_b64_encode((void *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), string, room);
	AttributeValue written = {.type = ATTRIBUTE_B, .text = string, .length = Max(length, 0)};

	string[written.length] = '\0';
	return written;
}

AttributeValue
write_jsonb(Column *column, Datum value)
{
	StringInfoData string;

	initStringInfo(&string);
	jsonb_write_compact(&string, DatumGetJsonbP(value));
	return string_in_utf8(string.data, string.len);
}

AttributeValue
write_text(Column *column, Datum value)
{
	char	   *printed = text_to_cstring(DatumGetTextPP(value));

	return string_in_utf8(printed, strlen(printed));
}

AttributeValue
write_uuid(Column *column, Datum value)
{
	char	   *printed = OutputFunctionCall(&column->output, value);

	return attribute_string(printed, strlen(printed));
}

AttributeValue
write_exact_number(Column *column, Datum value)
{
	return write_number(column, OutputFunctionCall(&column->output, value));
}

AttributeValue
write_boolean(Column *column, Datum value)
{
	return attribute_boolean(DatumGetBool(value));
}

AttributeValue
write_timestamp(Column *column, Datum value)
{
	return attribute_int64(timestamp_to_ms(DatumGetTimestampTz(value)), palloc(24));
}

AttributeValue
column_write(Column *column, Datum value)
{
	return kind_rule(column->kind)->write(column, value);
}
