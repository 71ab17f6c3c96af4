/*
 * server_usage.c: what has this session sent to which server?
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "postgres/session/server_usage.h"
#include "postgres/session/tally.h"

/* ServerUsage by server. Tallies point into its entries, which are never removed. */
static HTAB *
usages(void)
{
	static HTAB *table = NULL;
	HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(ServerUsage)};

	if (table == NULL)
		table = hash_create("dynamodb_es usage", 8, &control, HASH_ELEM | HASH_BLOBS);
	return table;
}

Usage *
server_usage_of(const ForeignServer *server)
{
	bool		found;
	ServerUsage *usage = hash_search(usages(), &server->serverid, HASH_ENTER, &found);

	if (!found)
		memset(&usage->usage, 0, sizeof(usage->usage));
	namestrcpy(&usage->server_name, server->servername);
	return &usage->usage;
}

char *
server_usage_name(Oid server)
{
	ForeignServer *found = GetForeignServerExtended(server, FSV_MISSING_OK);
	const ServerUsage *usage = found != NULL ? NULL : hash_search(usages(), &server, HASH_FIND, NULL);

	return found != NULL ? found->servername : pstrdup(NameStr(usage->server_name));
}

void
server_usage_scan(HASH_SEQ_STATUS *scan)
{
	tally_tell_all();
	hash_seq_init(scan, usages());
}

const ServerUsage *
server_usage_next(HASH_SEQ_STATUS *scan)
{
	return hash_seq_search(scan);
}
