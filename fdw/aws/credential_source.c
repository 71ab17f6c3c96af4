/*
 * credential_source.c: what belongs to a source of credentials? See credential_source.h.
 */
#include "aws/credential_source.h"

#include <stdlib.h>
#include <string.h>

static void
role_free(Role *role)
{
	free(role->arn);
	free(role->session_name);
	free(role->external_id);
	free(role->duration_seconds);
}

void
source_drop_role(CredentialSource *source)
{
	role_free(&source->roles[--source->nroles]);
	memset(&source->roles[source->nroles], 0, sizeof(Role));
}

void
source_free(CredentialSource *source)
{
	credentials_wipe(&source->keys);
	free(source->token_file);
	secret_free(source->command);
	free(source->command_place);
	free(source->searched);
	role_free(&source->web_role);
	for (size_t i = 0; i < source->nroles; i++)
		role_free(&source->roles[i]);
	memset(source, 0, sizeof(*source));
}
