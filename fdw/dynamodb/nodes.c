/*
 * nodes.c: how does JSON become nodes at the least cost? See nodes.h.
 *
 * A recursive descent over the text. Each function takes what it is named for from the front of what is left. A text's
 * closing quote gives way to the NUL that ends it; nothing shorter takes the place of what was unescaped, so a text never
 * grows.
 */
#include "dynamodb/nodes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb/json.h"
#include "dynamodb/special.h"

/* Nodes of one piece of memory: of the first, and of any further one. An item of a commit has 13. */
#define FIRST_NODES 64
#define MORE_NODES 1024

typedef struct NodePiece
{
	struct NodePiece *next;
	size_t		used;
	size_t		size;
	cJSON		nodes[];
} NodePiece;

/* The piece after the one in use, made if there is none; NULL when memory ran out. */
static NodePiece *
piece_next(NodePool *pool)
{
	NodePiece **next = pool->in_use != NULL ? &pool->in_use->next : &pool->first;
	size_t		size = pool->first == NULL ? FIRST_NODES : MORE_NODES;

	if (*next == NULL)
	{
		*next = malloc(sizeof(NodePiece) + size * sizeof(cJSON));
		if (*next == NULL)
			return NULL;
		(*next)->next = NULL;
		(*next)->size = size;
	}
	(*next)->used = 0;
	return *next;
}

cJSON *
nodes_new(NodePool *pool, int type)
{
	cJSON	   *node;

	if (pool->left == 0)
		return NULL;
	if (pool->in_use == NULL || pool->in_use->used == pool->in_use->size)
	{
		NodePiece  *piece = piece_next(pool);

		if (piece == NULL)
			return NULL;
		pool->in_use = piece;
	}
	node = &pool->in_use->nodes[pool->in_use->used++];
	memset(node, 0, sizeof(*node));
	node->type = type;
	pool->left--;
	return node;
}

void
nodes_reset(NodePool *pool, size_t most)
{
	pool->in_use = pool->first;
	if (pool->first != NULL)
		pool->first->used = 0;
	pool->left = most;
}

void
nodes_free(NodePool *pool)
{
	while (pool->first != NULL)
	{
		NodePiece  *next = pool->first->next;

		free(pool->first);
		pool->first = next;
	}
	pool->in_use = NULL;
}

static inline void
skip_blanks(NodeParser *parser)
{
	while (parser->at < parser->end
		   && (*parser->at == ' ' || *parser->at == '\n' || *parser->at == '\r' || *parser->at == '\t'))
		parser->at++;
}

static inline bool
take_character(NodeParser *parser, char c)
{
	if (parser->at == parser->end || *parser->at != c)
		return false;
	parser->at++;
	return true;
}

