/*
 * journal: what a client does, for whoever asks it "what are you doing?".
 *
 * The layers below PostgreSQL may be in the midst of libcurl when something happens, and never jump. So they write down what
 * happened, as values, and whoever waits for the client reads it afterwards. An event has names and numbers: no key, no
 * value and no word of an answer but its code. While nobody asks, nothing is written.
 */
#ifndef DYNAMODB_ES_JOURNAL_H
#define DYNAMODB_ES_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum EventKind
{
	EVENT_REQUEST,				/* an attempt has ended */
	EVENT_RETRY,				/* another one is due after pause_ms */
	EVENT_THROTTLE,				/* DynamoDB throttles; `window` requests of that kind go side by side from now on */
	EVENT_RENEWED,				/* credentials were fetched */
	EVENT_NOT_RENEWED			/* they could not be; the next fetch that nobody waits for is due after pause_ms */
} EventKind;

typedef struct Event
{
	EventKind	kind;
	const char *operation;		/* a constant; NULL: it is about credentials */
	char		table[256];		/* or empty; of a transaction, the first one; cut to fit */
	char		code[64];		/* why it failed; empty: it did not, or no answer gave a code */
	bool		failed;
	int			attempt;		/* from 1; of credentials, which fetch of this client's */
	int64_t		took_ms;		/* REQUEST: from sending to the end of the answer */
	int64_t		pause_ms;
	double		units;			/* REQUEST: capacity units */
	int			window;
} Event;

/* How much of it is wanted. */
typedef enum JournalLevel
{
	JOURNAL_OFF,
	JOURNAL_TROUBLE,			/* all but requests */
	JOURNAL_ALL
} JournalLevel;

/* All zeroes is an empty one that is off. */
typedef struct Journal
{
	JournalLevel level;
	Event	   *events;
	size_t		count;
	size_t		capacity;
	int64_t		lost;			/* events that there was no room or memory for */
} Journal;

/* Ask before an event is put together. */
static inline bool
journal_wants(const Journal *journal, EventKind kind)
{
	return journal->level >= (kind == EVENT_REQUEST ? JOURNAL_ALL : JOURNAL_TROUBLE);
}

/* Copies it. Where there is no room left, it is counted and lost. */
extern void journal_add(Journal *journal, const Event *event);

/* Forgets what was read. */
extern void journal_clear(Journal *journal);
extern void journal_free(Journal *journal);

#endif
