/*
 * notes.c: are these ids burned? See notes.h.
 */
#include "store/notes.h"

#include <stdlib.h>

#include "dynamodb/call.h"
#include "dynamodb/json.h"
#include "store/counter.h"

#define MOST_NOTES 16			/* asked for at once */

typedef struct Note
{
	int64_t		first;			/* 0: the place is free */
	Call	   *call;
} Note;

struct Notes
{
	Client	   *client;
	const StoreNames *names;
	Usage	   *usage;
	Note		places[MOST_NOTES];
	int64_t		reads;
	bool		denied;
	Failure		failure;
};

Notes *
notes_new(Client *client, const StoreNames *names, Usage *usage)
{
	Notes	   *notes = calloc(1, sizeof(Notes));

	if (notes == NULL)
		return NULL;
	notes->client = client;
	notes->names = names;
	notes->usage = usage;
	return notes;
}

/* The place of that id, or with 0 a free one; NULL where there is none. */
static Note *
find_place(Notes *notes, int64_t first)
{
	for (int i = 0; i < MOST_NOTES; i++)
		if (notes->places[i].first == first)
			return &notes->places[i];
	return NULL;
}

static void
place_free(Note *note)
{
	call_free(note->call);
	note->call = NULL;
	note->first = 0;
}

static void
note_send(Notes *notes, Note *note, int64_t first)
{
	ByteBuffer	body = {0};

	counter_write_note_get(&body, notes->names, first);
	note->call = call_start(notes->client, OPERATION_GET_ITEM, &body, notes->usage);
	note->first = note->call != NULL ? first : 0;
	notes->reads += note->call != NULL;
	buffer_free(&body);
}

void
notes_ask(Notes *notes, int64_t first)
{
	Note	   *room = find_place(notes, 0);

	if (!notes->denied && room != NULL && find_place(notes, first) == NULL)
		note_send(notes, room, first);
}

void
notes_forget_below(Notes *notes, int64_t first)
{
	for (int i = 0; i < MOST_NOTES; i++)
		if (notes->places[i].first != 0 && notes->places[i].first < first)
			place_free(&notes->places[i]);
}

/* What is looked for now goes before what was asked for ahead: the farthest gives up its place, if it is farther on. */
static void
make_room(Notes *notes, int64_t first)
{
	Note	   *farthest = &notes->places[0];

	if (find_place(notes, 0) != NULL)
		return;
	for (int i = 1; i < MOST_NOTES; i++)
		if (notes->places[i].first > farthest->first)
			farthest = &notes->places[i];
	if (farthest->first > first)
		place_free(farthest);
}

static StepResult
note_failed(Notes *notes, const Failure *failure)
{
	if (failure->kind == FAILURE_ACCESS_DENIED)
	{
		notes->denied = true;
		return STEP_DONE;
	}
	notes->failure = *failure;
	return STEP_FAILED;
}

StepResult
notes_look(Notes *notes, int64_t first, int64_t *count)
{
	Note	   *note;
	StepResult	result;

	*count = 0;
	if (notes->denied)
		return STEP_DONE;
	if (find_place(notes, first) == NULL)
		make_room(notes, first);
	notes_ask(notes, first);
	note = find_place(notes, first);
	if (note == NULL && find_place(notes, 0) == NULL)
		return STEP_PENDING;
	if (note == NULL)
	{
		failure_set(&notes->failure, FAILURE_MEMORY, NULL, "out of memory");
		return STEP_FAILED;
	}
	result = call_step(note->call);
	if (result == STEP_PENDING)
		return STEP_PENDING;
	if (result == STEP_DONE)
		*count = counter_note_count(json_member(call_response(note->call), "Item"));
	else
		result = note_failed(notes, call_failure(note->call));
	place_free(note);
	return result;
}

bool
notes_has_arrived(Notes *notes, int64_t first)
{
	const Note *note = find_place(notes, first);

	return notes->denied || (note != NULL && call_has_arrived(note->call));
}

const Failure *
notes_failure(const Notes *notes)
{
	return &notes->failure;
}

bool
notes_are_denied(const Notes *notes)
{
	return notes->denied;
}

int64_t
notes_reads(const Notes *notes)
{
	return notes->reads;
}

void
notes_free(Notes *notes)
{
	if (notes == NULL)
		return;
	for (int i = 0; i < MOST_NOTES; i++)
		call_free(notes->places[i].call);
	free(notes);
}
