/*
 * encoding.c: what is a text in the other encoding, and does it come back?
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#include "postgres/encoding.h"

#define KEPT 0xFF				/* json.h: opens a character that UTF-8 or a C string cannot hold */
#define KEPT_LENGTH 5

static void
report_not_given_back(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
			 errmsg("the text holds a character that encoding \"%s\" does not tell from another", GetDatabaseEncodingName())));
}

char *
encoding_to_utf8(const char *text, size_t length)
{
	char	   *utf8 = pg_server_to_any(text, length, PG_UTF8);

	if (utf8 != text && strcmp(pg_any_to_server(utf8, strlen(utf8), PG_UTF8), text) != 0)
		report_not_given_back();
	return utf8;
}

char *
encoding_from_utf8(const char *text, size_t length)
{
	char	   *converted = pg_any_to_server(text, length, PG_UTF8);

	if (converted != text && strcmp(pg_server_to_any(converted, strlen(converted), PG_UTF8), text) != 0)
		report_not_given_back();
	return converted;
}

/* A copy in which kept characters are question marks; all that is not ASCII, where it is no UTF-8 even so. */
static char *
copy_plain(const char *text, size_t length)
{
	char	   *copy = palloc(length + 1);
	size_t		n = 0;

	for (size_t i = 0; i < length; i++)
	{
		bool		kept = (unsigned char) text[i] == KEPT;

		copy[n++] = kept ? '?' : text[i];
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
encoding_for_message(const char *text, size_t length, size_t max_bytes)
{
	char	   *plain;
	char	   *shown;
	size_t		nshown = 0;
	Oid			conversion;

	length = pg_encoding_mbcliplen(PG_UTF8, text, length, max_bytes);
	plain = copy_plain(text, length);
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
