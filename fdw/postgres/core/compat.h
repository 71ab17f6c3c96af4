/*
 * compat.h: every difference between the PostgreSQL releases that this extension builds on (15 to 18). Nothing else
 * asks for PG_VERSION_NUM.
 */
#ifndef DYNAMODB_ES_COMPAT_H
#define DYNAMODB_ES_COMPAT_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_class.h"
#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "parser/parsetree.h"
#include "postmaster/bgworker.h"
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 18 puts it before the declaration, where the one of earlier releases cannot stand. */
#ifndef pg_noreturn
#define pg_noreturn __attribute__((noreturn))
#endif

/* 18 shows which module is loaded in which version. */
#ifdef PG_MODULE_MAGIC_EXT
#define COMPAT_MODULE_MAGIC(module, module_version) PG_MODULE_MAGIC_EXT(.name = (module), .version = (module_version))
#else
#define COMPAT_MODULE_MAGIC(module, module_version) PG_MODULE_MAGIC
#endif

/* 18 counts the disabled nodes of a path. A node that only passes rows on has as many as what is below it. */
static inline void
compat_path_take_disabled(Path *path, const Path *below)
{
#if PG_VERSION_NUM >= 180000
	path->disabled_nodes = below->disabled_nodes;
#endif
}

/* The user whose rights and user mapping an INSERT into its target goes by: the session's, or a view's owner. */
static inline Oid
compat_modify_user(EState *estate, ResultRelInfo *target)
{
#if PG_VERSION_NUM >= 160000
	return ExecGetResultRelCheckAsUser(target, estate);
#else
	Index		index = target->ri_RootResultRelInfo != NULL
		? target->ri_RootResultRelInfo->ri_RangeTableIndex : target->ri_RangeTableIndex;
	Oid			user = index > 0 ? exec_rt_fetch(index, estate)->checkAsUser : InvalidOid;

	return OidIsValid(user) ? user : GetUserId();
#endif
}

static inline ForeignPath *
compat_foreignscan_path(PlannerInfo *root, RelOptInfo *rel, double rows, Cost startup_cost, Cost total_cost,
						List *pathkeys, Relids required_outer, List *fdw_private)
{
#if PG_VERSION_NUM >= 180000
	return create_foreignscan_path(root, rel, NULL, rows, 0, startup_cost, total_cost, pathkeys, required_outer, NULL,
								   NIL, fdw_private);
#elif PG_VERSION_NUM >= 170000
	return create_foreignscan_path(root, rel, NULL, rows, startup_cost, total_cost, pathkeys, required_outer, NULL,
								   NIL, fdw_private);
#else
	return create_foreignscan_path(root, rel, NULL, rows, startup_cost, total_cost, pathkeys, required_outer, NULL,
								   fdw_private);
#endif
}

static inline ForeignPath *
compat_foreign_upper_path(PlannerInfo *root, RelOptInfo *rel, double rows, Cost startup_cost, Cost total_cost,
						  List *fdw_private)
{
#if PG_VERSION_NUM >= 180000
	return create_foreign_upper_path(root, rel, rel->reltarget, rows, 0, startup_cost, total_cost, NIL, NULL, NIL,
									 fdw_private);
#elif PG_VERSION_NUM >= 170000
	return create_foreign_upper_path(root, rel, rel->reltarget, rows, startup_cost, total_cost, NIL, NULL, NIL,
									 fdw_private);
#else
	return create_foreign_upper_path(root, rel, rel->reltarget, rows, startup_cost, total_cost, NIL, NULL, fdw_private);
#endif
}

/* The range table index of a scan's relation; a scan in place of a grouping has it too. */
static inline Index
compat_scan_index(const ForeignScan *plan)
{
	if (plan->scan.scanrelid > 0)
		return plan->scan.scanrelid;
#if PG_VERSION_NUM >= 160000
	return bms_next_member(plan->fs_base_relids, -1);
#else
	return bms_next_member(plan->fs_relids, -1);
#endif
}

