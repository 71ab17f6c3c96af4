/*
 * launcher.c: who runs the workers of dynamodb_es.workers?
 *
 * One process of the server, which has no database and runs no SQL: it keeps a worker alive for each entry of the
 * setting. PostgreSQL starts it once the server is no standby, and again five seconds after it has ended, whatever ended
 * it: it never ends with exit status 0, which would be for good.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "postgres/core/compat.h"
#include "postgres/worker/children.h"
#include "postgres/worker/entries.h"
#include "postgres/worker/launcher.h"

#define RESTART_SECONDS 5

extern PGDLLEXPORT void dynamodb_es_launcher_main(Datum argument);

static char *workers = NULL;

static bool
check_workers(char **value, void **extra, GucSource source)
{
	EntryProblem problem;
	List	   *entries;

	if (entries_parse(*value, &entries, &problem))
	{
		list_free_deep(entries);
		return true;
	}
	if (*problem.at != '\0')
		GUC_check_errdetail("At \"%s\", %s.", problem.at, problem.what);
	else
		GUC_check_errdetail("At its end, %s.", problem.what);
	GUC_check_errhint("Write role@database for each worker, with commas in between. "
					  "Capital letters and special characters take double quotes.");
	return false;
}

static void
launcher_register(void)
{
	BackgroundWorker launcher = {0};

	snprintf(launcher.bgw_name, BGW_MAXLEN, "dynamodb_es launcher");
	snprintf(launcher.bgw_type, BGW_MAXLEN, "dynamodb_es launcher");
	snprintf(launcher.bgw_library_name, BGW_MAXLEN, "dynamodb_es");
	snprintf(launcher.bgw_function_name, BGW_MAXLEN, "dynamodb_es_launcher_main");
	launcher.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	launcher.bgw_start_time = BgWorkerStart_RecoveryFinished;
	launcher.bgw_restart_time = RESTART_SECONDS;
	RegisterBackgroundWorker(&launcher);
}

void
launcher_init(void)
{
	DefineCustomStringVariable("dynamodb_es.workers",
							   "Workers that follow projections: role@database for each.",
							   "It takes effect where shared_preload_libraries has dynamodb_es.",
							   &workers, "", PGC_SIGHUP, GUC_LIST_INPUT, check_workers, NULL, NULL);
	/* What runs during pg_upgrade must not follow anything. */
	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
		launcher_register();
}

static void
terminate_children(int code, Datum argument)
{
	children_terminate();
}

static void
want_workers_of_setting(void)
{
	EntryProblem problem;
	List	   *entries;

	if (entries_parse(workers, &entries, &problem))
		children_want(entries);
	list_free_deep(entries);
}

static void
reload_settings(void)
{
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	want_workers_of_setting();
}

/* What happens is told by the latch: ends of workers, a reload, the end of this process. */
static void
wait_for_news(void)
{
	int			timeout = children_next_start();
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (timeout >= 0 ? WL_TIMEOUT : 0);

	(void) WaitLatch(MyLatch, events, timeout, compat_idle_wait_event());
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

void
dynamodb_es_launcher_main(Datum argument)
{
	MemoryContext context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	before_shmem_exit(terminate_children, (Datum) 0);
	context = AllocSetContextCreate(TopMemoryContext, "dynamodb_es launcher", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	want_workers_of_setting();
	for (;;)
	{
		if (ConfigReloadPending)
			reload_settings();
		children_tend();
		MemoryContextReset(context);
		wait_for_news();
	}
}
