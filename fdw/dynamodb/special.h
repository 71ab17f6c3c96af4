/*
 * special: the next character of a JSON text that is not simply copied: a quote, a backslash, a control character, or one
 * that is not ASCII. Eight bytes are looked at in one step. In a header, since it is most of the work on an answer.
 */
#ifndef DYNAMODB_ES_SPECIAL_H
#define DYNAMODB_ES_SPECIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define STRIDE sizeof(uint64_t)
#define ALL_BYTES(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Is any byte 0? A byte that is 0 borrows from its highest bit. Higher bytes may follow suit, no lower. */
static inline uint64_t
zero_bytes(uint64_t bytes)
{
	return bytes - ALL_BYTES(1);
}

/* Is one of eight bytes special? (A byte below 0x20 borrows as well.) */
static inline bool
any_is_special(uint64_t bytes)
{
	return ((bytes | (bytes - ALL_BYTES(0x20)) | zero_bytes(bytes ^ ALL_BYTES('"')) | zero_bytes(bytes ^ ALL_BYTES('\\')))
			& ALL_BYTES(0x80)) != 0;
}

static inline bool
is_special(char c)
{
	return c == '"' || c == '\\' || (unsigned char) c < 0x20 || (unsigned char) c >= 0x80;
}

/* The first special character from `at` on, or `end`. */
static inline const char *
find_special(const char *at, const char *end)
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

/* The first quote or backslash from `at` on, or `end`. */
static inline const char *
find_quote(const char *at, const char *end)
{
	for (; (size_t) (end - at) >= STRIDE; at += STRIDE)
	{
		uint64_t	bytes;
		uint64_t	found;

		memcpy(&bytes, at, STRIDE);
		found = (zero_bytes(bytes ^ ALL_BYTES('"')) & ~(bytes ^ ALL_BYTES('"')))
			| (zero_bytes(bytes ^ ALL_BYTES('\\')) & ~(bytes ^ ALL_BYTES('\\')));
		if ((found & ALL_BYTES(0x80)) != 0)
			break;
	}
	while (at < end && *at != '"' && *at != '\\')
		at++;
	return at;
}

/* What a short escape stands for, by the character after the backslash; 0: there is none. */
static inline char
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

#endif
