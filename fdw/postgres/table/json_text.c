/*
 * json_text.c: how is a jsonb written without blanks? And what is in the escapes of JSON text?
 *
 * PostgreSQL prints a blank after each colon and comma; stores of the 1.x format hold none, and every byte is paid for.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "dynamodb/json.h"
#include "postgres/table/json_text.h"

static void
write_scalar(StringInfo out, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			appendStringInfoString(out, "null");
			break;
		case jbvBool:
			appendStringInfoString(out, value->val.boolean ? "true" : "false");
			break;
		case jbvNumeric:
			appendStringInfoString(out, DatumGetCString(DirectFunctionCall1(numeric_out,
																			NumericGetDatum(value->val.numeric))));
			break;
		case jbvString:
			escape_json(out, pnstrdup(value->val.string.val, value->val.string.len));
			break;
		default:
			elog(ERROR, "unexpected jsonb value of type %d", (int) value->type);
	}
}

void
jsonb_write_compact(StringInfo out, Jsonb *json)
{
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	bool		first = true;	/* no comma before the next element or key */

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if (!first && (token == WJB_KEY || token == WJB_ELEM
					   || token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT))
			appendStringInfoChar(out, ',');
		first = false;
		switch (token)
		{
			case WJB_BEGIN_ARRAY:
				if (!value.val.array.rawScalar)
					appendStringInfoChar(out, '[');
				first = true;
				break;
			case WJB_END_ARRAY:
				if (!value.val.array.rawScalar)
					appendStringInfoChar(out, ']');
				break;
			case WJB_BEGIN_OBJECT:
				appendStringInfoChar(out, '{');
				first = true;
				break;
			case WJB_END_OBJECT:
				appendStringInfoChar(out, '}');
				break;
			case WJB_KEY:
				write_scalar(out, &value);
				appendStringInfoChar(out, ':');
				first = true;
				break;
			case WJB_ELEM:
			case WJB_VALUE:
				write_scalar(out, &value);
				break;
			default:
				break;
		}
	}
}

/* Appends the \uXXXX at `text`, and returns how many characters that is; 0 where there is none. */
static size_t
append_escape(StringInfo out, const char *string, size_t left)
{
	char		character[JSON_ESCAPE_TEXT];
	size_t		taken;
	size_t		length = json_unicode_escape(string, left, character, &taken);
	bool		kept = length == JSON_ESCAPE_TEXT;

	if (length == 0)
		return 0;
	if (kept || (GetDatabaseEncoding() != PG_UTF8 && IS_HIGHBIT_SET(character[0])))
		appendBinaryStringInfo(out, character, (int) length);
	else
		appendBinaryStringInfo(out, string, (int) taken);
	return taken;
}

char *
json_text_unescape(const char *string)
{
	StringInfoData out;
	const char *end = string + strlen(string);

	initStringInfo(&out);
	while (string < end)
	{
		size_t		length = strcspn(string, "\\");

		if (length == 0)
			length = append_escape(&out, string, (size_t) (end - string));
		else
			appendBinaryStringInfo(&out, string, (int) length);
		if (length == 0)
		{
			/* Taken whole, or the second of two backslashes would look like the first of the next escape. */
			length = Min(2, end - string);
			appendBinaryStringInfo(&out, string, (int) length);
		}
		string += length;
	}
	return out.data;
}

bool
json_text_is_array(const char *string)
{
	return string[strspn(string, " \t\r\n")] == '[';
}
