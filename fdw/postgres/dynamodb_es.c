/*
 * dynamodb_es.c: the entry points that PostgreSQL calls, and which file answers each.
 */
#include "postgres.h"

#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "utils/guc.h"

#include "postgres/admin/analyze.h"
#include "postgres/admin/import.h"
#include "postgres/append/deferred.h"
#include "postgres/append/modify.h"
#include "postgres/core/budget.h"
#include "postgres/core/compat.h"
#include "postgres/core/price.h"
#include "postgres/explain.h"
#include "postgres/scan/async.h"
#include "postgres/scan/count.h"
#include "postgres/scan/lookahead.h"
#include "postgres/scan/plan.h"
#include "postgres/scan/scan.h"
#include "postgres/session/stat.h"
#include "postgres/session/statement.h"
#include "postgres/session/wake.h"
#include "postgres/worker/launcher.h"

COMPAT_MODULE_MAGIC("dynamodb_es", DYNAMODB_ES_VERSION);

PG_FUNCTION_INFO_V1(dynamodb_es_handler);

void		_PG_init(void);

void
_PG_init(void)
{
	budget_define();
	price_define();
	statement_init();
	launcher_init();
	MarkGUCPrefixReserved("dynamodb_es");
	wake_init();
	stat_init();
	deferred_init();
	lookahead_install(scan_iterate);
}

/* GetForeignPlan */
static ForeignScan *
plan_of_path(PlannerInfo *root, RelOptInfo *rel, Oid relation, ForeignPath *path, List *tlist, List *clauses, Plan *outer)
{
	if (IS_UPPER_REL(rel))
		return count_plan(path, tlist, outer);
	return plan_scan(root, rel, relation, path, tlist, clauses, outer);
}

Datum
dynamodb_es_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = plan_rel_size;
	routine->GetForeignPaths = plan_paths;
	routine->GetForeignPlan = plan_of_path;

	routine->BeginForeignScan = scan_begin;
	routine->IterateForeignScan = scan_iterate;
	routine->ReScanForeignScan = scan_rescan;
	routine->EndForeignScan = scan_end;

	routine->GetForeignUpperPaths = count_paths;

	routine->IsForeignPathAsyncCapable = async_capable;
	routine->ForeignAsyncRequest = async_request;
	routine->ForeignAsyncConfigureWait = async_configure_wait;
	routine->ForeignAsyncNotify = async_notify;

	routine->IsForeignRelUpdatable = modify_possible;
	routine->PlanForeignModify = modify_plan;
	routine->BeginForeignModify = modify_begin;
	routine->ExecForeignInsert = modify_insert;
	routine->ExecForeignBatchInsert = modify_insert_batch;
	routine->GetForeignModifyBatchSize = modify_batch_size;
	routine->EndForeignModify = modify_end;
	routine->BeginForeignInsert = modify_begin_routed;
	routine->EndForeignInsert = modify_end_routed;
	routine->ExecForeignTruncate = modify_truncate;

	routine->ExplainForeignScan = explain_scan;
	routine->ExplainForeignModify = explain_modify;

	routine->AnalyzeForeignTable = analyze_table;
	routine->ImportForeignSchema = import_schema;

	PG_RETURN_POINTER(routine);
}
