/*
 * rollback.c: how many commits has a transaction stored that it is now taking back?
 *
 * An append is final when its statement ends; DynamoDB is no part of the local transaction. So the count is kept for
 * each level of subtransactions. A level that commits passes its count on to its parent; a level that aborts warns of it. One
 * command may abort several levels. PostgreSQL calls back for each of them; there is one warning for all.
 *
 * A prepared transaction may be rolled back by another session, which does not know the count. So a transaction that has
 * appended cannot be prepared. Commits that a rollback to a savepoint has warned of already do not count there.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "postgres/append/rollback.h"

typedef struct StoredCount
{
	int			level;			/* GetCurrentTransactionNestLevel */
	int64		commits;
	struct StoredCount *outer;
} StoredCount;

static StoredCount *innermost = NULL;	/* in TopTransactionContext */
static int64 held_back = 0;		/* commits of levels that are aborted already, by a command that aborts more levels */
static int	counters_behind = 0;	/* statements of this transaction that have not raised their counter yet */

static void
warn_of_stored(int64 commits)
{
	bool		is_behind = counters_behind > 0;

	held_back = 0;
	if (commits == 0)
		return;
	counters_behind = 0;
	ereport(WARNING,
			(errmsg_plural("%lld commit of the rolled back transaction stays stored in DynamoDB",
						   "%lld commits of the rolled back transaction stay stored in DynamoDB",
						   (unsigned long) commits, (long long) commits),
			 is_behind
			 ? errhint("The counter may be behind their ids. Repeat the import with ON CONFLICT DO NOTHING, or call dynamodb_es_set_head.")
			 : errhint("An append cannot be taken back.")));
}

static int64
commits_counted(void)
{
	int64		commits = 0;

	for (StoredCount *count = innermost; count != NULL; count = count->outer)
		commits += count->commits;
	return commits;
}

static void
check_prepare(void)
{
	if (commits_counted() > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has appended to dynamodb_es foreign tables")));
}

static void
transaction_ended(XactEvent event, void *arg)
{
	int64		commits;

	if (event == XACT_EVENT_PRE_PREPARE)
		check_prepare();
	if (event != XACT_EVENT_ABORT && event != XACT_EVENT_COMMIT && event != XACT_EVENT_PREPARE
		&& event != XACT_EVENT_PARALLEL_ABORT && event != XACT_EVENT_PARALLEL_COMMIT)
		return;
	commits = held_back + commits_counted();
	innermost = NULL;
	warn_of_stored(event == XACT_EVENT_ABORT ? commits : 0);
	counters_behind = 0;
}

/*
 * A ROLLBACK, with or without a savepoint, marks the levels that it is to abort as failed before it does so; then it
 * aborts the transaction, or starts the savepoint anew. An error, or an exception handler, aborts one level.
 */
static bool
command_goes_on(void)
{
	return TransactionBlockStatusCode() == 'E';
}

static void
level_aborted(StoredCount *count)
{
	innermost = count->outer;
	held_back += count->commits;
	if (!command_goes_on())
		warn_of_stored(held_back);
}

static void
level_committed(StoredCount *count, int level)
{
	if (count->outer != NULL && count->outer->level == level - 1)
	{
		count->outer->commits += count->commits;
		innermost = count->outer;
	}
	else
		count->level = level - 1;
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId own, SubTransactionId parent, void *arg)
{
	StoredCount *count = innermost;
	int			level = GetCurrentTransactionNestLevel();

	if (event == SUBXACT_EVENT_START_SUB)
		warn_of_stored(held_back);
	else if (count == NULL || count->level < level)
		return;
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		level_aborted(count);
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		level_committed(count, level);
}

/* Whatever is counted ends with the transaction. */
static void
be_told_of_ends(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
	registered = true;
}

void
rollback_count_stored(int64 commits)
{
	int			level = GetCurrentTransactionNestLevel();

	if (commits == 0)
		return;
	be_told_of_ends();
	if (innermost == NULL || innermost->level < level)
	{
		StoredCount *count = MemoryContextAlloc(TopTransactionContext, sizeof(StoredCount));

		count->level = level;
		count->commits = 0;
		count->outer = innermost;
		innermost = count;
	}
	innermost->commits += commits;
}

void
rollback_counter_behind(void)
{
	be_told_of_ends();
	counters_behind++;
}

void
rollback_counter_raised(void)
{
	counters_behind = Max(counters_behind - 1, 0);
}
