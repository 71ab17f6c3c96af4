/*
 * refusal.c: for which tables was an operation refused of late? See refusal.h.
 */
#include "dynamodb/refusal.h"

#include <stdio.h>
#include <string.h>

void
refusals_add(Refusals *refusals, const char *table, int64_t now)
{
	const int	most = sizeof(refusals->of) / sizeof(refusals->of[0]);

	if (strlen(table) >= sizeof(refusals->of[0].table) || refusals_has(refusals, table, now))
		return;
	snprintf(refusals->of[refusals->next].table, sizeof(refusals->of[0].table), "%s", table);
	refusals->of[refusals->next].until = now + REFUSAL_MS;
	refusals->next = (refusals->next + 1) % most;
}

bool
refusals_has(const Refusals *refusals, const char *table, int64_t now)
{
	for (size_t i = 0; i < sizeof(refusals->of) / sizeof(refusals->of[0]); i++)
		if (refusals->of[i].until > now && strcmp(refusals->of[i].table, table) == 0)
			return true;
	return false;
}
