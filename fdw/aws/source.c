/*
 * source.c: which of the many places has the credentials? How they are fetched from there is for fetch.c.
 */
#include "aws/source.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/profile.h"

#define DEFAULT_SESSION_NAME "dynamodb_es"

/* What a function here is about: the files, where to put the result, where to say what is wrong. */
typedef struct Choice
{
	const ProfileFiles *files;
	CredentialSource *source;
	Failure    *failure;
} Choice;

/* A variable that is set to something, or NULL. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool
out_of_memory(Failure *failure)
{
	failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	return false;
}

static bool
refuse_profile(const Choice *choice, const char *profile, const char *why)
{
	failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL, "The AWS profile \"%s\" %s.", profile, why);
	return false;
}

/* A copy of `text` in *copy, of NULL too; false when memory runs out. */
static bool
copy_optional(const char *text, char **copy)
{
	*copy = text != NULL ? strdup(text) : NULL;
	return text == NULL || *copy != NULL;
}

static bool
role_set(Role *role, const char *arn, const char *session_name, const char *external_id, const char *duration_seconds,
		 Failure *failure)
{
	if (copy_optional(arn, &role->arn)
		&& copy_optional(session_name != NULL ? session_name : DEFAULT_SESSION_NAME, &role->session_name)
		&& copy_optional(external_id, &role->external_id)
		&& copy_optional(duration_seconds, &role->duration_seconds))
		return true;
	return out_of_memory(failure);
}

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
	role_free(&source->web_role);
	for (size_t i = 0; i < source->nroles; i++)
		role_free(&source->roles[i]);
	memset(source, 0, sizeof(*source));
}

static bool
keys_set(const Choice *choice, const char *id, const char *secret, const char *token)
{
	choice->source->kind = SOURCE_KEYS;
	return credentials_set(&choice->source->keys, id, secret, token) || out_of_memory(choice->failure);
}

static bool
environment_has_keys(void)
{
	return variable("AWS_ACCESS_KEY_ID") != NULL;
}

static bool
choose_environment(const Choice *choice)
{
	const char *id = variable("AWS_ACCESS_KEY_ID");
	const char *secret = variable("AWS_SECRET_ACCESS_KEY");

	if (id != NULL && secret != NULL)
		return keys_set(choice, id, secret, variable("AWS_SESSION_TOKEN"));
	failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL,
				"%s is not set in the environment of PostgreSQL.",
				id == NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
	return false;
}

static bool
container_is_named(void)
{
	return variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL
		|| variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL;
}

static bool
instance_is_disabled(void)
{
	const char *disabled = variable("AWS_EC2_METADATA_DISABLED");

	return disabled != NULL && strcasecmp(disabled, "true") == 0;
}

static const char *
setting(const Choice *choice, const char *profile, const char *name)
{
	return profile_setting(choice->files, profile, name);
}

static bool
profile_has_keys(const Choice *choice, const char *profile)
{
	return setting(choice, profile, "aws_access_key_id") != NULL
		|| setting(choice, profile, "aws_secret_access_key") != NULL;
}

static bool
choose_profile_keys(const Choice *choice, const char *profile)
{
	const char *id = setting(choice, profile, "aws_access_key_id");
	const char *secret = setting(choice, profile, "aws_secret_access_key");

	if (id == NULL)
		return refuse_profile(choice, profile, "has no aws_access_key_id");
	if (secret == NULL)
		return refuse_profile(choice, profile, "has no aws_secret_access_key");
	return keys_set(choice, id, secret, setting(choice, profile, "aws_session_token"));
}

static bool
choose_web_identity(const Choice *choice, const char *token_file, const char *arn, const char *session_name,
					const char *duration_seconds)
{
	choice->source->kind = SOURCE_WEB_IDENTITY;
	if (!copy_optional(token_file, &choice->source->token_file))
		return out_of_memory(choice->failure);
	return role_set(&choice->source->web_role, arn, session_name, NULL, duration_seconds, choice->failure);
}

static bool
choose_credential_source(const Choice *choice, const char *profile, const char *name)
{
	if (strcmp(name, "Environment") == 0)
		return choose_environment(choice);
	if (strcmp(name, "EcsContainer") == 0)
	{
		choice->source->kind = SOURCE_CONTAINER;
		return container_is_named()
			|| refuse_profile(choice, profile, "refers to a container's credentials, which the environment does not name");
	}
	if (strcmp(name, "Ec2InstanceMetadata") == 0)
	{
		choice->source->kind = SOURCE_INSTANCE;
		return !instance_is_disabled()
			|| refuse_profile(choice, profile,
							  "refers to the instance's credentials, which AWS_EC2_METADATA_DISABLED rules out");
	}
	return refuse_profile(choice, profile, "has a credential_source that is not known");
}

