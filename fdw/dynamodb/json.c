/*
 * json: which texts of DynamoDB's does cJSON lose, and how do they get through all the same? See json.h.
 *
 * cJSON is also laxer than the standard (control characters, "01", a NUL inside a string, bytes that are not UTF-8), so
 * the same pass that rewrites the escapes refuses those. The rest of the syntax is left to cJSON.
 */
#include "dynamodb/json.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define KEPT 0xFF				/* opens a kept escape: this byte and four hexadecimal digits */
#define KEPT_LENGTH 5
#define ESCAPE_LENGTH 6			/* \uXXXX */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t
json_utf8_character(const char *text, size_t left)
{
	const unsigned char *bytes = (const unsigned char *) text;
	unsigned char low = 0x80;	/* range of the second byte */
	unsigned char high = 0xBF;
	size_t		length;

	if (left == 0)
		return 0;
	if (bytes[0] < 0x80)
		return 1;
	if (bytes[0] >= 0xC2 && bytes[0] <= 0xDF)
		length = 2;
	else if (bytes[0] >= 0xE0 && bytes[0] <= 0xEF)
		length = 3;
	else if (bytes[0] >= 0xF0 && bytes[0] <= 0xF4)
		length = 4;
	else
		return 0;
	if (length > left)
		return 0;

	if (bytes[0] == 0xE0)
		low = 0xA0;
	else if (bytes[0] == 0xED)
		high = 0x9F;
	else if (bytes[0] == 0xF0)
		low = 0x90;
	else if (bytes[0] == 0xF4)
		high = 0x8F;
	if (bytes[1] < low || bytes[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (bytes[i] < 0x80 || bytes[i] > 0xBF)
			return 0;
	return length;
}

/* The value of four hexadecimal digits, or -1. */
static int
hex4(const char *digits, size_t left)
{
	int			value = 0;

	if (left < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		char		c = digits[i];

		if (is_digit(c))
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return value;
}

/* The code unit that a \uXXXX at `text` stands for, or -1. */
static int
escaped_unit(const char *text, size_t left)
{
	if (left < ESCAPE_LENGTH || text[0] != '\\' || text[1] != 'u')
		return -1;
	return hex4(text + 2, left - 2);
}

static bool
is_high_surrogate(int unit)
{
	return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool
is_low_surrogate(int unit)
{
	return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* The UTF-8 of a character, and its length. Source: RFC 3629, section 3. */
static size_t
write_utf8(char *out, int character)
{
	if (character < 0x80)
	{
		out[0] = (char) character;
		return 1;
	}
	if (character < 0x800)
	{
		out[0] = (char) (0xC0 | character >> 6);
		out[1] = (char) (0x80 | (character & 0x3F));
		return 2;
	}
	if (character < 0x10000)
	{
		out[0] = (char) (0xE0 | character >> 12);
		out[1] = (char) (0x80 | (character >> 6 & 0x3F));
		out[2] = (char) (0x80 | (character & 0x3F));
		return 3;
	}
	out[0] = (char) (0xF0 | character >> 18);
	out[1] = (char) (0x80 | (character >> 12 & 0x3F));
	out[2] = (char) (0x80 | (character >> 6 & 0x3F));
	out[3] = (char) (0x80 | (character & 0x3F));
	return 4;
}

size_t
json_unicode_escape(const char *text, size_t left, char out[JSON_ESCAPE_TEXT], size_t *taken)
{
	static const char digits[] = "0123456789abcdef";
	int			unit = escaped_unit(text, left);
	int			other;

	*taken = ESCAPE_LENGTH;
	if (unit < 0)
		return 0;
	other = is_high_surrogate(unit) ? escaped_unit(text + ESCAPE_LENGTH, left - ESCAPE_LENGTH) : -1;
	if (is_low_surrogate(other))
	{
		*taken = 2 * ESCAPE_LENGTH;
		return write_utf8(out, 0x10000 + ((unit & 0x3FF) << 10) + (other & 0x3FF));
	}
	if (unit != 0 && !is_high_surrogate(unit) && !is_low_surrogate(unit))
		return write_utf8(out, unit);
	out[0] = (char) KEPT;
	for (int i = 1; i < KEPT_LENGTH; i++)
		out[i] = digits[unit >> (16 - 4 * i) & 0xF];
	return KEPT_LENGTH;
}

/* Copies the \uXXXX at *in to *out: as it is, with its other half, or as a kept escape. false when it is malformed. */
static bool
rewrite_unicode_escape(const char **in, const char *end, char **out)
{
	int			unit = escaped_unit(*in, (size_t) (end - *in));
	size_t		length = ESCAPE_LENGTH;

	if (unit < 0)
		return false;
	if (is_high_surrogate(unit) && is_low_surrogate(escaped_unit(*in + length, (size_t) (end - *in) - length)))
		length *= 2;
	else if (unit == 0 || is_high_surrogate(unit) || is_low_surrogate(unit))
	{
		char		kept[KEPT_LENGTH + 1];

		snprintf(kept, sizeof(kept), "%c%04x", KEPT, (unsigned int) unit & 0xFFFF);
		memcpy(*out, kept, KEPT_LENGTH);
		*out += KEPT_LENGTH;
		*in += ESCAPE_LENGTH;
		return true;
	}
	memmove(*out, *in, length);
	*out += length;
	*in += length;
	return true;
}

/* Copies the string that opens at *in, its quotes included. false when it is malformed. */
static bool
rewrite_string(const char **in, const char *end, char **out)
{
	*(*out)++ = *(*in)++;
	while (*in < end)
	{
		size_t		length;

		if ((unsigned char) **in < 0x20)
			return false;
		if (**in == '"')
		{
			*(*out)++ = *(*in)++;
			return true;
		}
		if (**in == '\\' && end - *in >= 2 && (*in)[1] == 'u')
		{
			if (!rewrite_unicode_escape(in, end, out))
				return false;
			continue;
		}
		/* Any other escape is taken whole, or the second of two backslashes would look like the first of the next. */
		if (**in == '\\')
			length = end - *in >= 2 && memchr("\"\\/bfnrt", (*in)[1], 8) != NULL ? 2 : 0;
		else
			length = json_utf8_character(*in, (size_t) (end - *in));
		if (length == 0)
			return false;
		memmove(*out, *in, length);
		*out += length;
		*in += length;
	}
	return false;
}

/* Rewrites the document in place and returns its new length; false in *valid for what cJSON would let pass. */
static size_t
rewrite_document(char *text, size_t length, bool *valid)
{
	const char *in = text;
	const char *end = text + length;
	char	   *out = text;

	*valid = false;
	while (in < end)
	{
		if (*in == '"')
		{
			if (!rewrite_string(&in, end, &out))
				return 0;
		}
		else if (*in == '-' || is_digit(*in))
		{
			size_t		token = 1;

			while (in + token < end && (is_digit(in[token]) || memchr("+-.eE", in[token], 5) != NULL))
				token++;
			if (token > JSON_LONGEST_NUMBER || !json_is_number(in, token))
				return 0;
			memmove(out, in, token);
			out += token;
			in += token;
		}
		else if ((unsigned char) *in >= 0x80 || ((unsigned char) *in < 0x20 && memchr("\t\n\r", *in, 3) == NULL))
			return 0;
		else
			*out++ = *in++;
	}
	*valid = true;
	return (size_t) (out - text);
}

cJSON *
json_parse(char *text, size_t length)
{
	const char *rest = NULL;
	cJSON	   *value;
	bool		valid;

	if (text == NULL)
		return NULL;
	length = rewrite_document(text, length, &valid);
	if (!valid)
		return NULL;
	value = cJSON_ParseWithLengthOpts(text, length, &rest, false);
	if (value == NULL)
		return NULL;
	while (rest < text + length && memchr(" \t\n\r", *rest, 4) != NULL)
		rest++;
	if (rest < text + length)
	{
		cJSON_Delete(value);
		return NULL;
	}
	return value;
}

bool
json_is_number(const char *text, size_t length)
{
	const char *end = text + length;
	const char *start;

	if (text < end && *text == '-')
		text++;
	start = text;
	while (text < end && is_digit(*text))
		text++;
	if (text == start || (*start == '0' && text - start > 1))
		return false;
	if (text < end && *text == '.')
	{
		start = ++text;
		while (text < end && is_digit(*text))
			text++;
		if (text == start)
			return false;
	}
	if (text < end && (*text == 'e' || *text == 'E'))
	{
		text++;
		if (text < end && (*text == '+' || *text == '-'))
			text++;
		start = text;
		while (text < end && is_digit(*text))
			text++;
		if (text == start)
			return false;
	}
	return text == end;
}

bool
json_text_is_plain(const char *text)
{
	return strchr(text, KEPT) == NULL;
}

/* The unit of a kept escape, or -1 where a stray 0xFF is none. */
static int
kept_unit(const char *text, size_t left)
{
	int			unit = left < KEPT_LENGTH ? -1 : hex4(text + 1, left - 1);

	return unit == 0 || is_high_surrogate(unit) || is_low_surrogate(unit) ? unit : -1;
}

void
json_write_characters(ByteBuffer *out, const char *text, size_t length)
{
	size_t		written = 0;

	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != KEPT)
			continue;
		buffer_append(out, text + written, i - written);
		written = i + 1;
		if (c == '"' || c == '\\')
		{
			buffer_putc(out, '\\');
			buffer_putc(out, (char) c);
		}
		else if (c == '\n')
			buffer_puts(out, "\\n");
		else if (c < 0x20)
			buffer_printf(out, "\\u%04x", (unsigned int) c);
		else if (kept_unit(text + i, length - i) >= 0)
		{
			buffer_printf(out, "\\u%.4s", text + i + 1);
			i += KEPT_LENGTH - 1;
			written = i + 1;
		}
		else
			buffer_puts(out, "\\ufffd");
	}
	buffer_append(out, text + written, length - written);
}

void
json_write_string(ByteBuffer *out, const char *text, size_t length)
{
	buffer_putc(out, '"');
	json_write_characters(out, text, length);
	buffer_putc(out, '"');
}

static void
write_number(ByteBuffer *out, const cJSON *value)
{
	char		digits[64];

	if (cJSON_PrintPreallocated((cJSON *) value, digits, sizeof(digits), false))
		buffer_puts(out, digits);
	else
		out->failed = true;
}

void
json_write_value(ByteBuffer *out, const cJSON *value)
{
	bool		object = cJSON_IsObject(value);

	if (object || cJSON_IsArray(value))
	{
		buffer_putc(out, object ? '{' : '[');
		for (const cJSON *child = value->child; child != NULL; child = child->next)
		{
			if (child != value->child)
				buffer_putc(out, ',');
			if (object)
			{
				json_write_string(out, child->string, strlen(child->string));
				buffer_putc(out, ':');
			}
			json_write_value(out, child);
		}
		buffer_putc(out, object ? '}' : ']');
	}
	else if (cJSON_IsString(value))
		json_write_string(out, value->valuestring, strlen(value->valuestring));
	else if (cJSON_IsNumber(value))
		write_number(out, value);
	else if (cJSON_IsBool(value))
		buffer_puts(out, cJSON_IsTrue(value) ? "true" : "false");
	else
		buffer_puts(out, "null");
}

const cJSON *
json_member(const cJSON *object, const char *name)
{
	return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const char *
json_member_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue((cJSON *) json_member(object, name));
}

int64_t
json_member_count(const cJSON *object, const char *name)
{
	const cJSON *count = json_member(object, name);

	/* Not a cast of whatever number came: out of range, that would be undefined. */
	if (!cJSON_IsNumber(count) || !(count->valuedouble >= 0 && count->valuedouble <= 9e15)
		|| (double) (int64_t) count->valuedouble != count->valuedouble)
		return -1;
	return (int64_t) count->valuedouble;
}
