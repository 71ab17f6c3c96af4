/*
 * source: where the server's own credentials come from, by its environment and AWS's files.
 *
 * Source of the order: "Standardized credential providers", AWS SDKs and Tools Reference Guide: environment, profile
 * with a role, web identity, static keys of a profile, container, instance.
 */
#ifndef DYNAMODB_ES_SOURCE_H
#define DYNAMODB_ES_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/credentials.h"
#include "base/failure.h"

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

/*
 * Looks at the environment and the files as they are now. `profile` NULL: the whole order; otherwise only that
 * profile. false with *failure filled in. source_free *source in either case.
 */
extern bool source_choose(const char *profile, CredentialSource *source, Failure *failure);
extern void source_free(CredentialSource *source);

/* Forgets the last of the roles, which has been assumed. */
extern void source_drop_role(CredentialSource *source);

#endif
