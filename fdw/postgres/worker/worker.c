/*
 * worker.c: how does a process of its own follow projections?
 *
 * It is a session of its role, and does what that role's CALL dynamodb_es_follow() does. So it runs no handler but its
 * role's own, and nothing with more rights than that role has.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "postgres/core/compat.h"
#include "postgres/projection/follow.h"
#include "postgres/session/statement.h"
#include "postgres/worker/worker.h"

/* How often it looks whether there is something to follow. */
#define LOOK_MS 10000

/* Role and database, one behind the other, in bgw_extra; the share, and how many there are, in bgw_main_arg. */
StaticAssertDecl(BGW_EXTRALEN >= 2 * NAMEDATALEN, "two names fit into what a worker is handed");

/* The versions of the SQL objects that this library can work with. Another may have other tables. */
static const char *const known_versions[] = {"1.1"};

extern PGDLLEXPORT void dynamodb_es_worker_main(Datum argument);

void
worker_describe(const WorkerEntry *entry, BackgroundWorker *worker)
{
	memset(worker, 0, sizeof(BackgroundWorker));
	snprintf(worker->bgw_name, BGW_MAXLEN, "dynamodb_es projections of %s in %s", NameStr(entry->role), NameStr(entry->database));
	snprintf(worker->bgw_type, BGW_MAXLEN, "dynamodb_es projection");
	snprintf(worker->bgw_library_name, BGW_MAXLEN, "dynamodb_es");
	snprintf(worker->bgw_function_name, BGW_MAXLEN, "dynamodb_es_worker_main");
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	worker->bgw_notify_pid = MyProcPid;
	worker->bgw_main_arg = Int32GetDatum(entry->share << 16 | entry->shares);
	memcpy(worker->bgw_extra, NameStr(entry->role), NAMEDATALEN);
	memcpy(worker->bgw_extra + NAMEDATALEN, NameStr(entry->database), NAMEDATALEN);
}

/* NULL: it is not installed. */
static char *
extension_version(void)
{
	Relation	extensions = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	char	   *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("dynamodb_es"));
	scan = systable_beginscan(extensions, ExtensionNameIndexId, true, NULL, 1, &key);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
	{
		bool		isnull;
		Datum		value = heap_getattr(row, Anum_pg_extension_extversion, RelationGetDescr(extensions), &isnull);

		version = isnull ? NULL : TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
	return version;
}

/* NULL: there is nothing in the way of following. */
static char *
obstacle_of_database(void)
{
	char	   *version = extension_version();

	if (version == NULL)
		return pstrdup("The extension dynamodb_es is not installed.");
	for (size_t i = 0; i < lengthof(known_versions); i++)
		if (strcmp(version, known_versions[i]) == 0)
			return NULL;
	return psprintf("The extension dynamodb_es is at version %s, with which the library that is loaded does not follow projections.", version);
}

/* Said once, as long as it stays the same. */
static void
report_obstacle(const char *obstacle)
{
	static char *reported = NULL;

	if (reported != NULL && strcmp(reported, obstacle) == 0)
		return;
	if (reported != NULL)
		pfree(reported);
	reported = MemoryContextStrdup(TopMemoryContext, obstacle);
	ereport(LOG,
			(errmsg("worker of dynamodb_es waits in database \"%s\"", MyBgworkerEntry->bgw_extra + NAMEDATALEN),
			 errdetail_internal("%s", obstacle)));
}

/* In a transaction. */
static bool
has_projections(void)
{
	char	   *obstacle = obstacle_of_database();

	if (obstacle == NULL)
		return true;
	report_obstacle(obstacle);
	return false;
}

static FollowSpec
spec_of_argument(Datum argument)
{
	int32		shares = DatumGetInt32(argument);

	return (FollowSpec)
	{
		.part = shares >> 16, .parts = shares & 0xFFFF, .shows_name = true, .goes_on = has_projections
	};
}

static void
wait_for_news(void)
{
	pgstat_report_activity(STATE_IDLE, NULL);
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_MS, compat_idle_wait_event());
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

void
dynamodb_es_worker_main(Datum argument)
{
	FollowSpec	spec = spec_of_argument(argument);
	MemoryContext context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	statement_serves_no_client();
	compat_worker_connect(MyBgworkerEntry->bgw_extra + NAMEDATALEN, MyBgworkerEntry->bgw_extra);
	context = AllocSetContextCreate(TopMemoryContext, "dynamodb_es worker", ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		MemoryContextSwitchTo(context);
		if (has_projections())
			follow_projections(&spec);
		CommitTransactionCommand();
		MemoryContextReset(context);
		wait_for_news();
	}
}
