/*
 * stream.c: which streams does a read consist of, which of them come next, and where are they cut?
 *
 * A stream of sort keys that is alone is cut into ranges once rows of its second page are taken. The pages so far tell
 * how many keys a page spans. How far the keys go is asked while the third page is under way; what is beyond the answer
 * was given out later, and stays one range, followed page by page, as does whatever is below the first key that there
 * can be. If there is no answer, nothing is cut.
 */
#include "store/stream.h"

#include <stdlib.h>

#include "dynamodb/attribute.h"
#include "dynamodb/response.h"
#include "store/read_request.h"

/* Pages that wait for their turn, at most, where some have to overtake others. */
#define PAGES_PER_CONNECTION 2

/* The first commit id and the first version of an aggregate; smaller ones are strangers' work. */
#define FIRST_COMMIT_ID 1
#define FIRST_VERSION 0

static size_t
stream_count(const ReadSpec *spec)
{
	switch (spec->path)
	{
		case READ_AGGREGATE:
			return key_batch_count(spec->nkeys)
				+ (spec->pieces != NULL ? spec->npieces : spec->naggregates * spec->nranges);
		case READ_INDEX:
			return spec->nranges;
		case READ_SCAN:
			break;
	}
	return spec->chosen_segments != NULL ? spec->nchosen_segments : (size_t) spec->segments;
}

/* Batches come first. */
static void
stream_describe(Stream *stream, const ReadSpec *spec, size_t number)
{
	size_t		batches = key_batch_count(spec->nkeys);
	size_t		range;

	if (spec->path == READ_SCAN)
	{
		stream->segment = spec->chosen_segments != NULL ? spec->chosen_segments[number] : (int) number;
		return;
	}
	if (number < batches)
	{
		stream->batch = key_batch_of(spec->nkeys, number);
		return;
	}
	number -= batches;
	if (spec->pieces != NULL)
	{
		stream->aggregate = &spec->pieces[number].aggregate;
		stream->range = spec->pieces[number].range;
		return;
	}
	range = number % spec->nranges;
	stream->range = spec->ranges[spec->backward ? spec->nranges - 1 - range : range];
	if (spec->path == READ_AGGREGATE)
		stream->aggregate = &spec->aggregates[number / spec->nranges];
}

void
streams_init(Streams *streams, const ReadSpec *spec)
{
	*streams = (Streams)
	{
		.spec = spec, .ndescribed = stream_count(spec)
	};
	streams->may_be_cut = streams->ndescribed == 1 && spec->path != READ_SCAN && spec->nkeys == 0
		&& spec->max_ranges > 1;
}

size_t
streams_most(const Streams *streams)
{
	/* A batch may have to be split into its keys. */
	return streams->may_be_cut ? (size_t) streams->spec->max_ranges : streams->ndescribed + streams->spec->nkeys;
}

/* A stream that was not in the list yet, put behind `before`, or first. NULL when memory ran out. */
static Stream *
stream_insert(Streams *streams, Stream *before)
{
	Stream	   *stream = calloc(1, sizeof(Stream));

	if (stream == NULL)
		return NULL;
	stream->next = before != NULL ? before->next : streams->first;
	if (before != NULL)
		before->next = stream;
	else
		streams->first = stream;
	return stream;
}

/* Makes what was cut off a stream's range a stream of its own. NULL: as above. */
static Stream *
stream_insert_rest(Streams *streams, Stream *before, const KeyRange *rest)
{
	Stream	   *stream = stream_insert(streams, before);

	if (stream != NULL)
	{
		stream->aggregate = before->aggregate;
		stream->range = *rest;
	}
	return stream;
}

