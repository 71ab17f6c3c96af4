/*
 * rights.c: whose is a projection?
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "postgres/projection/handler.h"
#include "postgres/projection/rights.h"

Oid
projection_owner(const ProjectionRow *row)
{
	Handler		handler;

	return handler_find(row->handler, &handler) ? handler.owner : get_role_oid(row->owner, true);
}

bool
projection_is_usable(const ProjectionRow *row)
{
	Oid			owner = projection_owner(row);

	return OidIsValid(owner) ? is_member_of_role(GetUserId(), owner) : superuser();
}

static ProjectionRow *
check(const char *name, ProjectionRow *row)
{
	if (row == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("projection \"%s\" does not exist", name)));
	if (!projection_is_usable(row))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for projection \"%s\"", name),
				 errdetail("That is for members of the role that owns its handler.")));
	return row;
}

ProjectionRow *
projection_get(const char *name)
{
	return check(name, projection_find(name));
}

ProjectionRow *
projection_get_locked(const char *name)
{
	(void) projection_get(name);
	return check(name, projection_lock(name));
}

void
projection_check_enabled(const ProjectionRow *row)
{
	if (row->enabled)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("projection \"%s\" is disabled", row->name),
			 row->restored ? errdetail("It was restored from a dump.") : 0,
			 errhint("SELECT dynamodb_es_alter_projection(%s, enabled => true) enables it.",
					 quote_literal_cstr(row->name))));
}
