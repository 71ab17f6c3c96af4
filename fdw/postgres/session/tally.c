/*
 * tally.c: who is told of what requests have cost, and when?
 *
 * The layers below count in the connection's own memory. It is told when a statement gives the connection back, when a statement or a
 * transaction ends, once a second in long waits, before anybody reads the sums, and when the session ends: also of requests that were
 * given up meanwhile.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/builtins.h"

#include "postgres/session/stat.h"
#include "postgres/session/tally.h"

static dlist_head tallies = DLIST_STATIC_INIT(tallies);
static Usage statement = {0};

static void
tell_at_exit(int code, Datum argument)
{
	tally_tell_all();
}

void
tally_begin(Tally *tally, Oid server, const char *server_name, Usage *session)
{
	static bool tells_at_exit = false;

	if (!tells_at_exit)
		before_shmem_exit(tell_at_exit, (Datum) 0);
	tells_at_exit = true;
	tally->server = server;
	namestrcpy(&tally->server_name, server_name);
	tally->session = session;
	dlist_push_tail(&tallies, &tally->node);
}

void
tally_use(Tally *tally, Oid role)
{
	if (tally->role != role)
		tally_tell(tally);
	tally->role = role;
}

static void
tell_operation(Tally *tally, Operation operation)
{
	static const Usage nothing = {0};
	Usage	   *usage = &tally->usage[operation];
	StatRow		row;

	if (memcmp(usage, &nothing, sizeof(Usage)) == 0)
		return;
	row = (StatRow)
	{
		.key = {.database = MyDatabaseId, .server = tally->server, .role = tally->role, .operation = operation},
		.server_name = tally->server_name,
		.usage = *usage,
	};
	*usage = nothing;
	usage_add(tally->session, &row.usage);
	usage_add(&statement, &row.usage);
	stat_add(STAT_OPERATIONS, &row);
}

void
tally_tell(Tally *tally)
{
	for (int i = 0; i < OPERATIONS; i++)
		tell_operation(tally, (Operation) i);
}

void
tally_tell_all(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &tallies)
		tally_tell(dlist_container(Tally, node, iter.cur));
}

void
tally_end(Tally *tally)
{
	tally_tell(tally);
	dlist_delete(&tally->node);
}

Usage
tally_take_statement(void)
{
	Usage		taken;

	tally_tell_all();
	taken = statement;
	statement = (Usage) {0};
	return taken;
}
