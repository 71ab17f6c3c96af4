/*
 * words.c: which words is a command made of?
 */
#include "aws/words.h"

#include <stdbool.h>
#include <string.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What stands in quotes, moved to *to; behind it, or NULL where the quotes are not closed. */
static char *
take_quoted(char *from, char **to)
{
	char		quote = *from++;

	for (; *from != quote; from++)
	{
		if (*from == '\\' && quote == '"' && (from[1] == '\\' || from[1] == '"'))
			from++;
		if (*from == '\0')
			return NULL;
		*(*to)++ = *from;
	}
	return from + 1;
}

/* A word, moved to *to; behind it, or NULL where it is not complete. */
static char *
take_word(char *from, char **to)
{
	while (from != NULL && *from != '\0' && !is_blank(*from))
	{
		if (*from == '\'' || *from == '"')
			from = take_quoted(from, to);
		else if (*from == '\\' && *++from == '\0')
			from = NULL;
		else
			*(*to)++ = *from++;
	}
	return from;
}

size_t
words_split(char *text, char **words, size_t room)
{
	size_t		count = 0;

	for (;;)
	{
		char	   *end;
		bool		last;

		while (is_blank(*text))
			text++;
		if (*text == '\0')
			return count;
		end = text;
		if (count < room)
			words[count] = text;
		count++;
		text = take_word(text, &end);
		if (text == NULL)
			return WORDS_BROKEN;
		last = *text == '\0';
		*end = '\0';
		if (last)
			return count;
		text++;
	}
}
