/*
 * sight.c: which commits are there, and which come after them? See sight.h.
 */
#include "store/sight.h"

#include <stdlib.h>
#include <string.h>

#include "dynamodb/nodes.h"

const char **
sight_attributes(const char *const *wanted, size_t nwanted, size_t *count)
{
	static const char *const own[] = {COMMIT_ID, COMMIT_APPENDED_AT, COMMIT_COMMITTED_AT};
	const char **attributes = calloc(nwanted + sizeof(own) / sizeof(own[0]), sizeof(char *));

	*count = 0;
	if (attributes == NULL)
		return NULL;
	for (size_t i = 0; i < nwanted; i++)
		attributes[(*count)++] = wanted[i];
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
	{
		bool		is_there = false;

		for (size_t j = 0; j < nwanted && !is_there; j++)
			is_there = strcmp(wanted[j], own[i]) == 0;
		if (!is_there)
			attributes[(*count)++] = own[i];
	}
	return attributes;
}

bool
sight_id_of(const cJSON *item, int64_t *id)
{
	AttributeValue value = attribute_get(item, COMMIT_ID);

	return attribute_to_int64(&value, id);
}

static int64_t
stamp_of(const cJSON *item)
{
	static const char *const names[] = {COMMIT_APPENDED_AT, COMMIT_COMMITTED_AT};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		AttributeValue value = attribute_get(item, names[i]);
		int64_t		stamp;

		if (attribute_to_int64(&value, &stamp))
			return stamp;
	}
	return INT64_MAX;
}

ReadResult
sight_take(Sight *sight, const cJSON **item, int64_t *id)
{
	ReadResult	result = read_next(sight->read, item);

	sight->ended = result == READ_END;
	if (result != READ_ITEM)
		return result;
	if (!sight_id_of(*item, id))
		*item = NULL;
	else if (*id > sight->highest)
		sight->highest = *id;
	return READ_ITEM;
}

static bool
keep(Sight *sight, const cJSON *item, int64_t id)
{
	Sighted    *sighted = &sight->ahead[sight->first + sight->count];

	*sighted = (Sighted)
	{
		.item = nodes_copy(item), .id = id, .stamp = stamp_of(item), .taken_at = http_now_ms(),
		.units = read_item_units(sight->read)
	};
	sight->count += sighted->item != NULL;
	return sighted->item != NULL;
}

bool
sight_put_back(Sight *sight, const cJSON *item, int64_t id)
{
	sight->first = 0;
	return keep(sight, item, id);
}

ReadResult
sight_ahead(Sight *sight)
{
	const cJSON *item;
	int64_t		id;
	ReadResult	result = sight_take(sight, &item, &id);

	if (result != READ_ITEM)
		return result;
	if (item == NULL)
		return READ_EMPTY_PAGE;
	if (sight->first > 0 && sight->first + sight->count == SIGHT_MOST)
	{
		memmove(sight->ahead, sight->ahead + sight->first, sight->count * sizeof(Sighted));
		sight->first = 0;
	}
	return keep(sight, item, id) ? READ_ITEM : READ_FAILED;
}

bool
sight_is_clear(const Sight *sight)
{
	return !sight->ended && sight->count < SIGHT_MOST && (read_holds_item(sight->read) || read_has_ended(sight->read));
}

Sighted *
sight_at(Sight *sight, size_t n)
{
	return &sight->ahead[sight->first + n];
}

cJSON *
sight_pop(Sight *sight)
{
	sight->count--;
	return sight->ahead[sight->first++].item;
}

void
sight_skim(Sight *sight)
{
	const cJSON *item;
	int64_t		id;

	while (read_holds_item(sight->read) && sight_take(sight, &item, &id) == READ_ITEM)
		;
}

void
sight_free(Sight *sight)
{
	while (sight->count > 0)
		cJSON_Delete(sight_pop(sight));
	read_free(sight->read);
	sight->read = NULL;
}
