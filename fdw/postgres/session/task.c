/*
 * task.c: who may have what done to the tables of a store, and how is it waited for?
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "postgres/core/compat.h"
#include "postgres/core/encoding.h"
#include "postgres/core/errors.h"
#include "postgres/session/task.h"
#include "postgres/session/tenure.h"
#include "postgres/table/options.h"

void
task_check_owner(Oid relation)
{
	if (!compat_owns_relation(relation, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FOREIGN_TABLE, get_rel_name(relation));
}

void
task_check_select(Oid relation)
{
	AclResult	result = pg_class_aclcheck(relation, GetUserId(), ACL_SELECT);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FOREIGN_TABLE, get_rel_name(relation));
}

bool
task_is_of_wrapper(Oid relation)
{
	static const char handler_name[] = "dynamodb_es_handler";
	ForeignDataWrapper *wrapper;
	char	   *handler;

	if (get_rel_relkind(relation) != RELKIND_FOREIGN_TABLE)
		return false;
	wrapper = GetForeignDataWrapper(GetForeignServer(GetForeignTable(relation)->serverid)->fdwid);
	handler = OidIsValid(wrapper->fdwhandler) ? get_func_name(wrapper->fdwhandler) : NULL;
	return handler != NULL && strcmp(handler, handler_name) == 0;
}

void
task_check_wrapper(Oid relation)
{
	if (!task_is_of_wrapper(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a foreign table of dynamodb_es",
						get_rel_name(relation) != NULL ? get_rel_name(relation) : psprintf("%u", relation))));
}

Oid
task_owner(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relation);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* The tenure of a task on a foreign table's store, which goes by the mapping of whoever calls. */
static Tenure *
task_begin(Oid relation, StoreNames *names)
{
	TableOptions options = options_of_table(relation);

	*names = options.names;
	return tenure_new(CurrentMemoryContext, connection_acquire(GetUserId(), options.server, task_owner(relation)));
}

/* Whoever ends a wait for tables, by a cancel or a timeout, reads what it was for. */
static void
tell_awaited(void *operation)
{
	const char *awaited = tables_awaited(operation);

	if (awaited[0] != '\0')
		errcontext("waiting until DynamoDB is done: %s", encoding_for_message(awaited, strlen(awaited), TABLES_AWAITED_TEXT));
}

/* Runs it to its end. The report lives in the current memory context. */
static TablesReport *
task_finish(Oid relation, Tenure *tenure, TablesOperation *operation)
{
	TablesReport *report = palloc(sizeof(TablesReport));
	ErrorContextCallback context = {.previous = error_context_stack, .callback = tell_awaited, .arg = operation};
	const Failure *failure;

	tenure_hold(tenure, operation, &tables_operation);
	error_context_stack = &context;
	failure = tenure_run(tenure);
	error_context_stack = context.previous;
	if (failure != NULL)
		report_failure(failure, get_rel_name(relation));
	*report = *tables_report(operation);
	tenure_drop(tenure);
	return report;
}

TablesReport *
task_run(Oid relation, TablesTask task, StoreNames *names)
{
	Tenure	   *tenure = task_begin(relation, names);

	return task_finish(relation, tenure, tables_start(tenure_client(tenure), names, task, NULL));
}

TablesReport *
task_raise(Oid relation, int64 head, StoreNames *names)
{
	Tenure	   *tenure = task_begin(relation, names);

	return task_finish(relation, tenure, tables_start_raise(tenure_client(tenure), names, head, NULL));
}
