/*
 * burn: commit ids that were given out and will never be stored.
 *
 * A reader that follows the ids would wait for them. A burn note tells it not to. There is one note for each run of consecutive
 * ids (counter.h). Without the note such readers wait longer; nothing else is lost, so a note may fail.
 */
#ifndef DYNAMODB_ES_BURN_H
#define DYNAMODB_ES_BURN_H

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
