/*
 * commits.c: see commits.h.
 */
#include "commits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PAGE_BYTES ((size_t) 1024 * 1024)
#define FIRST_COMMITTED_AT INT64_C(1700000000000)
#define AGGREGATE_ID_PREFIX "00000000-0000-4000-8000-"
#define NOTE_BYTES 4096

/* What an item's JSON has beyond the item's own bytes: braces, quotes, types, backslashes. */
#define SYNTAX_BYTES 82

/* An item without the note that fills it up, as DynamoDB counts: names and values. */
#define SHORTEST_ITEM 200

static int64_t
id_of(size_t number, size_t count, Spacing spacing)
{
	int64_t		dense = (int64_t) number + 1;
	int64_t		thin = (int64_t) count / 100;

	switch (spacing)
	{
		case SPACING_DENSE:
			break;
		case SPACING_GAPS:
			return dense + (dense - 1) / 9 + (number >= count / 2 ? 1000 : 0);
		case SPACING_SKEWED:
			if ((int64_t) number < thin)
				return 1 + (int64_t) number * (9 * (int64_t) count / (thin > 0 ? thin : 1));
			return 9 * (int64_t) count + dense;
	}
	return dense;
}

void
aggregate_id_write(ByteBuffer *out, size_t aggregate)
{
	buffer_printf(out, AGGREGATE_ID_PREFIX "%012zu", aggregate);
}

bool
aggregate_id_read(const char *text, size_t *aggregate)
{
	size_t		prefix_length = strlen(AGGREGATE_ID_PREFIX);
	char	   *end;

	if (strncmp(text, AGGREGATE_ID_PREFIX, prefix_length) != 0)
		return false;
	*aggregate = strtoull(text + prefix_length, &end, 10);
	return *end == '\0' && end != text + prefix_length;
}

static void
write_item(ByteBuffer *out, const Commits *commits, size_t number, const char *note)
{
	buffer_puts(out, "{\"aggregateId\":{\"S\":\"");
	aggregate_id_write(out, number / commits->versions);
	buffer_printf(out, "\"},\"version\":{\"N\":\"%zu\"},\"commitId\":{\"N\":\"%" PRId64 "\"},\"committedAt\":{\"N\":\"%"
				  PRId64 "\"},", number % commits->versions, commits->ids[number], FIRST_COMMITTED_AT + (int64_t) number);
	buffer_printf(out, "\"events\":{\"S\":\"[{\\\"type\\\":\\\"accountCredited\\\",\\\"amount\\\":%zu.%02zu,"
				  "\\\"currency\\\":\\\"EUR\\\",\\\"by\\\":\\\"john@doe.com\\\",\\\"final\\\":true,\\\"note\\\":\\\"%s\\\"}]\"}},",
				  1000 + number % 9000, number % 100, note);
}

static void
out_of_memory(void)
{
	fputs("out of memory\n", stderr);
	exit(1);
}

static void *
allocate(size_t count, size_t size)
{
	void	   *memory = calloc(count, size);

	if (memory == NULL)
		out_of_memory();
	return memory;
}

void
commits_make(Commits *commits, size_t count, size_t versions, int bytes, size_t weight, Spacing spacing)
{
	ByteBuffer	text = {0};
	char		note[NOTE_BYTES];
	size_t		note_length = bytes > SHORTEST_ITEM ? (size_t) (bytes - SHORTEST_ITEM) : 0;

	if (note_length >= sizeof(note))
		note_length = sizeof(note) - 1;
	memset(note, 'x', note_length);
	note[note_length] = '\0';

	commits->count = count;
	commits->versions = versions;
	commits->weight = weight;
	commits->ids = allocate(count + 1, sizeof(int64_t));
	commits->starts = allocate(count + 1, sizeof(size_t));
	commits->checksums = allocate(count + 1, sizeof(uint32_t));
	for (size_t i = 0; i < count; i++)
	{
		commits->ids[i] = id_of(i, count, spacing);
		write_item(&text, commits, i, note);
		commits->starts[i + 1] = text.length;
		if (text.failed)
			out_of_memory();
		commits->checksums[i + 1] = (uint32_t) crc32(commits->checksums[i],
													 (const Bytef *) text.data + commits->starts[i],
													 (uInt) (text.length - commits->starts[i]));
	}
	commits->text = buffer_detach(&text);
}

size_t
commits_find_id(const Commits *commits, int64_t id)
{
	size_t		low = 0;
	size_t		high = commits->count;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (commits->ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t
commits_size(const Commits *commits, size_t first, size_t end)
{
	if (commits->weight > 0)
		return (end - first) * commits->weight;
	return commits->starts[end] - commits->starts[first] - (end - first) * SYNTAX_BYTES;
}

size_t
commits_page_end(const Commits *commits, size_t first, size_t end)
{
	size_t		low = first < end ? first + 1 : end;
	size_t		high = end;

	while (low < high)
	{
		size_t		middle = low + (high - low + 1) / 2;

		if (commits_size(commits, first, middle) <= PAGE_BYTES)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

size_t
commits_page_start(const Commits *commits, size_t first, size_t end)
{
	size_t		low = first;
	size_t		high = first < end ? end - 1 : end;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (commits_size(commits, middle, end) <= PAGE_BYTES)
			high = middle;
		else
			low = middle + 1;
	}
	return high;
}
