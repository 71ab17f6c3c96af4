/*
 * entries.c: which workers does dynamodb_es.workers ask for?
 *
 * Names are written as in SQL: capital letters and special characters take double quotes.
 */
#include "postgres.h"

#include "parser/scansup.h"
#include "utils/builtins.h"

#include "postgres/worker/entries.h"

#define MOST_ENTRIES 1000

static const char *
skip_blanks(const char *at)
{
	while (scanner_isspace(*at))
		at++;
	return at;
}

/* A copy of what is between double quotes, in which two of them stand for one. NULL: the second quote is missing. */
static char *
read_quoted(const char **at)
{
	char	   *name = palloc(strlen(*at) + 1);
	char	   *end = name;
	const char *next;

	for (next = *at + 1; *next != '"' || next[1] == '"'; next++)
	{
		if (*next == '\0')
			return NULL;
		if (*next == '"')
			next++;
		*end++ = *next;
	}
	*end = '\0';
	*at = next + 1;
	return name;
}

static char *
read_plain(const char **at)
{
	const char *start = *at;

	while (**at != '\0' && strchr("@,\"", **at) == NULL && !scanner_isspace(**at))
		(*at)++;
	return downcase_identifier(start, *at - start, false, false);
}

static bool
fails(EntryProblem *problem, const char *what, const char *at)
{
	*problem = (EntryProblem) {what, at};
	return false;
}

static bool
read_name(const char **at, NameData *name, EntryProblem *problem)
{
	const char *start = *at;
	char	   *read = *start == '"' ? read_quoted(at) : read_plain(at);

	if (read == NULL)
		return fails(problem, "a name has no closing quote", start);
	if (*read == '\0')
		return fails(problem, "a name is missing", start);
	if (strlen(read) >= NAMEDATALEN)
		return fails(problem, "a name is too long", start);
	namestrcpy(name, read);
	*at = skip_blanks(*at);
	return true;
}

static bool
read_entry(const char **at, WorkerEntry *entry, EntryProblem *problem)
{
	if (!read_name(at, &entry->role, problem))
		return false;
	if (**at != '@')
		return fails(problem, "there is no \"@\" behind the role", *at);
	*at = skip_blanks(*at + 1);
	return read_name(at, &entry->database, problem);
}

static bool
read_all(const char *at, List **entries, EntryProblem *problem)
{
	at = skip_blanks(at);
	if (*at == '\0')
		return true;
	for (;;)
	{
		WorkerEntry *entry = palloc0(sizeof(WorkerEntry));

		if (!read_entry(&at, entry, problem))
			return false;
		*entries = lappend(*entries, entry);
		if (*at == '\0')
			return true;
		if (*at != ',')
			return fails(problem, "there is no comma between two workers", at);
		if (list_length(*entries) == MOST_ENTRIES)
			return fails(problem, "there are too many workers", at);
		at = skip_blanks(at + 1);
	}
}

static bool
are_for_the_same(const WorkerEntry *a, const WorkerEntry *b)
{
	return strcmp(NameStr(a->role), NameStr(b->role)) == 0 && strcmp(NameStr(a->database), NameStr(b->database)) == 0;
}

static void
number_shares(List *entries)
{
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, entries)
	{
		WorkerEntry *entry = lfirst(cell);

		foreach(other, entries)
		{
			if (lfirst(other) == entry)
				entry->share = entry->shares;
			if (are_for_the_same(lfirst(other), entry))
				entry->shares++;
		}
	}
}

bool
entries_parse(const char *string, List **entries, EntryProblem *problem)
{
	*entries = NIL;
	if (!read_all(string, entries, problem))
		return false;
	number_shares(*entries);
	return true;
}

bool
entries_are_equal(const WorkerEntry *a, const WorkerEntry *b)
{
	return are_for_the_same(a, b) && a->share == b->share && a->shares == b->shares;
}
