/*
 * trace.c: in what words does the log tell what a client has done?
 *
 * Names of operations and tables, codes, numbers: no key, no value, and none of what only superusers may know of the
 * server's own AWS identity, since whoever sets client_min_messages reads it. The layers below write events down
 * (journal.h); they are told here, where an error in reporting does no harm.
 */
#include "postgres.h"

#include "postgres/core/encoding.h"
#include "postgres/session/trace.h"

/* "Query on table "commits"", or the operation alone where it has none. */
static char *
describe_request(const Event *event)
{
	if (event->table[0] == '\0')
		return pstrdup(event->operation);
	return psprintf("%s on table \"%s\"", event->operation,
					encoding_for_message(event->table, strlen(event->table), sizeof(event->table)));
}

static char *
describe_code(const Event *event)
{
	return event->code[0] == '\0' ? pstrdup("no code")
		: encoding_for_message(event->code, strlen(event->code), sizeof(event->code));
}

static char *
describe_event(const Event *event)
{
	switch (event->kind)
	{
		case EVENT_REQUEST:
			if (event->failed)
				return psprintf("%s, attempt %d: %s, " INT64_FORMAT " ms", describe_request(event), event->attempt,
								describe_code(event), event->took_ms);
			return psprintf("%s, attempt %d: %g units, " INT64_FORMAT " ms", describe_request(event), event->attempt,
							event->units, event->took_ms);
		case EVENT_RETRY:
			return psprintf("%s is sent again: attempt %d failed (%s), pause of " INT64_FORMAT " ms", describe_request(event),
							event->attempt, describe_code(event), event->pause_ms);
		case EVENT_THROTTLE:
			return psprintf("%s is throttled: attempt %d (%s), from now on %d side by side", describe_request(event),
							event->attempt, describe_code(event), event->window);
		case EVENT_RENEWED:
			return psprintf("AWS credentials were fetched: fetch %d", event->attempt);
		case EVENT_NOT_RENEWED:
			return psprintf("AWS credentials could not be fetched: fetch %d (%s), pause of " INT64_FORMAT " ms",
							event->attempt, describe_code(event), event->pause_ms);
	}
	return "";
}

/* The client may go while it is reported: its events are not looked at after that. */
static void
trace_event(const Event *event)
{
	char	   *words = describe_event(event);

	ereport(event->kind == EVENT_REQUEST ? DEBUG2 : DEBUG1,
			(errmsg_internal("dynamodb_es: %s", words), errhidestmt(true), errhidecontext(true)));
	pfree(words);
}

void
trace_client(Client *client)
{
	Journal    *journal = client_journal(client);

	journal->level = message_level_is_interesting(DEBUG2) ? JOURNAL_ALL
		: message_level_is_interesting(DEBUG1) ? JOURNAL_TROUBLE : JOURNAL_OFF;
	if (journal->count == 0)
		return;
	for (size_t i = 0; i < journal->count; i++)
		trace_event(&journal->events[i]);
	if (journal->lost > 0)
		ereport(DEBUG1, (errmsg_internal("dynamodb_es: " INT64_FORMAT " more events were not kept", journal->lost)));
	journal_clear(journal);
}