static bool
profile_has_role(const Choice *choice, const char *profile)
{
	return setting(choice, profile, "role_arn") != NULL
		&& (setting(choice, profile, "source_profile") != NULL || setting(choice, profile, "credential_source") != NULL
			|| setting(choice, profile, "web_identity_token_file") != NULL);
}

/* Notes the profile's role as one to assume. */
static bool
add_role(const Choice *choice, const char *profile)
{
	CredentialSource *source = choice->source;

	if (setting(choice, profile, "mfa_serial") != NULL)
		return refuse_profile(choice, profile, "asks for a second factor, which a server cannot give");
	if (source->nroles == MAX_ROLES)
		return refuse_profile(choice, profile, "is at the end of too long a chain of roles, or of a loop");
	return role_set(&source->roles[source->nroles++], setting(choice, profile, "role_arn"),
					setting(choice, profile, "role_session_name"), setting(choice, profile, "external_id"),
					setting(choice, profile, "duration_seconds"), choice->failure);
}

/* A profile with a role, and those that it refers to, down to one that has credentials. */
static bool
choose_role(const Choice *choice, const char *profile)
{
	for (;;)
	{
		const char *next = setting(choice, profile, "source_profile");
		const char *from = setting(choice, profile, "credential_source");
		const char *token_file = setting(choice, profile, "web_identity_token_file");

		if ((next != NULL) + (from != NULL) + (token_file != NULL) > 1)
			return refuse_profile(choice, profile,
								  "has more than one of source_profile, credential_source and web_identity_token_file");
		if (token_file != NULL)
			return choose_web_identity(choice, token_file, setting(choice, profile, "role_arn"),
									   setting(choice, profile, "role_session_name"),
									   setting(choice, profile, "duration_seconds"));
		if (!add_role(choice, profile))
			return false;
		if (from != NULL)
			return choose_credential_source(choice, profile, from);
		if (!profile_exists(choice->files, next))
			return refuse_profile(choice, next, "does not exist, but is another one's source_profile");
		if (strcmp(next, profile) == 0 || !profile_has_role(choice, next))
			return choose_profile_keys(choice, next);
		profile = next;
	}
}

/* What has no profile in it. */
static bool
choose_elsewhere(const Choice *choice)
{
	if (container_is_named())
		choice->source->kind = SOURCE_CONTAINER;
	else if (!instance_is_disabled())
		choice->source->kind = SOURCE_INSTANCE;
	else
	{
		failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL,
					"There are none in the environment of PostgreSQL nor in its AWS files, and no container or instance to ask.");
		return false;
	}
	return true;
}

static bool
choose_web_identity_of_environment(const Choice *choice)
{
	if (variable("AWS_ROLE_ARN") == NULL)
	{
		failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL,
					"AWS_WEB_IDENTITY_TOKEN_FILE is set in the environment of PostgreSQL, and AWS_ROLE_ARN is not.");
		return false;
	}
	return choose_web_identity(choice, variable("AWS_WEB_IDENTITY_TOKEN_FILE"), variable("AWS_ROLE_ARN"),
							   variable("AWS_ROLE_SESSION_NAME"), NULL);
}

/* In the order of the SDKs. A profile that somebody named must exist, and one that the mapping names must do. */
static bool
choose(const Choice *choice, const char *profile)
{
	const char *name = profile != NULL ? profile : profile_default_name();
	bool		named = profile != NULL || profile_named() != NULL;

	if (named && !profile_exists(choice->files, name))
		return refuse_profile(choice, name, "does not exist");
	if (profile_has_role(choice, name))
		return choose_role(choice, name);
	if (profile == NULL && variable("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL)
		return choose_web_identity_of_environment(choice);
	if (profile_has_keys(choice, name))
		return choose_profile_keys(choice, name);
	if (profile != NULL)
		return refuse_profile(choice, name, "has neither keys nor a role with a source that a server can use");
	return choose_elsewhere(choice);
}

bool
source_choose(const char *profile, CredentialSource *source, Failure *failure)
{
	ProfileFiles files = {0};
	Choice		choice = {.files = &files, .source = source, .failure = failure};
	bool		chosen;

	memset(source, 0, sizeof(*source));
	if (profile == NULL && environment_has_keys())
		chosen = choose_environment(&choice);
	else
		chosen = profile_files_read(&files, failure) && choose(&choice, profile);
	profile_files_free(&files);
	if (chosen && source->kind == SOURCE_KEYS && !credentials_are_plain(&source->keys))
	{
		failure_set(failure, FAILURE_NO_CREDENTIALS, NULL,
					"The keys that were found have blanks or characters other than printable ASCII.");
		return false;
	}
	return chosen;
}
