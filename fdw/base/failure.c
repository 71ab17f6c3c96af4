/*
 * failure: how does an error's text fit into a fixed array without a broken character at its end? See failure.h.
 */
#include "base/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts off an incomplete UTF-8 character at the end of `text`. */
static void
drop_incomplete_character(char *text)
{
	size_t		length = strlen(text);
	size_t		tail = 0;		/* continuation bytes at the end */
	unsigned char lead;
	size_t		wanted;

	while (tail < 3 && tail < length && ((unsigned char) text[length - 1 - tail] & 0xC0) == 0x80)
		tail++;
	if (tail == length)
		return;
	lead = (unsigned char) text[length - 1 - tail];
	wanted = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
	if (tail < wanted)
		text[length - 1 - tail] = '\0';
}

void
failure_set(Failure *failure, FailureKind kind, const char *code, const char *format,...)
{
	Failure		fresh;			/* the arguments may point into *failure */
	va_list		args;
	int			length;

	memset(&fresh, 0, sizeof(fresh));
	fresh.kind = kind;
	if (code != NULL && snprintf(fresh.code, sizeof(fresh.code), "%s", code) >= (int) sizeof(fresh.code))
		drop_incomplete_character(fresh.code);

	va_start(args, format);
	length = vsnprintf(fresh.message, sizeof(fresh.message), format, args);
	va_end(args);
	if (length >= (int) sizeof(fresh.message))
		drop_incomplete_character(fresh.message);
	*failure = fresh;
}
