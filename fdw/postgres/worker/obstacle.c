/*
 * obstacle.c: may a role begin a session in a database?
 *
 * A worker that may not would end with a FATAL error, again and again. The launcher asks first, and says once what is
 * wrong. It has no database, and so reads the two catalogs that all databases share as the autovacuum launcher does:
 * without an index, and without SQL.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "postgres/core/compat.h"
#include "postgres/worker/obstacle.h"

typedef enum Admission
{
	IS_MISSING,
	IS_CLOSED,
	IS_OPEN
} Admission;

/* Of a row, if it has that name; IS_MISSING: it has another one. */
typedef Admission (*AdmissionOfRow) (HeapTuple row, const char *name);

static Admission
admission_of_database(HeapTuple row, const char *name)
{
	Form_pg_database database = (Form_pg_database) GETSTRUCT(row);

	if (strcmp(NameStr(database->datname), name) != 0)
		return IS_MISSING;
	return database->datallowconn ? IS_OPEN : IS_CLOSED;
}

static Admission
admission_of_role(HeapTuple row, const char *name)
{
	Form_pg_authid role = (Form_pg_authid) GETSTRUCT(row);

	if (strcmp(NameStr(role->rolname), name) != 0)
		return IS_MISSING;
	return role->rolcanlogin || !compat_worker_must_log_in() ? IS_OPEN : IS_CLOSED;
}

static Admission
look_up(Oid catalog, AdmissionOfRow admission_of, const NameData *name)
{
	Relation	relation = table_open(catalog, AccessShareLock);
	TableScanDesc scan = table_beginscan_catalog(relation, 0, NULL);
	Admission	admission = IS_MISSING;
	HeapTuple	row;

	while (admission == IS_MISSING && (row = heap_getnext(scan, ForwardScanDirection)) != NULL)
		admission = admission_of(row, NameStr(*name));
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	return admission;
}

static Obstacle
describe(const WorkerEntry *entry, Admission role, Admission database)
{
	const char *role_name = NameStr(entry->role);
	const char *database_name = NameStr(entry->database);

	if (role == IS_MISSING)
		return (Obstacle) {psprintf("role \"%s\" does not exist", role_name),
			pstrdup("Create it, or change dynamodb_es.workers.")};
	if (database == IS_MISSING)
		return (Obstacle) {psprintf("database \"%s\" does not exist", database_name),
			pstrdup("Create it, or change dynamodb_es.workers.")};
	if (role == IS_CLOSED)
		return (Obstacle) {psprintf("role \"%s\" is not permitted to log in", role_name),
			psprintf("ALTER ROLE %s LOGIN; it needs no password.", quote_identifier(role_name))};
	if (database == IS_CLOSED)
		return (Obstacle) {psprintf("database \"%s\" is not accepting connections", database_name),
			psprintf("ALTER DATABASE %s ALLOW_CONNECTIONS true.", quote_identifier(database_name))};
	return (Obstacle) {NULL, NULL};
}

Obstacle
obstacle_find(const WorkerEntry *entry)
{
	MemoryContext caller = CurrentMemoryContext;
	Admission	role;
	Admission	database;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	role = look_up(AuthIdRelationId, admission_of_role, &entry->role);
	database = look_up(DatabaseRelationId, admission_of_database, &entry->database);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	return describe(entry, role, database);
}
