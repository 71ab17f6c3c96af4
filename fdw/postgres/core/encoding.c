/*
 * encoding.c: what is a text in the other encoding, and does it come back? What of it may a message show?
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "postgres/core/encoding.h"

#define KEPT 0xFF				/* json.h: opens a character that UTF-8 or a C string cannot hold */
#define KEPT_LENGTH 5
#define MAX_UTF8_LENGTH 4

static void
report_not_given_back(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
			 errmsg("the text holds a character that encoding \"%s\" does not tell from another", GetDatabaseEncodingName())));
}

char *
encoding_to_utf8(const char *string, size_t length)
{
	char	   *utf8 = pg_server_to_any(string, length, PG_UTF8);

	if (utf8 != string && strcmp(pg_any_to_server(utf8, strlen(utf8), PG_UTF8), string) != 0)
		report_not_given_back();
	return utf8;
}

char *
encoding_from_utf8(const char *string, size_t length)
{
	char	   *converted = pg_any_to_server(string, length, PG_UTF8);

	if (converted != string && strcmp(pg_server_to_any(converted, strlen(converted), PG_UTF8), string) != 0)
		report_not_given_back();
	return converted;
}

/* Its bytes 0x80 to 0x9F are control characters, as those of Unicode are. */
static bool
is_iso_8859(int encoding)
{
	return (encoding >= PG_LATIN1 && encoding <= PG_LATIN5) || (encoding >= PG_LATIN6 && encoding <= PG_LATIN10)
		|| (encoding >= PG_ISO_8859_5 && encoding <= PG_ISO_8859_8);
}

/* The code point of a character as far as it matters below: of others than ASCII only where it is cheap to know. */
static pg_wchar
code_point(int encoding, const char *character)
{
	unsigned char first = (unsigned char) character[0];

	if (!IS_HIGHBIT_SET(first))
		return first;
	if (encoding == PG_UTF8)
		return utf8_to_unicode((const unsigned char *) character);
	return is_iso_8859(encoding) ? first : PG_INT32_MAX;
}

/*
 * Control characters, line separators, and what changes the direction of text: they would break a message or a log into
 * lines that somebody else has written, steer a terminal, or let a text look like another.
 */
static bool
steers(pg_wchar c)
{
	return c < 0x20 || (c >= 0x7F && c <= 0x9F)
		|| c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/* A copy in which such characters are \uXXXX. */
static char *
escape(const char *string, int encoding)
{
	StringInfoData copy;

	initStringInfo(&copy);
	while (*string != '\0')
	{
		int			length = (int) strnlen(string, (size_t) pg_encoding_mblen(encoding, string));
		pg_wchar	c = code_point(encoding, string);

		if (steers(c))
			appendStringInfo(&copy, "\\u%04X", c);
		else
			appendBinaryStringInfo(&copy, string, length);
		string += length;
	}
	return copy.data;
}

char *
encoding_escape(const char *string)
{
	/* SQL_ASCII may hold anything; most often it is UTF-8. */
	if (GetDatabaseEncoding() == PG_SQL_ASCII && pg_verify_mbstr(PG_UTF8, string, (int) strlen(string), true))
		return escape(string, PG_UTF8);
	return escape(string, GetDatabaseEncoding());
}

/* A copy in which kept characters are question marks; all that is not ASCII, where it is no UTF-8 even so. */
static char *
copy_plain(const char *string, size_t length)
{
	char	   *copy = palloc(length + 1);
	size_t		n = 0;

	for (size_t i = 0; i < length; i++)
	{
		bool		kept = (unsigned char) string[i] == KEPT;

		copy[n++] = kept ? '?' : string[i];
		if (kept)
			i += Min((size_t) KEPT_LENGTH - 1, length - 1 - i);
	}
	copy[n] = '\0';
	if (!pg_verify_mbstr(PG_UTF8, copy, n, true))
		for (char *c = copy; *c != '\0'; c++)
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
	return copy;
}

char *
encoding_for_message(const char *string, size_t length, size_t max_bytes)
{
	char	   *plain;
	char	   *shown;
	size_t		nshown = 0;
	Oid			conversion;

	length = pg_encoding_mbcliplen(PG_UTF8, string, length, max_bytes);
	plain = escape(copy_plain(string, length), PG_UTF8);
	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return plain;
	conversion = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());
	length = strlen(plain);
	shown = palloc((length + 1) * MAX_CONVERSION_GROWTH + 1);
	while (length > 0 && OidIsValid(conversion))
	{
		int			done = pg_do_encoding_conversion_buf(conversion, PG_UTF8, GetDatabaseEncoding(),
														 (unsigned char *) plain, length,
														 (unsigned char *) shown + nshown,
														 (length + 1) * MAX_CONVERSION_GROWTH + 1, true);

		nshown += strlen(shown + nshown);
		plain += done;
		length -= done;
		if (length > 0)
		{
			int			character = pg_encoding_mblen(PG_UTF8, plain);

			shown[nshown++] = '?';
			plain += character;
			length -= character;
		}
	}
	shown[nshown] = '\0';
	return shown;
}

/* How a character of UTF-8 that cannot be shown is: U+FFFD, where the server's encoding has it. */
static const char *
replacement_character(void)
{
	return GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII ? "\xEF\xBF\xBD" : "?";
}

/* Converts one character to `out`, NUL-terminated. false where the other encoding lacks it. */
static bool
convert_character(int from, int to, const char *character, int length, char *out)
{
	Oid			conversion = FindDefaultConversionProc(from, to);

	return OidIsValid(conversion)
		&& pg_do_encoding_conversion_buf(conversion, from, to, unconstify(unsigned char *, (const unsigned char *) character),
										 length, (unsigned char *) out, MAX_CONVERSION_GROWTH * length + 1, true) == length;
}

/* Appends a character of UTF-8 in the server's encoding. false where it would not come back. */
static bool
append_converted(StringInfo out, const char *character, int length)
{
	int			server = GetDatabaseEncoding();
	char		converted[MAX_CONVERSION_GROWTH * MAX_UTF8_LENGTH + 1];
	char		back[MAX_CONVERSION_GROWTH * sizeof(converted) + 1];

	if (length == 1 || server == PG_UTF8 || server == PG_SQL_ASCII)
	{
		appendBinaryStringInfo(out, character, length);
		return true;
	}
	if (!convert_character(PG_UTF8, server, character, length, converted)
		|| !convert_character(server, PG_UTF8, converted, (int) strlen(converted), back)
		|| strncmp(back, character, length) != 0 || back[length] != '\0')
		return false;
	appendStringInfoString(out, converted);
	return true;
}

char *
encoding_replace(const char *string, bool *lost)
{
	StringInfoData out;

	*lost = false;
	initStringInfo(&out);
	while (*string != '\0')
	{
		bool		kept = (unsigned char) *string == KEPT;
		int			length = (int) strnlen(string, kept ? KEPT_LENGTH : pg_encoding_mblen(PG_UTF8, string));

		CHECK_FOR_INTERRUPTS();
		if (kept || !append_converted(&out, string, length))
		{
			appendStringInfoString(&out, replacement_character());
			*lost = true;
		}
		string += length;
	}
	return out.data;
}
