/*
 * kept.c: which commits need not be read again? See kept.h.
 */
#include "store/kept.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64

static size_t
bytes_of(const cJSON *node)
{
	size_t		bytes = sizeof(cJSON);

	if (node->string != NULL)
		bytes += strlen(node->string) + 1;
	if (node->valuestring != NULL)
		bytes += strlen(node->valuestring) + 1;
	for (const cJSON *child = node->child; child != NULL; child = child->next)
		bytes += bytes_of(child);
	return bytes;
}

static bool
make_room(Kept *kept)
{
	size_t		room = kept->room > 0 ? kept->room * 2 : FIRST_ROOM;
	KeptCommit *commits;

	if (kept->first + kept->count < kept->room)
		return true;
	commits = realloc(kept->commits, room * sizeof(KeptCommit));
	if (commits == NULL)
		return false;
	kept->commits = commits;
	kept->room = room;
	return true;
}

bool
kept_add(Kept *kept, cJSON *item, int64_t id)
{
	size_t		bytes = item != NULL ? bytes_of(item) + sizeof(KeptCommit) : 0;

	if (item == NULL || kept->bytes + bytes > kept->most_bytes || !make_room(kept))
	{
		cJSON_Delete(item);
		return false;
	}
	kept->commits[kept->first + kept->count++] = (KeptCommit)
	{
		.item = item, .id = id
	};
	kept->bytes += bytes;
	return true;
}

static const KeptCommit *
kept_at(const Kept *kept, size_t n)
{
	return &kept->commits[kept->first + n];
}

int64_t
kept_lowest(const Kept *kept)
{
	return kept_at(kept, 0)->id;
}

int64_t
kept_highest(const Kept *kept)
{
	return kept_at(kept, kept->count - 1)->id;
}

cJSON *
kept_take(Kept *kept)
{
	cJSON	   *item = kept_at(kept, 0)->item;

	kept->bytes -= bytes_of(item) + sizeof(KeptCommit);
	kept->first++;
	kept->count--;
	return item;
}

void
kept_clear(Kept *kept)
{
	while (kept->count > 0)
		cJSON_Delete(kept_take(kept));
	free(kept->commits);
	*kept = (Kept)
	{
		.least_bytes = kept->least_bytes, .most_bytes = kept->most_bytes
	};
}

void
kept_move(Kept *kept, Kept *to)
{
	kept_clear(to);
	*to = *kept;
	*kept = (Kept)
	{
		.least_bytes = to->least_bytes, .most_bytes = to->most_bytes
	};
}

static KeyRange
between(int64_t first, int64_t last)
{
	return (KeyRange)
	{
		.has_lower = true, .lower = first, .has_upper = true, .upper = last
	};
}

size_t
kept_ranges(const Kept *kept, int64_t after, int64_t *known_below, KeyRange ranges[KEPT_MOST_RANGES])
{
	int64_t		next = after + 1;
	size_t		count = 0;

	for (size_t i = 0; i < kept->count && (i == 0 || next < *known_below); i++)
	{
		int64_t		id = kept_at(kept, i)->id;

		if (id > next && count == KEPT_MOST_RANGES - 1)
			*known_below = next;
		else if (id > next)
			ranges[count++] = between(next, id - 1);
		next = id < INT64_MAX ? id + 1 : id;
	}
	if (kept->bytes + kept->most_bytes / 8 > kept->most_bytes || (kept->count > 0 && kept_highest(kept) == INT64_MAX))
		return count;
	ranges[count++] = (KeyRange)
	{
		.has_lower = true, .lower = kept->count > 0 ? kept_highest(kept) + 1 : next
	};
	return count;
}
