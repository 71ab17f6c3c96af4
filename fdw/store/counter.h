/*
 * counter: the items of the counter table. A store has one for its counter, {name: "<counter>", id: <the last id given out>},
 * and one for each note of ids that came to nothing, {name: "<counter>#burned#<first id>", n: <how many>}.
 *
 * Each request that touches such an item is written here, and each such item read. The writers append a request's body;
 * *body fails when memory runs out.
 */
#ifndef DYNAMODB_ES_COUNTER_H
#define DYNAMODB_ES_COUNTER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/failure.h"
#include "store/commit.h"

/* The attributes: the key of both, the counter's id, and the number of a note's ids. */
#define COUNTER_NAME "name"
#define COUNTER_ID "id"
#define COUNTER_BURNED_COUNT "n"

/* What the id was when the counter's store was dropped: with that id still, nobody uses the counter any more. */
#define COUNTER_DROPPED_AT "droppedAt"

/* UpdateItem: takes `n` ids. The answer is for counter_read_taken. */
extern void counter_write_take(ByteBuffer *body, const StoreNames *names, int64_t n);

/* GetItem: strongly consistent, and eventually consistent at half the cost. */
extern void counter_write_get(ByteBuffer *body, const StoreNames *names);
extern void counter_write_glance(ByteBuffer *body, const StoreNames *names);

/* PutItem: a counter that must not exist yet, with its first value. */
extern void counter_write_put_new(ByteBuffer *body, const StoreNames *names, int64_t id);

/* UpdateItem: raises the counter to `id`, on condition that it is below, or has never given out an id. */
extern void counter_write_raise(ByteBuffer *body, const StoreNames *names, int64_t id);

/* UpdateItem: its store was dropped, on condition that it has given out an id. UpdateItem: its store is there again. */
extern void counter_write_retire(ByteBuffer *body, const StoreNames *names);
extern void counter_write_revive(ByteBuffer *body, const StoreNames *names);

/* An action of TransactWriteItems: from `id` to `next`, on condition that it is there still; 0: or has never given out an id. */
extern void counter_write_move(ByteBuffer *body, const StoreNames *names, int64_t id, int64_t next);

/* Scan, strongly consistent: what counter_is_expendable looks at, of all items of the table. `start_key`: where the page begins, or NULL. */
extern void counter_write_list(ByteBuffer *body, const StoreNames *names, const cJSON *start_key);

/* PutItem: the note that `count` ids from `first` on came to nothing. GetItem, eventually consistent: the note from there on. */
extern void counter_write_note(ByteBuffer *body, const StoreNames *names, int64_t first, int64_t count);
extern void counter_write_note_get(ByteBuffer *body, const StoreNames *names, int64_t first);

/*
 * The last id that was given out: 0 where the item has none yet. false when there is no item, or what it holds is no last
 * commit id.
 */
extern bool counter_read_head(const cJSON *item, int64_t *head);

/* What the item holds, where that is an integer at all. */
typedef enum CounterContent
{
	COUNTER_NOTHING,			/* there is no item, or no id in it */
	COUNTER_INTEGER,			/* *id */
	COUNTER_EXHAUSTED,			/* a number beyond all commit ids: it was one too many, or written by hand */
	COUNTER_UNFIT				/* no integer */
} CounterContent;

extern CounterContent counter_read(const cJSON *item, int64_t *id);

/* The last of the `n` ids that an answer to counter_write_take gives. false with *failure filled in. */
extern bool counter_read_taken(const cJSON *response, int64_t n, int64_t *last, Failure *failure);

/* A failure for what counter_read_head does not take. */
extern void counter_failure(const cJSON *item, Failure *failure);

/* Was its store dropped, and has it not given out an id since? */
extern bool counter_is_retired(const cJSON *item);

/*
 * May an item of the counter table go with it, when the store of `counter` is dropped? That store's counter; retired
 * ones; and notes, which are of no use without a counter. What is none of these is somebody else's.
 */
extern bool counter_is_expendable(const cJSON *item, const char *counter);

/*
 * What an item of the counter table has to do with the ids of a counter: it is something else, a note of `count` ids
 * from `first` on, both above 0, or named as a note and none.
 */
typedef enum CounterNote
{
	COUNTER_NO_NOTE,
	COUNTER_NOTE,
	COUNTER_BAD_NOTE
} CounterNote;

extern CounterNote counter_read_note(const cJSON *item, const char *counter, int64_t *first, int64_t *count);

/* How many ids a note names; 0 for what is no note. */
extern int64_t counter_note_count(const cJSON *item);

#endif
