/*
 * id_walk: the commit ids of a store, from the first to the head: which are there twice, which are missing, and which of
 * those were noted as burned (counter.h).
 *
 * Ids and notes come in ascending order, one at a time, so that any number of them takes no memory.
 */
#ifndef DYNAMODB_ES_ID_WALK_H
#define DYNAMODB_ES_ID_WALK_H

#include <stdbool.h>
#include <stdint.h>

typedef enum IdFindingKind
{
	ID_TWICE,					/* two commits have it: the one that was seen last, and the one before */
	ID_GAP,						/* no commit has it, and no note tells why */
	ID_GAP_NOTED,
	ID_NOTED_AND_STORED			/* a note says that it came to nothing, and a commit has it */
} IdFindingKind;

typedef struct IdFinding
{
	IdFindingKind kind;
	int64_t		first;
	int64_t		last;
} IdFinding;

/* What the walk needs next. */
typedef enum IdWalkStep
{
	ID_WALK_FOUND,				/* nothing: here is a finding */
	ID_WALK_WANTS_NOTE,			/* id_walk_note, or id_walk_end_notes */
	ID_WALK_WANTS_ID			/* id_walk_see, or id_walk_end */
} IdWalkStep;

typedef struct IdWalk
{
	int64_t		expected;		/* the ids before it are accounted for */
	int64_t		upto;			/* those from `expected` up to it, itself included, are none of a commit */
	int64_t		last_seen;		/* 0: none */
	bool		is_twice;		/* it is the second commit of that id */
	bool		is_matched;		/* it was looked for among the notes */
	bool		has_note;
	bool		notes_ended;
	int64_t		note_first;
	int64_t		note_last;
} IdWalk;

extern void id_walk_begin(IdWalk *walk);

/* The next commit's id, above 0 and no less than the one before. */
extern void id_walk_see(IdWalk *walk, int64_t id);

/* There is no further commit, and `head` was the last id given out. Then ID_WALK_WANTS_ID is the end. */
extern void id_walk_end(IdWalk *walk, int64_t head);

/* The next note: `count` ids from `first` on, both above 0; `first` is no less than the one before. */
extern void id_walk_note(IdWalk *walk, int64_t first, int64_t count);
extern void id_walk_end_notes(IdWalk *walk);
extern IdWalkStep id_walk_step(IdWalk *walk, IdFinding *finding);

#endif
