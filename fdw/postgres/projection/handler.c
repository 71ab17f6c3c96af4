/*
 * handler.c: which function is a projection's handler, and how is it called?
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "postgres/projection/handler.h"
#include "postgres/session/task.h"

/* The relation of whose rows a type is the array; InvalidOid: of none. */
static Oid
relation_of_array(Oid type)
{
	Oid			element = get_element_type(type);

	return OidIsValid(element) ? get_typ_typrelid(element) : InvalidOid;
}

static Handler
handler_of_tuple(HeapTuple tuple)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
	Oid			source = form->pronargs == 1 ? relation_of_array(form->proargtypes.values[0]) : InvalidOid;

	return (Handler)
	{
		.function = form->oid,
			.owner = form->proowner,
			.source = source,
			.row_type = OidIsValid(source) ? get_rel_type_id(source) : InvalidOid,
	};
}

Handler
handler_of_function(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	Handler		handler;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("function with OID %u does not exist", function)));
	form = (Form_pg_proc) GETSTRUCT(tuple);
	handler = handler_of_tuple(tuple);
	if (form->prokind != PROKIND_FUNCTION || form->proretset || !OidIsValid(handler.source))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("function \"%s\" cannot be a projection's handler", NameStr(form->proname)),
				 errdetail("A handler is a function with one argument, an array of a foreign table's rows, that returns no set."),
				 errhint("Declare it like this: CREATE FUNCTION f(batch commits[]) RETURNS void.")));
	ReleaseSysCache(tuple);
	task_check_wrapper(handler.source);
	return handler;
}

char	   *
handler_text(const Handler *handler)
{
	return psprintf("%s(%s[])",
					quote_qualified_identifier(get_namespace_name(get_func_namespace(handler->function)),
											   get_func_name(handler->function)),
					quote_qualified_identifier(get_namespace_name(get_rel_namespace(handler->source)),
											   get_rel_name(handler->source)));
}

/* "schema.name" in its two parts. Changes `text`, which they point into. */
static bool
split_name(char *string, Oid *schema, char **name)
{
	List	   *parts;

	if (!SplitIdentifierString(string, '.', &parts) || list_length(parts) != 2)
		return false;
	*schema = get_namespace_oid(linitial(parts), true);
	*name = lsecond(parts);
	return OidIsValid(*schema);
}

/* Where the arguments begin: the first parenthesis that is not in quotes. */
static char *
find_arguments(char *string)
{
	bool		quoted = false;

	for (; *string != '\0'; string++)
	{
		if (*string == '"')
			quoted = !quoted;
		else if (*string == '(' && !quoted)
			return string;
	}
	return NULL;
}

bool
handler_find(const char *string, Handler *handler)
{
	char	   *function = pstrdup(string);
	char	   *table = find_arguments(function);
	char	   *array = table != NULL ? strrchr(table, '[') : NULL;
	Oid			schema;
	Oid			table_schema;
	char	   *name;
	char	   *table_name;
	Oid			row_type;
	Oid			argument;
	HeapTuple	tuple;

	if (array == NULL)
		return false;
	*table++ = '\0';
	*array = '\0';
	if (!split_name(function, &schema, &name) || !split_name(table, &table_schema, &table_name))
		return false;
	row_type = get_rel_type_id(get_relname_relid(table_name, table_schema));
	argument = OidIsValid(row_type) ? get_array_type(row_type) : InvalidOid;
	if (!OidIsValid(argument))
		return false;
	tuple = SearchSysCache3(PROCNAMEARGSNSP, CStringGetDatum(name), PointerGetDatum(buildoidvector(&argument, 1)),
							ObjectIdGetDatum(schema));
	if (!HeapTupleIsValid(tuple))
		return false;
	*handler = handler_of_tuple(tuple);
	ReleaseSysCache(tuple);
	return OidIsValid(handler->source);
}

void
handler_report_missing(const char *string, const char *projection)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
					errmsg("handler %s of projection \"%s\" does not exist", string, projection),
					errhint("Create it again, or name another one with dynamodb_es_alter_projection.")));
	pg_unreachable();
}

void
handler_check_rights(const Handler *handler)
{
	AclResult	result = pg_class_aclcheck(handler->source, handler->owner, ACL_SELECT);

	if (result != ACLCHECK_OK)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for foreign table \"%s\"", get_rel_name(handler->source)),
						errdetail("The owner of the handler, role \"%s\", may not read it.",
								  GetUserNameFromId(handler->owner, false))));
	(void) GetUserMapping(handler->owner, GetForeignTable(handler->source)->serverid);
}

/*
 * At the commit they would run as whoever runs the projection, a superuser perhaps, and be the owner's code all the
 * same. So they run now.
 */
static void
run_deferred_triggers(void)
{
	ConstraintsSetStmt *all = makeNode(ConstraintsSetStmt);

	AfterTriggerSetState(all);
}

void
handler_call(const Handler *handler, Datum batch)
{
	Oid			user;
	int			context;
	int			nest_level = NewGUCNestLevel();
	FmgrInfo	function;

	LOCAL_FCINFO(call, 1);

	GetUserIdAndSecContext(&user, &context);
	if (user != handler->owner)
		SetUserIdAndSecContext(handler->owner, context | SECURITY_LOCAL_USERID_CHANGE);
	fmgr_info(handler->function, &function);
	InitFunctionCallInfoData(*call, &function, 1, InvalidOid, NULL, NULL);
	call->args[0].value = batch;
	call->args[0].isnull = false;
	(void) FunctionCallInvoke(call);
	if (handler->owner != GetOuterUserId())
		run_deferred_triggers();
	SetUserIdAndSecContext(user, context);
	AtEOXact_GUC(false, nest_level);
}
