/*
 * notes: what burn notes say of commit ids that a reader misses (see counter.h for what they are).
 *
 * A note is final: ids that it names will never be stored. That there is none says nothing. They are read eventually
 * consistent, at half the cost: one that is missed is found at the next look.
 */
#ifndef DYNAMODB_ES_NOTES_H
#define DYNAMODB_ES_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/client.h"
#include "store/commit.h"

typedef struct Notes Notes;

/* *names is a view, and must outlive the notes. NULL when memory ran out. */
extern Notes *notes_new(Client *client, const StoreNames *names, Usage *usage);

/* Asks for the note that begins with that id, ahead of notes_look, as long as there is room for more. */
extern void notes_ask(Notes *notes, int64_t first);

/*
 * Looks for the note that begins with that id. DONE: *count ids from there on are burned, 0: there is no note.
 * FAILED: notes_failure. As many as there is room for are under way at once; lower ids go first.
 */
extern StepResult notes_look(Notes *notes, int64_t first, int64_t *count);

/* true when the answer has arrived that notes_look would wait for. */
extern bool notes_has_arrived(Notes *notes, int64_t first);

/* What was asked for of lower ids needs no answer any more. */
extern void notes_forget_below(Notes *notes, int64_t first);
extern const Failure *notes_failure(const Notes *notes);

/* true once a note could not be read, because the permission is missing: ids that notes name are then waited for like others. */
extern bool notes_are_denied(const Notes *notes);

/* How many were asked for. */
extern int64_t notes_reads(const Notes *notes);

/* NULL is allowed. */
extern void notes_free(Notes *notes);

#endif