/* Starts a stream: at its first page, which of a range that can be cut is all. false when memory ran out. */
static bool
stream_start(Streams *streams, Stream *stream)
{
	bool		backward = streams->spec->backward;
	KeyRange	rest;

	if (streams->may_be_cut && !stream->is_whole && stream->range.has_lower && stream->range.has_upper
		&& key_range_cut(&stream->range, &streams->span, backward, &rest)
		&& stream_insert_rest(streams, stream, &rest) == NULL)
		return false;
	stream->has_position = backward ? stream->range.has_upper : stream->range.has_lower;
	stream->position = backward ? stream->range.upper : stream->range.lower;
	stream->is_started = true;
	streams->nactive++;
	streams->were_parallel = streams->were_parallel || streams->nactive > 1;
	return true;
}

/* *next: the stream to start, made where needed; NULL: none is to start now. false when memory ran out. */
static bool
stream_to_start(Streams *streams, Stream **next)
{
	Stream	   *last = NULL;

	for (Stream *stream = streams->first; stream != NULL; stream = stream->next)
	{
		if (!stream->is_started && !stream->awaits_head)
		{
			*next = stream;
			return true;
		}
		last = stream;
	}
	*next = NULL;
	if (streams->nmade == streams->ndescribed)
		return true;
	*next = stream_insert(streams, last);
	if (*next == NULL)
		return false;
	stream_describe(*next, streams->spec, streams->nmade++);
	return true;
}

bool
stream_has_page(const Stream *stream)
{
	return stream->call != NULL && call_has_arrived(stream->call);
}

/*
 * A stream that has to start before its turn. A range can turn out to hold more than a page; what is left of it becomes a
 * stream of its own. If streams behind that one are running already, their pages wait for its pages, and nothing else starts
 * while all places are taken. So the first such stream gets a place beyond the limit. NULL: there is none, or no connection is
 * free.
 */
static Stream *
stream_to_start_before_others(const Streams *streams, size_t parallel)
{
	Stream	   *first = NULL;
	bool		others = false;
	size_t		awaited = 0;

	for (Stream *stream = streams->first; stream != NULL; stream = stream->next)
	{
		if (stream->is_started)
		{
			others = first != NULL;
			awaited += !stream_has_page(stream);
		}
		else if (first == NULL && !stream->awaits_head)
			first = stream;
	}
	return others && awaited < parallel && streams->nactive < PAGES_PER_CONNECTION * parallel ? first : NULL;
}

bool
streams_start(Streams *streams, size_t parallel)
{
	Stream	   *stream;

	while (streams->nactive < parallel)
	{
		if (!stream_to_start(streams, &stream))
			return false;
		if (stream == NULL)
			break;
		if (!stream_start(streams, stream))
			return false;
	}
	while (streams->may_be_cut && (stream = stream_to_start_before_others(streams, parallel)) != NULL)
		if (!stream_start(streams, stream))
			return false;
	return true;
}

/* The sort key in an item or a LastEvaluatedKey; false where there is none, or no integer. */
static bool
sort_key_of(const ReadSpec *spec, const cJSON *item, int64_t *key)
{
	AttributeValue value = attribute_get(item, read_sort_key(spec));

	return attribute_to_int64(&value, key);
}

/* Commits of an aggregate have versions of their own; in the index, strangers may have given an id out twice. */
bool
stream_moves_on(const ReadSpec *spec, const cJSON *before, const cJSON *start_key)
{
	int64_t		from;
	int64_t		to;

	if (spec->path == READ_SCAN || !sort_key_of(spec, before, &from) || !sort_key_of(spec, start_key, &to))
		return true;
	if (from == to)
		return spec->path == READ_INDEX;
	return (to < from) == spec->backward;
}

