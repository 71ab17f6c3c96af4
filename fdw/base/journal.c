/*
 * journal.c: where are events kept until somebody reads them? See journal.h.
 */
#include "base/journal.h"

#include <stdlib.h>

/* More than come together between two waits: the requests that a client can have under way, with two events each. */
#define MOST_EVENTS 1024
#define FIRST_EVENTS 16

static bool
journal_grow(Journal *journal)
{
	size_t		capacity = journal->capacity == 0 ? FIRST_EVENTS : journal->capacity * 2;
	Event	   *events;

	if (capacity > MOST_EVENTS)
		return false;
	events = realloc(journal->events, capacity * sizeof(Event));
	if (events == NULL)
		return false;
	journal->events = events;
	journal->capacity = capacity;
	return true;
}

void
journal_add(Journal *journal, const Event *event)
{
	if (journal->count == journal->capacity && !journal_grow(journal))
		journal->lost++;
	else
		journal->events[journal->count++] = *event;
}

void
journal_clear(Journal *journal)
{
	journal->count = 0;
	journal->lost = 0;
}

void
journal_free(Journal *journal)
{
	free(journal->events);
	*journal = (Journal) {0};
}
