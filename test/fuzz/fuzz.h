/*
 * fuzz: what the fuzz targets share.
 *
 * A target says more than "it does not crash": what it parsed it also writes, reads again and compares, so that a
 * character that is lost or changed is a finding, too.
 */
#ifndef DYNAMODB_ES_FUZZ_H
#define DYNAMODB_ES_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "dynamodb/json.h"

/* Ends the run with a finding. */
#define REQUIRE(condition) \
	do \
	{ \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy that may be written to and ends where the memory does; the caller's to free. */
static inline char *
fuzz_copy(const void *data, size_t size)
{
	char	   *copy = malloc(size > 0 ? size : 1);

	REQUIRE(copy != NULL);
	memcpy(copy, data, size);
	return copy;
}

/* Parses a copy; the caller's to cJSON_Delete, or NULL. */
static inline cJSON *
fuzz_parse(const void *data, size_t size)
{
	char	   *copy = fuzz_copy(data, size);
	cJSON	   *json = json_parse(copy, size);

	free(copy);
	return json;
}

#endif
