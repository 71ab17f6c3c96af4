/*
 * paging.c: is this a place where a next page can begin, and has it been there before? See paging.h.
 */
#include "dynamodb/paging.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "dynamodb/attribute.h"
#include "dynamodb/json.h"

/* The keys of a table and of an index: two each. */
#define MAX_KEY_ATTRIBUTES 4

/* Bytes: of an attribute's name; of a partition key, which in base64, or with kept escapes (json.h), takes more. */
#define MAX_ATTRIBUTE_NAME 255
#define MAX_KEY_BYTES 2048
#define MAX_KEY_TEXT (5 * MAX_KEY_BYTES)

/* Of a number's text: 38 digits, and no exponent where DynamoDB writes none: 126 digits before the point, 130 behind. */
#define MAX_NUMBER_TEXT 300

static bool
text_is_within(const char *text, size_t most)
{
	return strnlen(text, most + 1) <= most;
}

/* A name, and {"S": "…"}, {"N": "…"} or {"B": "…"}. */
static bool
is_key_attribute(const cJSON *key, const cJSON *member)
{
	const cJSON *content = cJSON_IsObject(member) ? member->child : NULL;
	AttributeType type;

	if (!cJSON_IsString(content) || content->next != NULL || !text_is_within(member->string, MAX_ATTRIBUTE_NAME)
		|| !text_is_within(content->valuestring, strcmp(content->string, "N") == 0 ? MAX_NUMBER_TEXT : MAX_KEY_TEXT))
		return false;
	type = attribute_get(key, member->string).type;
	return type == ATTRIBUTE_S || type == ATTRIBUTE_N || type == ATTRIBUTE_B;
}

/* No more members are looked at than a key can have. */
static bool
is_key(const cJSON *key)
{
	const cJSON *names[MAX_KEY_ATTRIBUTES];
	size_t		count = 0;

	for (const cJSON *member = key->child; member != NULL; member = member->next)
	{
		if (count == MAX_KEY_ATTRIBUTES || !is_key_attribute(key, member))
			return false;
		for (size_t i = 0; i < count; i++)
			if (strcmp(names[i]->string, member->string) == 0)
				return false;
		names[count++] = member;
	}
	return true;
}

static bool
is_place(const char *place, const char *other)
{
	return other != NULL && strcmp(place, other) == 0;
}

/*
 * Takes the text of a place over, NULL for want of memory. Brent's way of finding a cycle: each place is compared with
 * one before, which moves up whenever twice as many pages have come as the last time.
 */
static PagingResult
trail_add(PagingTrail *trail, char *place)
{
	if (place == NULL)
		return PAGING_MEMORY;
	if (is_place(place, trail->last) || is_place(place, trail->milestone))
	{
		free(place);
		return PAGING_WRONG;
	}
	if (trail->pages == trail->distance)
	{
		free(trail->milestone);
		trail->milestone = trail->last;
		trail->last = NULL;
		trail->pages = 0;
		trail->distance = 2 * trail->distance + 1;
	}
	free(trail->last);
	trail->last = place;
	trail->pages++;
	return PAGING_MORE;
}

static char *
key_text(const cJSON *key)
{
	ByteBuffer	text = {0};

	json_write_value(&text, key);
	return buffer_detach(&text);
}

PagingResult
paging_next_key(PagingTrail *trail, const cJSON *answer, cJSON **key)
{
	const cJSON *last = json_member(answer, "LastEvaluatedKey");
	PagingResult result;

	cJSON_Delete(*key);
	*key = NULL;
	if (last == NULL || cJSON_IsNull(last) || (cJSON_IsObject(last) && last->child == NULL))
		return PAGING_END;
	if (!cJSON_IsObject(last) || !is_key(last))
		return PAGING_WRONG;
	result = trail_add(trail, key_text(last));
	if (result != PAGING_MORE)
		return result;
	*key = cJSON_Duplicate(last, true);
	return *key != NULL ? PAGING_MORE : PAGING_MEMORY;
}

PagingResult
paging_next_table(PagingTrail *trail, const cJSON *answer, const char **name)
{
	const cJSON *last = json_member(answer, "LastEvaluatedTableName");
	PagingResult result;

	*name = NULL;
	if (last == NULL || cJSON_IsNull(last))
		return PAGING_END;
	if (!cJSON_IsString(last) || last->valuestring[0] == '\0' || !text_is_within(last->valuestring, MAX_ATTRIBUTE_NAME))
		return PAGING_WRONG;
	result = trail_add(trail, strdup(last->valuestring));
	if (result == PAGING_MORE)
		*name = trail->last;
	return result;
}

void
paging_free(PagingTrail *trail)
{
	free(trail->last);
	free(trail->milestone);
	memset(trail, 0, sizeof(*trail));
}