static bool
take_word(NodeParser *parser, const char *word)
{
	size_t		length = strlen(word);

	if ((size_t) (parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0)
		return false;
	parser->at += length;
	return true;
}

/* Takes the escape at the front and writes what it stands for to *out, which is no further on. */
static bool
take_escape(NodeParser *parser, char **out)
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
take_string(NodeParser *parser)
{
	char	   *text = parser->at + 1;
	char	   *out = text;

	if (!take_character(parser, '"'))
		return NULL;
	for (;;)
	{
		char	   *special = parser->at + (find_special(parser->at, parser->end) - parser->at);
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
take_string_value(NodeParser *parser)
{
	char	   *text = take_string(parser);
	cJSON	   *node = text != NULL ? nodes_new(parser->pool, cJSON_String) : NULL;

	if (node != NULL)
		node->valuestring = text;
	return node;
}

static cJSON *take_value(NodeParser *parser);
static cJSON *take_attribute(NodeParser *parser);
static cJSON *take_element(NodeParser *parser);
static cJSON *take_children(NodeParser *parser, int type, char closing, cJSON *(*take_child) (NodeParser *parser));

/* The numbers of an answer are counts and capacity units; DynamoDB's own are strings. */
static cJSON *
take_number(NodeParser *parser)
{
	char	   *start = parser->at;
	size_t		length;
	cJSON	   *node;

	while (parser->at < parser->end && memchr("0123456789+-.eE", *parser->at, 15) != NULL)
		parser->at++;
	length = (size_t) (parser->at - start);
	if (length > JSON_LONGEST_NUMBER || !json_is_number(start, length))
		return NULL;
	node = nodes_new(parser->pool, cJSON_Number);
	if (node == NULL)
		return NULL;
	node->valuedouble = strtod(start, NULL);
	node->valueint = node->valuedouble >= INT_MAX ? INT_MAX : node->valuedouble <= INT_MIN ? INT_MIN : (int) node->valuedouble;
	return node;
}

/* Takes a member's name and the colon after it. */
static char *
take_name(NodeParser *parser)
{
	char	   *name = take_string(parser);

	if (name == NULL)
		return NULL;
	skip_blanks(parser);
	return take_character(parser, ':') ? name : NULL;
}

static cJSON *
named(cJSON *value, char *name)
{
	if (value != NULL)
		value->string = name;
	return value;
}

/* Takes the value of a member of this name, which may be an item, or a list of them. */
static cJSON *
take_member_value(NodeParser *parser, const char *name)
{
	skip_blanks(parser);
	if ((strcmp(name, "Item") == 0 || strcmp(name, "Attributes") == 0) && take_character(parser, '{'))
		return take_children(parser, cJSON_Object, '}', take_attribute);
	if (strcmp(name, "Items") == 0 && take_character(parser, '['))
		return take_children(parser, cJSON_Array, ']', take_element);
	return take_value(parser);
}

static cJSON *
take_member(NodeParser *parser)
{
	char	   *name = take_name(parser);

	return name != NULL ? named(take_member_value(parser, name), name) : NULL;
}

/* Takes an object or an array from after its opening bracket on, each child by `take_child`. */
static cJSON *
take_children(NodeParser *parser, int type, char closing, cJSON *(*take_child) (NodeParser *parser))
{
	cJSON	   *parent = nodes_new(parser->pool, type);
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
take_value(NodeParser *parser)
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
			return take_word(parser, "true") ? nodes_new(parser->pool, cJSON_True) : NULL;
		case 'f':
			return take_word(parser, "false") ? nodes_new(parser->pool, cJSON_False) : NULL;
		case 'n':
			return take_word(parser, "null") ? nodes_new(parser->pool, cJSON_NULL) : NULL;
		default:
			return take_number(parser);
	}
}

/* Passes over the rest of a text, from after its opening quote on. */
static bool
skip_string(NodeParser *parser)
{
	for (;;)
	{
		parser->at += find_quote(parser->at, parser->end) - parser->at;
		if (parser->end - parser->at < 2)
			return false;		/* a text is never the last of an answer */
		if (*parser->at++ == '"')
			return true;
		parser->at++;
	}
}

/* Passes over an object or an array. */
static bool
skip_brackets(NodeParser *parser)
{
	size_t		depth = 0;

	while (parser->at < parser->end)
	{
		switch (*parser->at++)
		{
			case '{':
			case '[':
				if (depth++ == CJSON_NESTING_LIMIT)
					return false;
				break;
			case '}':
			case ']':
				if (--depth == 0)
					return true;
				break;
			case '"':
				if (!skip_string(parser))
					return false;
				break;
		}
	}
	return false;
}

/* Takes an object or an array as the text that it is. */
static cJSON *
take_document(NodeParser *parser)
{
	char	   *text = parser->at;
	cJSON	   *node = nodes_new(parser->pool, cJSON_Raw);

	if (node == NULL || !skip_brackets(parser) || parser->at - text > INT_MAX)
		return NULL;
	node->valuestring = text;
	node->valueint = (int) (parser->at - text);
	return node;
}

static bool
is_at_bracket(const NodeParser *parser)
{
	return parser->at < parser->end && (*parser->at == '{' || *parser->at == '[');
}

/* Takes the content of an attribute's value, with its type. */
static cJSON *
take_content(NodeParser *parser)
{
	char	   *type = take_name(parser);

	if (type == NULL)
		return NULL;
	skip_blanks(parser);
	return named(is_at_bracket(parser) ? take_document(parser) : take_value(parser), type);
}

static cJSON *
take_attribute(NodeParser *parser)
{
	char	   *name = take_name(parser);

	if (name == NULL)
		return NULL;
	skip_blanks(parser);
	if (take_character(parser, '{'))
		return named(take_children(parser, cJSON_Object, '}', take_content), name);
	return named(is_at_bracket(parser) ? take_document(parser) : take_value(parser), name);
}

/* Takes an element of a list of items. */
static cJSON *
take_element(NodeParser *parser)
{
	skip_blanks(parser);
	return take_character(parser, '{') ? take_children(parser, cJSON_Object, '}', take_attribute) : take_value(parser);
}

void
nodes_skip_blanks(NodeParser *parser)
{
	skip_blanks(parser);
}

bool
nodes_take_character(NodeParser *parser, char c)
{
	skip_blanks(parser);
	return take_character(parser, c);
}

char *
nodes_take_name(NodeParser *parser)
{
	skip_blanks(parser);
	return take_name(parser);
}

cJSON *
nodes_take_value(NodeParser *parser)
{
	return take_value(parser);
}

cJSON *
nodes_take_item(NodeParser *parser)
{
	skip_blanks(parser);
	return take_character(parser, '{') ? take_children(parser, cJSON_Object, '}', take_attribute) : NULL;
}
