/*
 * pace.c: how long until the next look?
 *
 * As a rule that is the projection's poll interval. But what was appended by this server is there: only the index may not
 * show it yet. So it is looked for at once, and then after pauses that double, until it is seen or the interval is reached.
 *
 * What comes after an open gap cannot be applied yet, and to look for it would mean to read all that waits there again.
 * Only what may be in the gap is worth a look.
 */
#include "postgres.h"

#include "postgres/projection/pace.h"
#include "postgres/session/wake.h"

#define FIRST_PAUSE_MS 10

void
pace_listen(Pace *pace, const Client *client, const StoreNames *names)
{
	pace->store = wake_number(client, names);
	(void) wake_listen(pace->store);
}

bool
pace_wake(Pace *pace, const IdRange *ids)
{
	if (pace->gap.last > 0 && ids->first > pace->gap.last)
		return false;
	pace->awaited.first = pace->awaited.last > 0 ? Min(pace->awaited.first, ids->first) : ids->first;
	pace->awaited.last = Max(pace->awaited.last, ids->last);
	pace->pause_ms = FIRST_PAUSE_MS;
	return true;
}

/* Some of them: they are not visible yet, or may be in the gap. */
static bool
are_missing(const IdRange *ids, const FeedReport *report)
{
	if (report->waiting_for.last > 0)
		return ids->first <= report->waiting_for.last && ids->last >= report->waiting_for.first;
	return ids->last > report->seen;
}

int64
pace_next_ms(Pace *pace, const FeedReport *report, int64 poll_interval_ms)
{
	int64		pause_ms = pace->pause_ms;

	pace->gap = report->waiting_for;
	if (pace->awaited.last == 0 || !are_missing(&pace->awaited, report) || pause_ms >= poll_interval_ms)
	{
		pace->awaited = (IdRange) {0, 0};
		return poll_interval_ms;
	}
	pace->pause_ms *= 2;
	return pause_ms;
}
