/*
 * id_walk.c: what is wrong with an id, as the ids of a store and the notes of burned ones pass by?
 */
#include "store/id_walk.h"

#include <string.h>

void
id_walk_begin(IdWalk *walk)
{
	memset(walk, 0, sizeof(*walk));
	walk->expected = 1;
	walk->is_matched = true;
}

void
id_walk_see(IdWalk *walk, int64_t id)
{
	walk->is_twice = id == walk->last_seen;
	walk->is_matched = walk->is_twice;
	walk->last_seen = id;
	walk->upto = id - 1;
}

void
id_walk_end(IdWalk *walk, int64_t head)
{
	walk->upto = head > walk->last_seen ? head : 0;
}

void
id_walk_note(IdWalk *walk, int64_t first, int64_t count)
{
	walk->has_note = true;
	walk->note_first = first;
	walk->note_last = count > INT64_MAX - first ? INT64_MAX : first + count - 1;
}

void
id_walk_end_notes(IdWalk *walk)
{
	walk->notes_ended = true;
}

static IdWalkStep
found(IdFinding *finding, IdFindingKind kind, int64_t first, int64_t last)
{
	*finding = (IdFinding) {kind, first, last};
	return ID_WALK_FOUND;
}

/* false: a further note is needed to tell whether one is about `id`, or one after it. */
static bool
has_note_from(IdWalk *walk, int64_t id)
{
	if (walk->has_note && walk->note_last < id)
		walk->has_note = false;
	return walk->has_note || walk->notes_ended;
}

static int64_t
after(int64_t id)
{
	return id < INT64_MAX ? id + 1 : id;
}

static int64_t
lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The first part of a gap, of which either every id is noted or none is. */
static IdWalkStep
gap_found(IdWalk *walk, IdFinding *finding)
{
	int64_t		first = walk->expected;
	bool		is_noted = walk->has_note && walk->note_first <= first;
	int64_t		last = walk->upto;

	if (is_noted)
		last = lesser(last, walk->note_last);
	else if (walk->has_note)
		last = lesser(last, walk->note_first - 1);
	if (last == walk->upto)
		walk->upto = 0;
	walk->expected = after(last);
	return found(finding, is_noted ? ID_GAP_NOTED : ID_GAP, first, last);
}

/* The id that was seen last, which is the first commit's to have it. */
static IdWalkStep
id_matched(IdWalk *walk, IdFinding *finding)
{
	int64_t		id = walk->last_seen;

	walk->is_matched = true;
	walk->expected = after(id);
	if (walk->has_note && walk->note_first <= id)
		return found(finding, ID_NOTED_AND_STORED, id, id);
	return ID_WALK_WANTS_ID;
}

IdWalkStep
id_walk_step(IdWalk *walk, IdFinding *finding)
{
	if (walk->is_twice)
	{
		walk->is_twice = false;
		return found(finding, ID_TWICE, walk->last_seen, walk->last_seen);
	}
	if (walk->expected <= walk->upto)
		return has_note_from(walk, walk->expected) ? gap_found(walk, finding) : ID_WALK_WANTS_NOTE;
	if (!walk->is_matched)
		return has_note_from(walk, walk->last_seen) ? id_matched(walk, finding) : ID_WALK_WANTS_NOTE;
	return ID_WALK_WANTS_ID;
}
