/*
 * source.c: which of the many places has the credentials? How they are fetched from there is for fetch.c.
 */
#include "aws/source.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/doubt.h"
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

/* Names the file and the line, and no value: it may be a secret that ended up in the wrong place. */
static bool
refuse(const Choice *choice, const char *profile, ProfileSetting at, const char *why)
{
	failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL, "The AWS profile \"%s\" %s (line %zu of the file \"%s\").",
				profile, why, at.line, at.path);
	return false;
}

/* The profile's name is that of a variable or an option. */
static bool
refuse_absent(const Choice *choice, const char *profile)
{
	const ProfileFile *credentials = &choice->files->files[PROFILE_FILE_CREDENTIALS];
	const ProfileFile *config = &choice->files->files[PROFILE_FILE_CONFIG];

	failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL,
				"The AWS profile \"%s\" does not exist: the file \"%s\"%s has none of that name, nor has \"%s\"%s.", profile,
				credentials->path, profile_file_absence(credentials), config->path, config->missing ? ", which does not exist" : "");
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
	secret_free(source->command);
	free(source->command_place);
	free(source->searched);
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

/* One of them is enough: then the other one is missing. */
static bool
environment_has_keys(void)
{
	return variable("AWS_ACCESS_KEY_ID") != NULL || variable("AWS_SECRET_ACCESS_KEY") != NULL;
}

static bool
choose_environment(const Choice *choice)
{
	const char *id = variable("AWS_ACCESS_KEY_ID");
	const char *secret = variable("AWS_SECRET_ACCESS_KEY");

	if (id == NULL || secret == NULL)
	{
		failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL, "%s is not set in the environment of PostgreSQL.",
					id == NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
		return false;
	}
	if (!keys_set(choice, id, secret, variable("AWS_SESSION_TOKEN")))
		return false;
	if (credentials_are_plain(&choice->source->keys))
		return true;
	failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL,
				"The keys in the environment of PostgreSQL have blanks or characters other than printable ASCII.");
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

static ProfileSetting
look_up(const Choice *choice, const char *profile, const char *name)
{
	return profile_look_up(choice->files, profile, name);
}

static const char *
setting(const Choice *choice, const char *profile, const char *name)
{
	return profile_setting(choice->files, profile, name);
}

