/*
 * credential_source: the place that credentials come from, with all that is needed to fetch them.
 */
#ifndef DYNAMODB_ES_CREDENTIAL_SOURCE_H
#define DYNAMODB_ES_CREDENTIAL_SOURCE_H

#include <stddef.h>

#include "aws/credentials.h"

/* A profile that names another one that names another one. */
#define MAX_ROLES 8

typedef enum SourceKind
{
	SOURCE_KEYS,				/* in `keys` */
	SOURCE_WEB_IDENTITY,		/* the token in `token_file`, for `web_role` */
	SOURCE_PROCESS,				/* what `command` prints */
	SOURCE_CONTAINER,			/* metadata.h */
	SOURCE_INSTANCE
} SourceKind;

typedef struct Role
{
	char	   *arn;
	char	   *session_name;
	char	   *external_id;	/* NULL: none */
	char	   *duration_seconds;	/* NULL: STS's default */
} Role;

typedef struct CredentialSource
{
	SourceKind	kind;
	Credentials keys;
	char	   *token_file;
	char	   *command;		/* a secret, for there may be one in it */
	char	   *command_place;	/* where it stands, for messages */
	Role		web_role;
	Role		roles[MAX_ROLES];	/* then assumed one after the other, the last of them first */
	size_t		nroles;
	char	   *searched;		/* of a container or instance that no profile names: half a sentence, where nothing was found before */
} CredentialSource;

/* Its texts; it is all zeroes then. */
extern void source_free(CredentialSource *source);

/* Forgets the last of the roles, which has been assumed. */
extern void source_drop_role(CredentialSource *source);

#endif
