/*
 * identity.c: may this user's statement be signed as the server itself?
 *
 * The rules are those of postgres_fdw's password_required. The operating system gives the server's identity to everybody in
 * this backend; so only a superuser may lend it. Explicit keys are always allowed: who wrote them knew them.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "postgres/session/identity.h"

bool
mapping_has_keys(const MappingOptions *options)
{
	return options->keys.access_key_id != NULL && options->keys.secret_access_key != NULL;
}

/* Set by a superuser: the validator refuses these options to all others. */
static bool
is_lent(const MappingOptions *options)
{
	return options->profile != NULL || options->ambient;
}

/* The owner of what decides where requests go, or what they ask for. */
static void
require_superuser(Oid owner, const char *what, const ForeignServer *server)
{
	if (superuser_arg(owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("the AWS identity of PostgreSQL itself cannot be used for server \"%s\"", server->servername),
			 errdetail("The owner of the %s, role \"%s\", is not a superuser.", what, GetUserNameFromId(owner, false)),
			 errhint("Set access_key_id and secret_access_key in the options of the user mapping, "
					 "or let a superuser own the %s.", what)));
}

void
check_identity(const MappingOptions *options, const ForeignServer *server, Oid table_owner, Oid user)
{
	if (mapping_has_keys(options))
		return;
	if (!is_lent(options) && (options->has_ambient || !superuser_arg(user)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("no AWS credentials for server \"%s\"", server->servername),
				 errhint("Set access_key_id and secret_access_key in the options of the user mapping.")));

	/*
	 * The owner of a server chooses where requests go, and may write mappings for others, a superuser's too. A request
	 * carries the session token. The owner of a foreign table chooses which tables in DynamoDB it stands for, also
	 * behind somebody else's view.
	 */
	require_superuser(server->owner, "server", server);
	require_superuser(table_owner, "foreign table", server);
}
