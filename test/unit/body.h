/*
 * body: what the tests of request bodies share.
 */
#ifndef DYNAMODB_ES_TEST_BODY_H
#define DYNAMODB_ES_TEST_BODY_H

#include "unit.h"

#include <cjson/cJSON.h>

/* The body is this document, where ' stands for ", in any order of members. Frees it. */
static inline void
assert_body(ByteBuffer *body, const char *expected)
{
	char	   *quoted = strdup(expected);
	cJSON	   *actual;
	cJSON	   *wanted;

	assert_false(body->failed);
	for (char *c = quoted; *c != '\0'; c++)
		if (*c == '\'')
			*c = '"';
	wanted = cJSON_Parse(quoted);
	assert_non_null(wanted);
	actual = cJSON_ParseWithOpts(body->data, NULL, true);
	if (!cJSON_Compare(actual, wanted, true))
		fail_msg("%s\nis not %s", body->data, quoted);
	cJSON_Delete(actual);
	cJSON_Delete(wanted);
	free(quoted);
	buffer_free(body);
}

#endif
