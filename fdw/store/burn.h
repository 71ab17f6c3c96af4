/*
 * burn: commit ids that were given out and will never be stored.
 *
 * A reader that follows the ids would wait for them; a burn note spares it that. It is an item in the counter table,
 * {name: "<counter>#burned#<first id>", n: <how many>}, one for each run of consecutive ids. Writing it is a
 * courtesy: a note that could not be written costs such readers time, and nobody anything else.
 */
#ifndef DYNAMODB_ES_BURN_H
#define DYNAMODB_ES_BURN_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "base/step.h"
#include "dynamodb/client.h"
#include "store/commit.h"

typedef struct BurnList
{
	int64_t    *ids;			/* malloc'ed */
	size_t		nids;
	size_t		room;
} BurnList;

/* Adds an id; one for which there is no memory is left out. */
extern void burn_add(BurnList *list, int64_t id);
extern void burn_free(BurnList *list);

/*
 * What an item of the counter table has to do with the ids of a counter: it is something else, a note of `count` ids
 * from `first` on, both above 0, or named as a note and none.
 */
typedef enum BurnNote
{
	BURN_NO_NOTE,
	BURN_NOTE,
	BURN_BAD_NOTE
} BurnNote;

extern BurnNote burn_read_note(const cJSON *item, const char *counter, int64_t *first, int64_t *count);

typedef struct BurnOperation BurnOperation;

/*
 * Writes the notes, several at once; what is left when none was answered for `patience_ms` is given up. NULL when
 * memory ran out, or there is nothing to note.
 */
extern BurnOperation *burn_start(Client *client, const StoreNames *names, BurnList *list, int max_parallel,
								 int patience_ms, Usage *usage);

/* PENDING or DONE. */
extern StepResult burn_step(BurnOperation *burn);
extern void burn_operation_free(BurnOperation *burn);

#endif