/* Set, if only to nothing. */
static bool
has(const Choice *choice, const char *profile, const char *name)
{
	return look_up(choice, profile, name).value != NULL;
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
choose_credential_source(const Choice *choice, const char *profile, ProfileSetting from)
{
	if (strcmp(from.value, "Environment") == 0)
		return choose_environment(choice);
	if (strcmp(from.value, "EcsContainer") == 0)
	{
		choice->source->kind = SOURCE_CONTAINER;
		return container_is_named()
			|| refuse(choice, profile, from, "refers to a container's credentials, which the environment does not name");
	}
	if (strcmp(from.value, "Ec2InstanceMetadata") == 0)
	{
		choice->source->kind = SOURCE_INSTANCE;
		return !instance_is_disabled()
			|| refuse(choice, profile, from, "refers to the instance's credentials, which AWS_EC2_METADATA_DISABLED rules out");
	}
	return refuse(choice, profile, from, "has a credential_source that is not known");
}

static bool
profile_has_role(const Choice *choice, const char *profile)
{
	return has(choice, profile, "role_arn") || has(choice, profile, "web_identity_token_file");
}

static bool
profile_has_keys(const Choice *choice, const char *profile)
{
	return has(choice, profile, "aws_access_key_id") || has(choice, profile, "aws_secret_access_key");
}

/* What was found in a profile, apart from roles. */
typedef enum Found
{
	FOUND,
	FOUND_NOTHING,
	FOUND_WRONG					/* said in *failure */
} Found;

static Found
found(bool right)
{
	return right ? FOUND : FOUND_WRONG;
}

static bool
is_empty(ProfileSetting setting)
{
	return setting.value == NULL || setting.value[0] == '\0';
}

/* Those of one file: botocore does not make a pair of what two files say. */
static Found
find_keys(const Choice *choice, ProfileFileKind kind, const char *profile)
{
	ProfileSetting id = profile_look_into(choice->files, kind, profile, "aws_access_key_id");
	ProfileSetting secret = profile_look_into(choice->files, kind, profile, "aws_secret_access_key");
	ProfileSetting token = profile_look_into(choice->files, kind, profile, "aws_session_token");

	if (id.value == NULL && secret.value == NULL)
		return FOUND_NOTHING;
	if (is_empty(id))
		return found(refuse(choice, profile, id.value != NULL ? id : secret, "has no aws_access_key_id"));
	if (is_empty(secret))
		return found(refuse(choice, profile, secret.value != NULL ? secret : id, "has no aws_secret_access_key"));
	if (!keys_set(choice, id.value, secret.value, token.value))
		return FOUND_WRONG;
	return found(credentials_are_plain(&choice->source->keys)
				 || refuse(choice, profile, id, "has keys with blanks or characters other than printable ASCII; what follows a value "
						   "is part of it, also behind a # or ;"));
}

/* Any of these names, or NULL. */
static const char *
find_any(const Choice *choice, const char *profile, const char *const *names)
{
	while (*names != NULL && !has(choice, profile, *names))
		names++;
	return *names;
}

/* What belongs to an identity that is not there in full, or is of a kind that a server cannot take on. */
static bool
refuse_any(const Choice *choice, const char *profile, const char *const *names, const char *why)
{
	const char *name = find_any(choice, profile, names);

	return name != NULL && !refuse(choice, profile, look_up(choice, profile, name), why);
}

static bool
choose_process(const Choice *choice, const char *profile)
{
	CredentialSource *source = choice->source;
	ProfileSetting command = look_up(choice, profile, "credential_process");
	ByteBuffer	place = {0};

	if (is_empty(command))
		return refuse(choice, profile, command, "has an empty credential_process");
	source->kind = SOURCE_PROCESS;
	source->command = strdup(command.value);
	buffer_printf(&place, "The credential_process of the AWS profile \"%s\" (line %zu of the file \"%s\")", profile, command.line,
				  command.path);
	source->command_place = buffer_detach(&place);
	return (source->command != NULL && source->command_place != NULL) || out_of_memory(choice->failure);
}

/* In botocore's order: what is in credentials counts before a process, which counts before what is in config. */
static Found
find_in_profile(const Choice *choice, const char *profile)
{
	static const char *const sso[] = {"sso_account_id", "sso_role_name", NULL};
	static const char *const sso_parts[] = {"sso_session", "sso_start_url", "sso_region", NULL};
	static const char *const login[] = {"login_session", NULL};
	static const char *const role_parts[] = {"source_profile", "credential_source", NULL};
	static const char *const key_parts[] = {"aws_session_token", "aws_security_token", NULL};
	static const char sso_words[] = "signs in by SSO, which a server cannot do; let a profile's credential_process be "
		"\"aws configure export-credentials --format process\" with the name of this one";
	Found		keys;

	if (refuse_any(choice, profile, sso, sso_words))
		return FOUND_WRONG;
	keys = find_keys(choice, PROFILE_FILE_CREDENTIALS, profile);
	if (keys != FOUND_NOTHING)
		return keys;
	if (refuse_any(choice, profile, login, "asks for a login, which a server cannot do"))
		return FOUND_WRONG;
	if (has(choice, profile, "credential_process"))
		return found(choose_process(choice, profile));
	keys = find_keys(choice, PROFILE_FILE_CONFIG, profile);
	if (keys != FOUND_NOTHING)
		return keys;
	if (refuse_any(choice, profile, sso_parts, sso_words)
		|| refuse_any(choice, profile, role_parts, "says where a role's credentials come from, but has no role_arn")
		|| refuse_any(choice, profile, key_parts, "has a session token, but no keys"))
		return FOUND_WRONG;
	return FOUND_NOTHING;
}

/* The profile of a user mapping, or of a role: nothing else will do. */
static bool
choose_profile_only(const Choice *choice, const char *profile)
{
	ProfileSetting section = profile_section(choice->files, PROFILE_FILE_CREDENTIALS, profile);
	Found		result = find_in_profile(choice, profile);

	if (section.value == NULL)
		section = profile_section(choice->files, PROFILE_FILE_CONFIG, profile);
	if (result == FOUND_NOTHING)
		return refuse(choice, profile, section, "has neither keys nor a role with a source that a server can use");
	return result == FOUND;
}

/* What an indented line says about credentials, the SDKs do not agree on. */
static bool
check_profile(const Choice *choice, const char *profile)
{
	ProfileSetting swallowed = doubt_swallowed(choice->files, profile);

	return swallowed.value == NULL
		|| refuse(choice, profile, swallowed, "has a setting that goes on with a section or another setting, by their indentation");
}

/* Notes the profile's role as one to assume. */
static bool
add_role(const Choice *choice, const char *profile)
{
	CredentialSource *source = choice->source;
	ProfileSetting role = look_up(choice, profile, "role_arn");

	if (setting(choice, profile, "mfa_serial") != NULL)
		return refuse(choice, profile, role, "asks for a second factor, which a server cannot give");
	if (source->nroles == MAX_ROLES)
		return refuse(choice, profile, role, "is at the end of too long a chain of roles, or of a loop");
	return role_set(&source->roles[source->nroles++], role.value, setting(choice, profile, "role_session_name"),
					setting(choice, profile, "external_id"), setting(choice, profile, "duration_seconds"), choice->failure);
}

/* A role has one source, and a source has a role. */
static bool
check_role(const Choice *choice, const char *profile)
{
	ProfileSetting role = look_up(choice, profile, "role_arn");
	ProfileSetting token_file = look_up(choice, profile, "web_identity_token_file");
	int			sources = has(choice, profile, "source_profile") + has(choice, profile, "credential_source") + (token_file.value != NULL);

	if (is_empty(role))
		return refuse(choice, profile, role.value != NULL ? role : token_file, "has no role_arn");
	if (sources == 0)
		return refuse(choice, profile, role,
					  "has a role_arn, but no source_profile, credential_source or web_identity_token_file");
	if (sources > 1)
		return refuse(choice, profile, role, "has more than one of source_profile, credential_source and web_identity_token_file");
	return token_file.value == NULL || !is_empty(token_file)
		|| refuse(choice, profile, token_file, "has an empty web_identity_token_file");
}

/* The next profile of a chain of roles. */
static bool
check_source_profile(const Choice *choice, const char *profile, const char *next)
{
	ProfileSetting at = look_up(choice, profile, "source_profile");

	if (!profile_exists(choice->files, next))
		return refuse(choice, profile, at, "has a source_profile that does not exist");
	if (strcmp(next, profile) == 0 && !profile_has_keys(choice, profile))
		return refuse(choice, profile, at, "is its own source_profile, but has no keys");
	return check_profile(choice, next);
}

/* A profile with a role, and those that it refers to, down to one that has credentials: keys go before a role there. */
static bool
choose_role(const Choice *choice, const char *profile)
{
	for (;;)
	{
		ProfileSetting from = look_up(choice, profile, "credential_source");
		const char *token_file = setting(choice, profile, "web_identity_token_file");
		const char *next = look_up(choice, profile, "source_profile").value;

		if (!check_role(choice, profile))
			return false;
		if (token_file != NULL)
			return choose_web_identity(choice, token_file, setting(choice, profile, "role_arn"),
									   setting(choice, profile, "role_session_name"),
									   setting(choice, profile, "duration_seconds"));
		if (!add_role(choice, profile))
			return false;
		if (from.value != NULL)
			return choose_credential_source(choice, profile, from);
		if (!check_source_profile(choice, profile, next))
			return false;
		if (profile_has_keys(choice, next) || !profile_has_role(choice, next))
			return choose_profile_only(choice, next);
		profile = next;
	}
}

/* Where nothing was found, for whom it may be a surprise. */
static bool
note_searched(const Choice *choice)
{
	const ProfileFile *credentials = &choice->files->files[PROFILE_FILE_CREDENTIALS];
	const ProfileFile *config = &choice->files->files[PROFILE_FILE_CONFIG];
	ByteBuffer	words = {0};

	buffer_printf(&words, "There are none in the environment of PostgreSQL nor in the files \"%s\"%s and \"%s\"%s",
				  credentials->path, profile_file_absence(credentials), config->path, config->missing ? ", which does not exist" : "");
	choice->source->searched = buffer_detach(&words);
	return choice->source->searched != NULL || out_of_memory(choice->failure);
}

/* What has no profile in it. */
static bool
choose_elsewhere(const Choice *choice)
{
	ProfileSetting nearly = doubt_nearly_default(choice->files);

	if (nearly.value != NULL && profile_named() == NULL)
	{
		failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL,
					"Line %zu of the file \"%s\" has a section that is nearly called \"default\", but is not.",
					nearly.line, nearly.path);
		return false;
	}
	if (!note_searched(choice))
		return false;
	if (container_is_named())
		choice->source->kind = SOURCE_CONTAINER;
	else if (!instance_is_disabled())
		choice->source->kind = SOURCE_INSTANCE;
	else
	{
		failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL, "%s, and no container or instance to ask.",
					choice->source->searched);
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

/*
 * In the order of the SDKs. A profile that somebody named must exist, and one that the mapping names must do. Another one
 * may be there for its region only: then the search goes on.
 */
static bool
choose(const Choice *choice, const char *profile)
{
	const char *name = profile != NULL ? profile : profile_default_name();
	bool		named = profile != NULL || profile_named() != NULL;
	Found		result;

	if (named && !profile_exists(choice->files, name))
		return refuse_absent(choice, name);
	if (!check_profile(choice, name))
		return false;
	if (profile_has_role(choice, name))
		return choose_role(choice, name);
	if (profile != NULL)
		return choose_profile_only(choice, name);
	if (variable("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL)
		return choose_web_identity_of_environment(choice);
	result = find_in_profile(choice, name);
	return result == FOUND_NOTHING ? choose_elsewhere(choice) : result == FOUND;
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
	return chosen;
}
