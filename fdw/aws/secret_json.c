/*
 * secret_json.c: how is a JSON object read without leaving pieces of it behind? In place, by walking over it; the one
 * text that is asked for is all that is copied.
 */
#include "aws/secret_json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define MAX_DEPTH 32

/* The member that is looked for, and where its value stands. */
typedef struct Wanted
{
	const char *name;
	const char *value;			/* NULL: not found */
	size_t		length;
} Wanted;

typedef struct Walk
{
	const char *at;
	const char *end;
	int			depth;
} Walk;

static bool take_value(Walk *walk, ByteBuffer *text);

/* The next character that is no blank; '\0' at the end. */
static char
next(Walk *walk)
{
	while (walk->at < walk->end && memchr(" \t\r\n", *walk->at, 4) != NULL)
		walk->at++;
	return walk->at < walk->end ? *walk->at : '\0';
}

static bool
take(Walk *walk, char c)
{
	if (next(walk) != c)
		return false;
	walk->at++;
	return true;
}

/* The character that four hexadecimal digits stand for. */
static bool
take_unicode(Walk *walk, char *c)
{
	int			unit = 0;

	if (walk->end - walk->at < 4)
		return false;
	for (int i = 0; i < 4; i++)
	{
		char		digit = *walk->at++;

		if (digit >= '0' && digit <= '9')
			unit = unit * 16 + (digit - '0');
		else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
			unit = unit * 16 + ((digit | 0x20) - 'a' + 10);
		else
			return false;
	}
	*c = unit > 0 && unit < 0x7f ? (char) unit : 0x7f;
	return true;
}

static bool
take_escape(Walk *walk, char *c)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	if (walk->at == walk->end)
		return false;
	*c = *walk->at++;
	if (*c == 'u')
		return take_unicode(walk, c);
	letter = memchr(letters, *c, sizeof(letters) - 1);
	if (letter == NULL)
		return false;
	*c = meanings[letter - letters];
	return true;
}

/* A string, appended to *text unless that is NULL. */
static bool
take_string(Walk *walk, ByteBuffer *text)
{
	if (!take(walk, '"'))
		return false;
	while (walk->at < walk->end)
	{
		char		c = *walk->at++;

		if (c == '"')
			return true;
		if ((unsigned char) c < 0x20 || (c == '\\' && !take_escape(walk, &c)))
			return false;
		if (text != NULL)
			buffer_putc(text, c);
	}
	return false;
}

/* A number, true, false or null: which one does not matter. */
static bool
take_word(Walk *walk)
{
	const char *start = walk->at;

	while (walk->at < walk->end && memchr("+-.0123456789Eaeflnrstu", *walk->at, 23) != NULL)
		walk->at++;
	return walk->at > start;
}

static bool
take_array(Walk *walk)
{
	walk->at++;
	if (take(walk, ']'))
		return true;
	do
	{
		if (!take_value(walk, NULL))
			return false;
	} while (take(walk, ','));
	return take(walk, ']');
}

/* An object; the first member that is *wanted (NULL: nothing) is noted there, and a string appended to *text. */
static bool
take_object(Walk *walk, Wanted *wanted, ByteBuffer *text)
{
	walk->at++;
	if (take(walk, '}'))
		return true;
	do
	{
		const char *key;
		bool		meant;

		(void) next(walk);
		key = walk->at + 1;
		if (!take_string(walk, NULL))
			return false;
		meant = wanted != NULL && wanted->value == NULL
			&& (size_t) (walk->at - 1 - key) == strlen(wanted->name) && memcmp(key, wanted->name, strlen(wanted->name)) == 0;
		if (!take(walk, ':'))
			return false;
		(void) next(walk);
		if (meant)
			wanted->value = walk->at;
		if (!take_value(walk, meant ? text : NULL))
			return false;
		if (meant)
			wanted->length = (size_t) (walk->at - wanted->value);
	} while (take(walk, ','));
	return take(walk, '}');
}

/* Any value; a string is appended to *text unless that is NULL. */
static bool
take_value(Walk *walk, ByteBuffer *text)
{
	char		first = next(walk);
	bool		taken;

	if (first == '"')
		return take_string(walk, text);
	if (first != '{' && first != '[')
		return take_word(walk);
	if (walk->depth == MAX_DEPTH)
		return false;
	walk->depth++;
	taken = first == '[' ? take_array(walk) : take_object(walk, NULL, NULL);
	walk->depth--;
	return taken;
}

/* Looks for it in all of an object. */
static bool
find(const char *json, size_t length, Wanted *wanted, ByteBuffer *text)
{
	Walk		walk = {.at = json, .end = json + length};

	return next(&walk) == '{' && take_object(&walk, wanted, text) && next(&walk) == '\0' && walk.at == walk.end
		&& wanted->value != NULL;
}

static bool
is_word(const Wanted *found, const char *word)
{
	return found->length == strlen(word) && memcmp(found->value, word, found->length) == 0;
}

SecretMember
secret_json_member(const char *json, size_t length, const char *name, char **value)
{
	Wanted		wanted = {.name = name};
	ByteBuffer	text = {.secret = true};
	SecretMember found = SECRET_MEMBER_ABSENT;

	*value = NULL;
	if (find(json, length, &wanted, &text) && !is_word(&wanted, "null"))
		found = wanted.value[0] == '"' ? SECRET_MEMBER_TEXT : SECRET_MEMBER_OTHER;
	if (found == SECRET_MEMBER_TEXT)
		*value = buffer_detach(&text);
	buffer_free(&text);
	return found == SECRET_MEMBER_TEXT && *value == NULL ? SECRET_MEMBER_MEMORY : found;
}

bool
secret_json_has_word(const char *json, size_t length, const char *name, const char *word)
{
	Wanted		wanted = {.name = name};

	return find(json, length, &wanted, NULL) && is_word(&wanted, word);
}
