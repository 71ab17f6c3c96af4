/*
 * same: are nodes (dynamodb/nodes.h) what cJSON makes of the same text? Their documents, which have stayed text, are parsed
 * for that.
 */
#ifndef DYNAMODB_ES_TEST_SAME_H
#define DYNAMODB_ES_TEST_SAME_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb/json.h"

/* A document as nodes of cJSON's own; NULL: it is malformed. */
static inline cJSON *
document_parse(const cJSON *document)
{
	char	   *copy = strndup(document->valuestring, (size_t) document->valueint);
	cJSON	   *value = json_parse(copy, (size_t) document->valueint);

	free(copy);
	return value;
}

static inline bool
documents_are_json(const cJSON *node)
{
	if (cJSON_IsRaw(node))
	{
		cJSON	   *value = document_parse(node);

		cJSON_Delete(value);
		return value != NULL;
	}
	for (const cJSON *child = node->child; child != NULL; child = child->next)
		if (!documents_are_json(child))
			return false;
	return true;
}

static inline bool
is_same_text(const char *text, const char *other)
{
	return text == NULL || other == NULL ? text == other : strcmp(text, other) == 0;
}

static inline bool is_same(const cJSON *node, const cJSON *other);

static inline bool
is_same_document(const cJSON *node, const cJSON *other)
{
	cJSON	   *value = document_parse(node);
	bool		same = value != NULL && is_same_text(node->string, other->string);

	for (const cJSON *a = same ? value->child : NULL, *b = other->child; same && (a != NULL || b != NULL); a = a->next, b = b->next)
		same = a != NULL && b != NULL && is_same(a, b);
	same = same && value->type == other->type;
	cJSON_Delete(value);
	return same;
}

static inline bool
is_same(const cJSON *node, const cJSON *other)
{
	const cJSON *a = node->child;
	const cJSON *b = other->child;

	if (cJSON_IsRaw(node))
		return is_same_document(node, other);
	if (node->type != other->type || !is_same_text(node->string, other->string)
		|| !is_same_text(node->valuestring, other->valuestring))
		return false;
	if (cJSON_IsNumber(node) && (node->valuedouble != other->valuedouble || node->valueint != other->valueint))
		return false;
	for (; a != NULL && b != NULL; a = a->next, b = b->next)
		if (!is_same(a, b))
			return false;
	return a == NULL && b == NULL;
}

#endif
