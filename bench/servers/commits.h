/*
 * commits: an event store's commits that nobody ever appended, as the JSON that DynamoDB would answer them in.
 *
 * All of them are written once, one behind the other in the order of their ids. So any run of them is a piece of one
 * text: a page of it costs no more than its sending, and its checksum no more than a combination of two.
 *
 * Commit i (from 0) belongs to aggregate i / versions, as its version i % versions. Ids start at 1 and rise; how densely
 * is up to the spacing.
 */
#ifndef BENCH_COMMITS_H
#define BENCH_COMMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

typedef enum Spacing
{
	SPACING_DENSE,				/* 1, 2, 3, … */
	SPACING_GAPS,				/* every tenth id is missing, and once a thousand in a row */
	SPACING_SKEWED				/* nine tenths of the ids hold one percent of the commits */
} Spacing;

typedef struct Commits
{
	size_t		count;
	size_t		versions;		/* of each aggregate */
	size_t		weight;			/* bytes of each commit, with attributes that nobody asks for; 0: it has no such */
	int64_t    *ids;			/* ascending */
	char	   *text;			/* the items, a comma behind each */
	size_t	   *starts;			/* count + 1 places in the text */
	uint32_t   *checksums;		/* CRC-32 of the text up to each of these places */
} Commits;

/*
 * What is asked for of a commit is about `bytes` large, as DynamoDB counts; all of it `weight`, or no more than that
 * if 0. Ends the program when memory runs out.
 */
extern void commits_make(Commits *commits, size_t count, size_t versions, int bytes, size_t weight, Spacing spacing);

/* Appends the text of an aggregate's id. */
extern void aggregate_id_write(ByteBuffer *out, size_t aggregate);

/* The aggregate of that id; false when the text is none. */
extern bool aggregate_id_read(const char *text, size_t *aggregate);

/* The first commit whose id is not below that one; `count` when there is none. */
extern size_t commits_find_id(const Commits *commits, int64_t id);

/* Bytes of a run of commits, as DynamoDB counts: that is what makes a page full, and what it costs. */
extern size_t commits_size(const Commits *commits, size_t first, size_t end);

/* The end of the longest run from `first` to at most `end` that fits a page; never empty unless first == end. */
extern size_t commits_page_end(const Commits *commits, size_t first, size_t end);

/* The start of the longest run up to `end`, likewise. */
extern size_t commits_page_start(const Commits *commits, size_t first, size_t end);

#endif
