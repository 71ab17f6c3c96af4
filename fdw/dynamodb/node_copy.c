/*
 * node_copy.c: how does a node outlive the text and the pool that it lies in?
 */
#include "dynamodb/node_copy.h"

#include <stdbool.h>
#include <string.h>

/* `length` characters, and a NUL. */
static bool
copy_text(char **copy, const char *text, size_t length)
{
	if (text == NULL)
		return true;
	*copy = cJSON_malloc(length + 1);
	if (*copy == NULL)
		return false;
	memcpy(*copy, text, length);
	(*copy)[length] = '\0';
	return true;
}

static bool
copy_content(cJSON *copy, const cJSON *node)
{
	size_t		length = node->valuestring == NULL ? 0 : cJSON_IsRaw(node) ? (size_t) node->valueint : strlen(node->valuestring);

	copy->type = node->type & 0xFF;
	copy->valueint = node->valueint;
	copy->valuedouble = node->valuedouble;
	return copy_text(&copy->valuestring, node->valuestring, length)
		&& copy_text(&copy->string, node->string, node->string != NULL ? strlen(node->string) : 0);
}

/* Not deep: what nests in an item is a text. */
cJSON *
node_copy(const cJSON *node)
{
	cJSON	   *copy = cJSON_CreateNull();
	bool		is_whole = copy != NULL && copy_content(copy, node);

	for (const cJSON *child = node->child; child != NULL && is_whole; child = child->next)
	{
		cJSON	   *child_copy = node_copy(child);
		cJSON	   *last = copy->child != NULL ? copy->child->prev : NULL;

		is_whole = child_copy != NULL;
		if (child_copy == NULL)
			break;
		/* As cJSON has it: the first one's `prev` is the last. */
		if (last == NULL)
			copy->child = child_copy;
		else
		{
			last->next = child_copy;
			child_copy->prev = last;
		}
		copy->child->prev = child_copy;
	}
	if (is_whole)
		return copy;
	cJSON_Delete(copy);
	return NULL;
}