/* The user whose rights and user mapping a scan goes by. */
static inline Oid
compat_scan_user(ForeignScanState *node)
{
#if PG_VERSION_NUM >= 160000
	Oid			user = castNode(ForeignScan, node->ss.ps.plan)->checkAsUser;
#else
	Oid			user = exec_rt_fetch(compat_scan_index(castNode(ForeignScan, node->ss.ps.plan)),
									 node->ss.ps.state)->checkAsUser;
#endif

	return OidIsValid(user) ? user : GetUserId();
}

static inline bool
compat_owns_relation(Oid relation, Oid user)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relation, user);
#else
	return pg_class_ownercheck(relation, user);
#endif
}

/* Has a table columns whose values follow from others? In 18 they need not be stored. */
static inline bool
compat_has_generated_columns(TupleDesc desc)
{
	if (desc->constr == NULL)
		return false;
#if PG_VERSION_NUM >= 180000
	return desc->constr->has_generated_stored || desc->constr->has_generated_virtual;
#else
	return desc->constr->has_generated_stored;
#endif
}

/* The direction that a path key asks for. */
static inline bool
compat_pathkey_descends(const PathKey *pathkey)
{
#if PG_VERSION_NUM >= 180000
	return pathkey->pk_cmptype == COMPARE_GT;
#else
	return pathkey->pk_strategy == BTGreaterStrategyNumber;
#endif
}

/* The path key of an equivalence class in ascending order. */
static inline PathKey *
compat_ascending_pathkey(PlannerInfo *root, EquivalenceClass *class, Oid opfamily)
{
#if PG_VERSION_NUM >= 180000
	return make_canonical_pathkey(root, class, opfamily, COMPARE_LT, false);
#else
	return make_canonical_pathkey(root, class, opfamily, BTLessStrategyNumber, false);
#endif
}

/* Does COPY hand rows to a foreign table in batches? */
static inline bool
compat_copy_makes_batches(void)
{
	return PG_VERSION_NUM >= 160000;
}

/* What pg_stat_activity shows a wait as; in 17 and later by that name. *event keeps it, and is 0 at first. */
static inline uint32
compat_wait_event(uint32 *event, const char *name)
{
	if (*event == 0)
#if PG_VERSION_NUM >= 170000
		*event = WaitEventExtensionNew(name);
#else
		*event = PG_WAIT_EXTENSION;
#endif
	return *event;
}

/* The wait of a process that waits until there is something to do. */
static inline uint32
compat_idle_wait_event(void)
{
	static uint32 event = 0;

	return compat_wait_event(&event, "DynamodbIdle");
}

/*
 * Memory of that name that all processes of the server share, made and filled in by the first that asks. NULL: this release has none
 * that was not asked for as the server started.
 */
static inline void *
compat_shared_segment(const char *name, size_t size, void (*init) (void *start))
{
#if PG_VERSION_NUM >= 170000
	bool		found;

	return GetNamedDSMSegment(name, size, init, &found);
#else
	return NULL;
#endif
}

/* The query identifier of the statement that the client has sent; 0: it has none. */
static inline uint64
compat_query_id(void)
{
	return (uint64) pgstat_get_my_query_id();
}

/* What ExecutorRun and its hook take, and how it is handed on. */
#if PG_VERSION_NUM >= 180000
#define COMPAT_EXECUTOR_RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count
#define COMPAT_EXECUTOR_RUN_ARGUMENTS query, direction, count
#else
#define COMPAT_EXECUTOR_RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count, bool once
#define COMPAT_EXECUTOR_RUN_ARGUMENTS query, direction, count, once
#endif

/* Must the role of a background worker have LOGIN? Later releases can do without. */
static inline bool
compat_worker_must_log_in(void)
{
	return PG_VERSION_NUM < 170000;
}

static inline void
compat_worker_connect(const char *database, const char *role)
{
#if PG_VERSION_NUM >= 170000
	BackgroundWorkerInitializeConnection(database, role, BGWORKER_BYPASS_ROLELOGINCHECK);
#else
	BackgroundWorkerInitializeConnection(database, role, 0);
#endif
}

/* A set of events to wait for that lives until it is freed. */
static inline WaitEventSet *
compat_wait_event_set(int nevents)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, nevents);
#else
	return CreateWaitEventSet(TopMemoryContext, nevents);
#endif
}

#endif
