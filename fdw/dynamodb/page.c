/*
 * page.c: how does a page become nodes at the least cost? See page.h.
 *
 * A recursive descent over the text. Each function takes what it is named for from the front of what is left, and
 * says whether that was well formed. A text's closing quote gives way to the NUL that ends it; nothing shorter takes
 * the place of what was unescaped, so a text never grows.
 */
#include "dynamodb/page.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb/json.h"

/* Nodes of one piece of memory: of the first, and of any further one. An item of a commit has 13. */
#define FIRST_NODES 64
#define MORE_NODES 1024

/* Bytes that are looked at in one step where nothing special is among them. */
#define STRIDE sizeof(uint64_t)
#define ALL_BYTES(byte) (UINT64_C(0x0101010101010101) * (byte))

typedef struct Piece
{
	struct Piece *next;
	size_t		used;
	size_t		size;
	cJSON		nodes[];
} Piece;

struct ItemPage
{
	char	   *text;
	Piece	   *pieces;			/* the one in use first */
	cJSON	   *root;
};

typedef struct Parser
{
	ItemPage   *page;
	char	   *at;
	char	   *end;
	int			depth;
} Parser;

static cJSON *take_value(Parser *parser);

/* NULL when memory ran out. */
static cJSON *
node_new(ItemPage *page, int type)
{
	Piece	   *piece = page->pieces;
	cJSON	   *node;

	if (piece == NULL || piece->used == piece->size)
	{
		size_t		size = piece == NULL ? FIRST_NODES : MORE_NODES;

		piece = malloc(sizeof(Piece) + size * sizeof(cJSON));
		if (piece == NULL)
			return NULL;
		piece->next = page->pieces;
		piece->used = 0;
		piece->size = size;
		page->pieces = piece;
	}
	node = &piece->nodes[piece->used++];
	memset(node, 0, sizeof(*node));
	node->type = type;
	return node;
}

static void
skip_blanks(Parser *parser)
{
	while (parser->at < parser->end
		   && (*parser->at == ' ' || *parser->at == '\n' || *parser->at == '\r' || *parser->at == '\t'))
		parser->at++;
}

static bool
take_character(Parser *parser, char c)
{
	if (parser->at == parser->end || *parser->at != c)
		return false;
	parser->at++;
	return true;
}

