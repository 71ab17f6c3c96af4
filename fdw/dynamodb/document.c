/*
 * document.c: what is {"L": [{"N": "1"}, …]} without its types? See document.h.
 *
 * No nodes are made of it (nodes.h): each value is written as it is read. What counts as a value is the same as in
 * attribute.c.
 */
#include "dynamodb/document.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "dynamodb/json.h"
#include "dynamodb/special.h"

typedef struct DocumentReader
{
	const char *at;
	const char *end;
	int			depth;
	bool		escapes;		/* characters that plain text cannot hold, instead of failing */
	ByteBuffer *out;
} DocumentReader;

static bool write_value(DocumentReader *reader);

static void
skip_blanks(DocumentReader *reader)
{
	while (reader->at < reader->end && memchr(" \t\n\r", *reader->at, 4) != NULL)
		reader->at++;
}

/* Each takes what it is given, blanks before it included. */
static bool
take(DocumentReader *reader, char c)
{
	skip_blanks(reader);
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

static bool
take_word(DocumentReader *reader, const char *word)
{
	size_t		length = strlen(word);

	skip_blanks(reader);
	if ((size_t) (reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
		return false;
	reader->at += length;
	return true;
}

/* Writes what an escape stands for. */
static bool
write_escaped(DocumentReader *reader)
{
	char		text[JSON_ESCAPE_TEXT];
	size_t		left = (size_t) (reader->end - reader->at);
	size_t		length = 1;
	size_t		taken = 2;

	if (left < 2)
		return false;
	if (reader->at[1] == 'u')
		length = json_unicode_escape(reader->at, left, text, &taken);
	else
		text[0] = unescape(reader->at[1]);
	if (length == 0 || text[0] == '\0' || ((unsigned char) text[0] == 0xFF && !reader->escapes))
		return false;
	reader->at += taken;
	json_write_characters(reader->out, text, length);
	return true;
}

/* Takes a text and writes it, without its quotes. */
static bool
write_text(DocumentReader *reader)
{
	if (!take(reader, '"'))
		return false;
	for (;;)
	{
		const char *special = find_special(reader->at, reader->end);
		size_t		length;

		buffer_append(reader->out, reader->at, (size_t) (special - reader->at));
		reader->at = special;
		if (special == reader->end)
			return false;
		if (*special == '"')
		{
			reader->at++;
			return true;
		}
		if (*special == '\\')
		{
			if (!write_escaped(reader))
				return false;
			continue;
		}
		length = (unsigned char) *special < 0x80 ? 0 : json_utf8_character(special, (size_t) (reader->end - special));
		if (length == 0)
			return false;
		buffer_append(reader->out, special, length);
		reader->at += length;
	}
}

static bool
write_string(DocumentReader *reader)
{
	buffer_putc(reader->out, '"');
	if (!write_text(reader))
		return false;
	buffer_putc(reader->out, '"');
	return true;
}

/* An N, which comes as a text. */
static bool
write_number(DocumentReader *reader)
{
	size_t		start = reader->out->length;
	const char *text;
	size_t		length;

	if (!write_text(reader) || reader->out->failed)
		return false;
	text = reader->out->data + start;
	length = reader->out->length - start;
	return json_is_number(text, length) && number_is_storable(text, length);
}

static bool
write_bytes(DocumentReader *reader)
{
	size_t		start = reader->out->length + 1;

	return write_string(reader) && !reader->out->failed
		&& text_is_base64(reader->out->data + start, reader->out->length - 1 - start);
}

static bool
write_boolean(DocumentReader *reader)
{
	bool		is_true = take_word(reader, "true");

	buffer_puts(reader->out, is_true ? "true" : "false");
	return is_true || take_word(reader, "false");
}

static bool
write_null(DocumentReader *reader)
{
	buffer_puts(reader->out, "null");
	return take_word(reader, "true");
}

static bool
write_member(DocumentReader *reader)
{
	if (!write_string(reader) || !take(reader, ':'))
		return false;
	buffer_putc(reader->out, ':');
	return write_value(reader);
}

/* Takes an object or an array, each child by `write_child`. */
static bool
write_children(DocumentReader *reader, char opening, char closing, bool (*write_child) (DocumentReader *reader))
{
	bool		is_first = true;

	if (!take(reader, opening) || reader->depth >= CJSON_NESTING_LIMIT)
		return false;
	reader->depth++;
	buffer_putc(reader->out, opening);
	while (!take(reader, closing))
	{
		if (!is_first)
		{
			if (!take(reader, ','))
				return false;
			buffer_putc(reader->out, ',');
		}
		is_first = false;
		if (!write_child(reader))
			return false;
	}
	reader->depth--;
	buffer_putc(reader->out, closing);
	return true;
}

static bool
write_map(DocumentReader *reader)
{
	return write_children(reader, '{', '}', write_member);
}

static bool
write_list(DocumentReader *reader)
{
	return write_children(reader, '[', ']', write_value);
}

static bool
write_string_set(DocumentReader *reader)
{
	return write_children(reader, '[', ']', write_string);
}

static bool
write_number_set(DocumentReader *reader)
{
	return write_children(reader, '[', ']', write_number);
}

static bool
write_bytes_set(DocumentReader *reader)
{
	return write_children(reader, '[', ']', write_bytes);
}

/* By the quoted name, which is how DynamoDB and all that speak for it write it. */
static bool
write_content(DocumentReader *reader)
{
	static const struct
	{
		const char *type;
		bool		(*write) (DocumentReader *reader);
	}			types[] = {
		{"\"S\"", write_string}, {"\"N\"", write_number}, {"\"BOOL\"", write_boolean}, {"\"NULL\"", write_null},
		{"\"M\"", write_map}, {"\"L\"", write_list}, {"\"B\"", write_bytes}, {"\"SS\"", write_string_set},
		{"\"NS\"", write_number_set}, {"\"BS\"", write_bytes_set},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (take_word(reader, types[i].type))
			return take(reader, ':') && types[i].write(reader);
	return false;
}

/* A value with its type: {"S": "…"}. */
static bool
write_value(DocumentReader *reader)
{
	return take(reader, '{') && write_content(reader) && take(reader, '}');
}

static bool
write_document(DocumentReader *reader)
{
	bool		is_map = reader->at < reader->end && *reader->at == '{';

	return (is_map ? write_map(reader) : write_list(reader)) && reader->at == reader->end;
}

/* An S is JSON already. */
static bool
write_stored(ByteBuffer *out, const AttributeValue *value, bool escapes)
{
	DocumentReader reader = {.at = value->text, .escapes = escapes, .out = out};

	if (value->type == ATTRIBUTE_S)
	{
		buffer_append(out, value->text, value->length);
		return true;
	}
	if ((value->type != ATTRIBUTE_M && value->type != ATTRIBUTE_L) || value->text == NULL)
		return false;
	reader.end = value->text + value->length;
	return write_document(&reader);
}

bool
document_write_plain(ByteBuffer *out, const AttributeValue *value)
{
	return (value->type != ATTRIBUTE_S || json_text_is_plain(value->text)) && write_stored(out, value, false);
}

bool
document_write_escaped(ByteBuffer *out, const AttributeValue *value)
{
	return write_stored(out, value, true);
}
