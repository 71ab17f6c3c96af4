/*
 * damage: a text of JSON with some wrong characters in it, or cut short: others in each round, the same in each run.
 */
#ifndef DYNAMODB_ES_TEST_DAMAGE_H
#define DYNAMODB_ES_TEST_DAMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Damages `length` characters in place. How many are left of them. *random is 1 before the first round. */
static inline size_t
damage(char *text, size_t length, int round, uint32_t *random)
{
	static const char pool[] = "\"\\{}[]:,u0d8e\x01\x80\xc3\xed\xf0\xff" "tfn-.1 ";

	for (int i = 0; i <= round % 3; i++)
	{
		*random = *random * 1664525 + 1013904223;
		text[(*random >> 8) % length] = pool[(*random >> 3) % (sizeof(pool) - 1)];
	}
	*random = *random * 1664525 + 1013904223;
	return round % 5 == 0 ? (*random >> 8) % length : length;
}

#endif