static bool
take_word(Parser *parser, const char *word)
{
	size_t		length = strlen(word);

	if ((size_t) (parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0)
		return false;
	parser->at += length;
	return true;
}

/* Is one of eight bytes a quote, a backslash, a control character, or not ASCII? */
static bool
any_is_special(uint64_t bytes)
{
	uint64_t	quotes = bytes ^ ALL_BYTES('"');
	uint64_t	backslashes = bytes ^ ALL_BYTES('\\');

	/* A byte that is 0 borrows from its highest bit; so does one below 0x20. Higher bytes may follow suit, no lower. */
	return ((bytes | (bytes - ALL_BYTES(0x20)) | (quotes - ALL_BYTES(1)) | (backslashes - ALL_BYTES(1)))
			& ALL_BYTES(0x80)) != 0;
}

static bool
is_special(char c)
{
	return c == '"' || c == '\\' || (unsigned char) c < 0x20 || (unsigned char) c >= 0x80;
}

/* The first special character from `at` on, or `end`. */
static char *
find_special(char *at, char *end)
{
	for (; (size_t) (end - at) >= STRIDE; at += STRIDE)
	{
		uint64_t	bytes;

		memcpy(&bytes, at, STRIDE);
		if (any_is_special(bytes))
			break;
	}
	while (at < end && !is_special(*at))
		at++;
	return at;
}

/* What a short escape stands for, by the character after the backslash; 0: there is none. */
static char
unescape(char c)
{
	switch (c)
	{
		case '"':
		case '\\':
		case '/':
			return c;
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
	}
	return 0;
}

/* Takes the escape at the front and writes what it stands for to *out, which is no further on. */
static bool
take_escape(Parser *parser, char **out)
{
	size_t		left = (size_t) (parser->end - parser->at);
	size_t		length;
	char		character;

	if (left < 2)
		return false;
	if (parser->at[1] == 'u')
	{
		char		text[JSON_ESCAPE_TEXT];

		length = json_unicode_escape(parser->at, left, text, &left);
		memcpy(*out, text, length);
		*out += length;
		parser->at += left;
		return length > 0;
	}
	character = unescape(parser->at[1]);
	*(*out)++ = character;
	parser->at += 2;
	return character != 0;
}

/* Takes a string; its text, ended by a NUL, or NULL where it is malformed. */
static char *
take_string(Parser *parser)
{
	char	   *text = parser->at + 1;
	char	   *out = text;

	if (!take_character(parser, '"'))
		return NULL;
	for (;;)
	{
		char	   *special = find_special(parser->at, parser->end);
		size_t		length = (size_t) (special - parser->at);

		if (out != parser->at)
			memmove(out, parser->at, length);
		out += length;
		parser->at = special;
		if (special == parser->end)
			return NULL;
		if (*special == '"')
		{
			parser->at++;
			*out = '\0';
			return text;
		}
		if (*special == '\\')
		{
			if (!take_escape(parser, &out))
				return NULL;
			continue;
		}
		length = (unsigned char) *special < 0x80 ? 0 : json_utf8_character(special, (size_t) (parser->end - special));
		if (length == 0)
			return NULL;
		memmove(out, special, length);
		out += length;
		parser->at += length;
	}
}

static cJSON *
take_string_value(Parser *parser)
{
	char	   *text = take_string(parser);
	cJSON	   *node = text != NULL ? node_new(parser->page, cJSON_String) : NULL;

	if (node != NULL)
		node->valuestring = text;
	return node;
}

/* The numbers of a page are counts and capacity units; DynamoDB's own are strings. */
static cJSON *
take_number(Parser *parser)
{
	char	   *start = parser->at;
	size_t		length;
	cJSON	   *node;

	while (parser->at < parser->end && memchr("0123456789+-.eE", *parser->at, 15) != NULL)
		parser->at++;
	length = (size_t) (parser->at - start);
	if (length > JSON_LONGEST_NUMBER || !json_is_number(start, length))
		return NULL;
	node = node_new(parser->page, cJSON_Number);
	if (node == NULL)
		return NULL;
	node->valuedouble = strtod(start, NULL);
	node->valueint = node->valuedouble >= INT_MAX ? INT_MAX : node->valuedouble <= INT_MIN ? INT_MIN : (int) node->valuedouble;
	return node;
}

/* Takes a member of an object: its name, a colon, its value. */
static cJSON *
take_member(Parser *parser)
{
	char	   *name = take_string(parser);
	cJSON	   *value;

	if (name == NULL)
		return NULL;
	skip_blanks(parser);
	if (!take_character(parser, ':'))
		return NULL;
	value = take_value(parser);
	if (value != NULL)
		value->string = name;
	return value;
}

/* Takes an object or an array from after its opening bracket on, each child by `take_child`. */
static cJSON *
take_children(Parser *parser, int type, char closing, cJSON *(*take_child) (Parser *parser))
{
	cJSON	   *parent = node_new(parser->page, type);
	cJSON	   *last = NULL;

	if (parent == NULL || parser->depth >= CJSON_NESTING_LIMIT)
		return NULL;
	parser->depth++;
	skip_blanks(parser);
	while (!take_character(parser, closing))
	{
		cJSON	   *child;

		if (last != NULL && !take_character(parser, ','))
			return NULL;
		skip_blanks(parser);
		child = take_child(parser);
		if (child == NULL)
			return NULL;
		if (last != NULL)
			last->next = child;
		else
			parent->child = child;
		last = child;
		skip_blanks(parser);
	}
	parser->depth--;
	return parent;
}

/* Takes any value, blanks before it included; NULL where it is malformed, or memory ran out. */
static cJSON *
take_value(Parser *parser)
{
	skip_blanks(parser);
	if (parser->at == parser->end)
		return NULL;
	switch (*parser->at)
	{
		case '"':
			return take_string_value(parser);
		case '{':
			parser->at++;
			return take_children(parser, cJSON_Object, '}', take_member);
		case '[':
			parser->at++;
			return take_children(parser, cJSON_Array, ']', take_value);
		case 't':
			return take_word(parser, "true") ? node_new(parser->page, cJSON_True) : NULL;
		case 'f':
			return take_word(parser, "false") ? node_new(parser->page, cJSON_False) : NULL;
		case 'n':
			return take_word(parser, "null") ? node_new(parser->page, cJSON_NULL) : NULL;
		default:
			return take_number(parser);
	}
}

ItemPage *
page_parse(char *text, size_t length)
{
	ItemPage   *page = calloc(1, sizeof(ItemPage));
	Parser		parser = {.page = page, .at = text, .end = text + length};

	if (page == NULL)
	{
		free(text);
		return NULL;
	}
	page->text = text;
	page->root = text != NULL ? take_value(&parser) : NULL;
	skip_blanks(&parser);
	if (page->root == NULL || parser.at != parser.end)
	{
		page_free(page);
		return NULL;
	}
	return page;
}

const cJSON *
page_root(const ItemPage *page)
{
	return page->root;
}

void
page_free(ItemPage *page)
{
	if (page == NULL)
		return;
	while (page->pieces != NULL)
	{
		Piece	   *next = page->pieces->next;

		free(page->pieces);
		page->pieces = next;
	}
	free(page->text);
	free(page);
}
