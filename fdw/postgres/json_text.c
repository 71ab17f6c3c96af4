/*
 * json_text.c: how is a jsonb written without blanks?
 *
 * PostgreSQL prints one after each colon and comma; stores of the 1.x format hold none, and every byte is paid for.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "postgres/json_text.h"

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

bool
json_text_is_array(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '[';
}
