/*
 * chain.c: how does a procedure commit, and go on? See chain.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "pgstat.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "postgres/projection/chain.h"

void
chain_begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
}

/* What runs SQL on the way may have taken the CALL's own snapshot anew, which no transaction may leave behind. */
void
chain_commit(void)
{
	if (ActiveSnapshotSet())
		ForgetPortalSnapshots();
	CommitTransactionCommand();
}

/* Statistics are counted only between two transactions. */
static void
begin_next(MemoryContext memory)
{
	pgstat_report_stat(false);
	chain_begin();
	MemoryContextSwitchTo(memory);
}

void
chain_next(MemoryContext memory)
{
	chain_commit();
	begin_next(memory);
}

ErrorData *
chain_try_next(MemoryContext memory)
{
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		chain_commit();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	begin_next(memory);
	return error;
}

void
chain_read_committed(void)
{
	XactIsoLevel = XACT_READ_COMMITTED;
}
