/*
 * key_batch: single commits, up to a hundred in a BatchGetItem; and which of them have been asked for and answered.
 *
 * Such an answer may leave keys out, in any number, and tells nothing of those that have no item. So it is noted of each key what
 * became of it. An item that was not asked for, or comes a second time, is none of DynamoDB's.
 */
#ifndef DYNAMODB_ES_KEY_BATCH_H
#define DYNAMODB_ES_KEY_BATCH_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "store/read_spec.h"

/* The one of ascending keys that an item, or a key in an answer, has; NULL: none of them. */
extern const CommitKey *key_batch_find(const CommitKey *keys, size_t nkeys, const cJSON *item);

/* Likewise ascending: for qsort. */
extern int	commit_key_compare(const void *a, const void *b);

/* All keys of a read, and what became of each of them. */
typedef struct KeyBatches
{
	const CommitKey *keys;		/* a view; ascending */
	size_t		nkeys;
	unsigned char *states;		/* owned */
} KeyBatches;

/* Those that one stream of a read is to fetch. */
typedef struct KeyBatch
{
	size_t		first;
	size_t		count;			/* 0: it is a stream of another kind */
} KeyBatch;

/* false when memory ran out. */
extern bool key_batches_init(KeyBatches *batches, const CommitKey *keys, size_t nkeys);
extern void key_batches_free(KeyBatches *batches);

/* How many batches there are, and the one of that number. */
extern size_t key_batch_count(size_t nkeys);
extern KeyBatch key_batch_of(size_t nkeys, size_t number);

/*
 * Appends, as JSON, the keys of the batch that have no answer yet, up to `most`. They count as asked for. What was asked for
 * before, and was not answered, is asked for again.
 */
extern void key_batch_ask(KeyBatches *batches, KeyBatch batch, size_t most, ByteBuffer *keys);

/* Takes the answer, all but its items. false when it leaves out what was not asked for, or everything. */
extern bool key_batch_answered(KeyBatches *batches, KeyBatch batch, const cJSON *answer);

/* true when the key of that number has no answer yet. */
extern bool key_batches_await(const KeyBatches *batches, size_t key);

/* true when keys of the batch are still to be asked for. */
extern bool key_batch_has_more(const KeyBatches *batches, KeyBatch batch);

/* Takes an item of an answer. false when that cannot have it. */
extern bool key_batches_take_item(KeyBatches *batches, const cJSON *item);

#endif
