/*
 * sight.c: which commits are there, and which come after them? See sight.h.
 */
#include "store/sight.h"

#include <stdlib.h>
#include <string.h>

#include "dynamodb/node_copy.h"

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

/* Looks at the next commit of the read. READ_END: it has none. */
static ReadResult
peek(Sight *sight)
{
	ReadResult	result;

	if (sight->peeked != NULL)
		return READ_ITEM;
	if (sight->read_ended)
		return READ_END;
	result = read_next(sight->read, &sight->peeked);
	sight->read_ended = result == READ_END;
	if (result == READ_ITEM && !sight_id_of(sight->peeked, &sight->peeked_id))
	{
		sight->peeked = NULL;
		return READ_EMPTY_PAGE;
	}
	return result;
}

ReadResult
sight_take(Sight *sight, const cJSON **item, int64_t *id)
{
	ReadResult	result = peek(sight);
	bool		has_kept = sight->kept.count > 0;

	cJSON_Delete(sight->taken);
	sight->taken = NULL;
	sight->ended = result == READ_END && !has_kept;
	if (result != READ_ITEM && (result != READ_END || !has_kept))
		return result;
	if (has_kept && (result == READ_END || kept_lowest(&sight->kept) < sight->peeked_id))
	{
		*id = kept_lowest(&sight->kept);
		*item = sight->taken = kept_take(&sight->kept);
	}
	else
	{
		*id = sight->peeked_id;
		*item = sight->peeked;
		sight->peeked = NULL;
	}
	if (*id > sight->highest)
		sight->highest = *id;
	return READ_ITEM;
}

/* A commit that was kept is handed on as it is. */
static cJSON *
taken_or_copy(Sight *sight, const cJSON *item)
{
	cJSON	   *own = sight->taken;

	sight->taken = NULL;
	return own != NULL ? own : node_copy(item);
}

static bool
keep(Sight *sight, const cJSON *item, int64_t id)
{
	Sighted    *sighted = &sight->ahead[sight->first + sight->count];

	*sighted = (Sighted)
	{
		.id = id, .stamp = item == sight->taken ? sight->kept_stamp : stamp_of(item), .taken_at = http_now_ms(),
		.units = read_item_units(sight->read)
	};
	sighted->item = taken_or_copy(sight, item);
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
sight_is_ready(Sight *sight)
{
	return sight->peeked != NULL || sight->read_ended || read_is_ready(sight->read);
}

bool
sight_is_clear(const Sight *sight)
{
	return !sight->ended && sight->count < SIGHT_MOST &&
		(sight->peeked != NULL || read_holds_item(sight->read) || read_has_ended(sight->read));
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

/* What is at hand without a request. */
static bool
takes_at_hand(Sight *sight, const cJSON **item, int64_t *id)
{
	ReadResult	result;

	do
	{
		if (sight->peeked == NULL && !sight->read_ended && !read_holds_item(sight->read))
			return false;
		result = sight_take(sight, item, id);
	} while (result == READ_EMPTY_PAGE);
	return result == READ_ITEM;
}

void
sight_skim(Sight *sight)
{
	const cJSON *item;
	int64_t		id;

	while (takes_at_hand(sight, &item, &id))
		;
}

void
sight_keep(Sight *sight, Kept *to)
{
	bool		fits = true;
	const cJSON *item;
	int64_t		id;

	kept_clear(to);
	while (sight->count > 0 && fits)
	{
		id = sight_at(sight, 0)->id;
		fits = kept_add(to, sight_pop(sight), id);
	}
	while (fits && takes_at_hand(sight, &item, &id))
		fits = kept_add(to, taken_or_copy(sight, item), id);
	while (fits && sight->kept.count > 0)
	{
		id = kept_lowest(&sight->kept);
		fits = kept_add(to, kept_take(&sight->kept), id);
	}
	if (to->bytes < to->least_bytes)
		kept_clear(to);
}

void
sight_free(Sight *sight)
{
	kept_clear(&sight->kept);
	cJSON_Delete(sight->taken);
	while (sight->count > 0)
		cJSON_Delete(sight_pop(sight));
	read_free(sight->read);
	sight->read = NULL;
}