bool
stream_measure(Streams *streams, Stream *stream, const cJSON *page, const cJSON *first_item)
{
	const ReadSpec *spec = streams->spec;
	bool		backward = spec->backward;
	double		load = response_capacity_units(page);
	int64_t		last;

	if (load <= 0 || response_scanned_count(page) == 0)
		load = (double) response_scanned_count(page);	/* an empty page costs something, too */
	/* Without a filter the first item tells better than a bound, which may lie far before it. */
	if (spec->filter == NULL && first_item != NULL && !stream->has_first_page)
		stream->has_position = sort_key_of(spec, first_item, &stream->position) || stream->has_position;
	stream->has_first_page = true;
	if (stream->start_key == NULL)
	{
		last = backward ? stream->range.lower : stream->range.upper;
		if (stream->has_position && (backward ? stream->range.has_lower : stream->range.has_upper))
			page_span_learn_partial(&streams->span, stream->position, last, load);
		return false;
	}
	if (!sort_key_of(spec, stream->start_key, &last))
		return false;
	if (stream->has_position)
		page_span_learn_full(&streams->span, stream->position, last, load);
	stream->has_position = true;
	stream->position = key_advance(last, 1, backward);
	return !stream->is_whole;
}

/*
 * Cuts what is left of a stream behind the highest key that was known; or, backward, before the lowest that there can
 * be. false when memory ran out.
 */
static bool
stream_cut_at_head(Streams *streams, Stream *stream, int64_t head)
{
	Stream	   *open;
	KeyRange	rest;

	stream->awaits_head = false;
	if (key_range_split(&stream->range, head, streams->spec->backward, &rest))
	{
		open = stream_insert_rest(streams, stream, &rest);
		if (open == NULL)
			return false;
		open->is_whole = true;
	}
	else
		stream->is_whole = !stream->range.has_lower || !stream->range.has_upper || head < stream->range.lower;
	return true;
}

bool
stream_cut(Streams *streams, Stream *stream)
{
	const ReadSpec *spec = streams->spec;
	bool		backward = spec->backward;
	bool		ends = backward ? stream->range.has_lower : stream->range.has_upper;
	KeyRange	range = stream->range;
	KeyRange	rest_range;
	Stream	   *rest;

	if (!key_range_cut_from(&range, stream->position, &streams->span, backward, &rest_range))
		return true;
	rest = stream_insert_rest(streams, stream, &rest_range);
	if (rest == NULL)
		return false;
	stream->range = range;
	if (!backward && streams->head_state == HEAD_UNWANTED)
	{
		rest->awaits_head = true;
		streams->head_state = HEAD_WANTED;
	}
	else if (!backward && streams->head_state == HEAD_KNOWN)
		return stream_cut_at_head(streams, rest, streams->head);	/* it may have been cut for the first time beyond it */
	else if (!ends && backward)
		return stream_cut_at_head(streams, rest, spec->path == READ_INDEX ? FIRST_COMMIT_ID : FIRST_VERSION);
	return true;
}

bool
streams_cut_at_head(Streams *streams, int64_t head)
{
	streams->head_state = HEAD_KNOWN;
	streams->head = head;
	for (Stream *stream = streams->first; stream != NULL; stream = stream->next)
		if (!stream->is_started && !stream_cut_at_head(streams, stream, head))
			return false;
	return true;
}

bool
stream_split_batch(Streams *streams, Stream *stream, const KeyBatches *batches)
{
	for (size_t i = stream->batch.first; i < stream->batch.first + stream->batch.count; i++)
	{
		const CommitKey *key = &batches->keys[i];
		Stream	   *single = key_batches_await(batches, i) ? stream_insert(streams, stream) : NULL;

		if (single == NULL && key_batches_await(batches, i))
			return false;
		if (single == NULL)
			continue;
		single->aggregate = &key->aggregate;
		single->range = (KeyRange)
		{
			.has_lower = true, .lower = key->version, .has_upper = true, .upper = key->version
		};
	}
	return true;
}

static void
stream_free(Stream *stream)
{
	call_free(stream->call);
	cJSON_Delete(stream->start_key);
	paging_free(&stream->trail);
	free(stream);
}

void
stream_end(Streams *streams, Stream *stream)
{
	Stream	  **at = &streams->first;

	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
	streams->nactive--;
	stream_free(stream);
}

void
streams_free(Streams *streams)
{
	while (streams->first != NULL)
	{
		Stream	   *next = streams->first->next;

		stream_free(streams->first);
		streams->first = next;
	}
}
