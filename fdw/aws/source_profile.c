/*
 * source_profile.c: which credentials does a profile have, or point to? See source_profile.h.
 */
#include "aws/source_profile.h"

#include <stdlib.h>
#include <string.h>

#include "aws/doubt.h"
#include "aws/source_environment.h"
#include "base/buffer.h"

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
		return found(choice_refuse(choice, profile, id.value != NULL ? id : secret, "has no aws_access_key_id"));
	if (is_empty(secret))
		return found(choice_refuse(choice, profile, secret.value != NULL ? secret : id, "has no aws_secret_access_key"));
	if (!choice_set_keys(choice, id.value, secret.value, token.value))
		return FOUND_WRONG;
	return found(credentials_are_plain(&choice->source->keys)
				 || choice_refuse(choice, profile, id, "has keys with blanks or characters other than printable ASCII; "
								  "what follows a value is part of it, also behind a # or ;"));
}

/* Any of these names, or NULL. */
static const char *
find_any(const Choice *choice, const char *profile, const char *const *names)
{
	while (*names != NULL && !choice_has(choice, profile, *names))
		names++;
	return *names;
}

/* What belongs to an identity that is not there in full, or is of a kind that a server cannot take on. */
static bool
refuse_any(const Choice *choice, const char *profile, const char *const *names, const char *why)
{
	const char *name = find_any(choice, profile, names);

	return name != NULL && !choice_refuse(choice, profile, choice_look_up(choice, profile, name), why);
}

static bool
choose_process(const Choice *choice, const char *profile)
{
	CredentialSource *source = choice->source;
	ProfileSetting command = choice_look_up(choice, profile, "credential_process");
	ByteBuffer	place = {0};

	if (is_empty(command))
		return choice_refuse(choice, profile, command, "has an empty credential_process");
	source->kind = SOURCE_PROCESS;
	source->command = strdup(command.value);
	buffer_printf(&place, "The credential_process of the AWS profile \"%s\" (line %zu of the file \"%s\")", profile, command.line,
				  command.path);
	source->command_place = buffer_detach(&place);
	return (source->command != NULL && source->command_place != NULL) || choice_out_of_memory(choice);
}

Found
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
	if (choice_has(choice, profile, "credential_process"))
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

bool
choose_profile_only(const Choice *choice, const char *profile)
{
	ProfileSetting section = profile_section(choice->files, PROFILE_FILE_CREDENTIALS, profile);
	Found		result = find_in_profile(choice, profile);

	if (section.value == NULL)
		section = profile_section(choice->files, PROFILE_FILE_CONFIG, profile);
	if (result == FOUND_NOTHING)
		return choice_refuse(choice, profile, section, "has neither keys nor a role with a source that a server can use");
	return result == FOUND;
}

bool
check_profile(const Choice *choice, const char *profile)
{
	ProfileSetting swallowed = doubt_swallowed(choice->files, profile);

	return swallowed.value == NULL
		|| choice_refuse(choice, profile, swallowed, "has a setting that goes on with a section or another setting, by their indentation");
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
			|| choice_refuse(choice, profile, from, "refers to a container's credentials, which the environment does not name");
	}
	if (strcmp(from.value, "Ec2InstanceMetadata") == 0)
	{
		choice->source->kind = SOURCE_INSTANCE;
		return !instance_is_disabled()
			|| choice_refuse(choice, profile, from, "refers to the instance's credentials, which AWS_EC2_METADATA_DISABLED rules out");
	}
	return choice_refuse(choice, profile, from, "has a credential_source that is not known");
}

bool
profile_has_role(const Choice *choice, const char *profile)
{
	return choice_has(choice, profile, "role_arn") || choice_has(choice, profile, "web_identity_token_file");
}

static bool
profile_has_keys(const Choice *choice, const char *profile)
{
	return choice_has(choice, profile, "aws_access_key_id") || choice_has(choice, profile, "aws_secret_access_key");
}

/* Notes the profile's role as one to assume. */
static bool
add_role(const Choice *choice, const char *profile)
{
	CredentialSource *source = choice->source;
	ProfileSetting role = choice_look_up(choice, profile, "role_arn");

	if (choice_setting(choice, profile, "mfa_serial") != NULL)
		return choice_refuse(choice, profile, role, "asks for a second factor, which a server cannot give");
	if (source->nroles == MAX_ROLES)
		return choice_refuse(choice, profile, role, "is at the end of too long a chain of roles, or of a loop");
	return choice_set_role(choice, &source->roles[source->nroles++], role.value,
						   choice_setting(choice, profile, "role_session_name"), choice_setting(choice, profile, "external_id"),
						   choice_setting(choice, profile, "duration_seconds"));
}

/* A role has one source, and a source has a role. */
static bool
check_role(const Choice *choice, const char *profile)
{
	ProfileSetting role = choice_look_up(choice, profile, "role_arn");
	ProfileSetting token_file = choice_look_up(choice, profile, "web_identity_token_file");
	int			sources = choice_has(choice, profile, "source_profile") + choice_has(choice, profile, "credential_source") +
		(token_file.value != NULL);

	if (is_empty(role))
		return choice_refuse(choice, profile, role.value != NULL ? role : token_file, "has no role_arn");
	if (sources == 0)
		return choice_refuse(choice, profile, role,
							 "has a role_arn, but no source_profile, credential_source or web_identity_token_file");
	if (sources > 1)
		return choice_refuse(choice, profile, role, "has more than one of source_profile, credential_source and web_identity_token_file");
	return token_file.value == NULL || !is_empty(token_file)
		|| choice_refuse(choice, profile, token_file, "has an empty web_identity_token_file");
}

/* The next profile of a chain of roles. */
static bool
check_source_profile(const Choice *choice, const char *profile, const char *next)
{
	ProfileSetting at = choice_look_up(choice, profile, "source_profile");

	if (!profile_exists(choice->files, next))
		return choice_refuse(choice, profile, at, "has a source_profile that does not exist");
	if (strcmp(next, profile) == 0 && !profile_has_keys(choice, profile))
		return choice_refuse(choice, profile, at, "is its own source_profile, but has no keys");
	return check_profile(choice, next);
}

/* Keys go before a role in the profiles that it refers to. */
bool
choose_role(const Choice *choice, const char *profile)
{
	for (;;)
	{
		ProfileSetting from = choice_look_up(choice, profile, "credential_source");
		const char *token_file = choice_setting(choice, profile, "web_identity_token_file");
		const char *next = choice_look_up(choice, profile, "source_profile").value;

		if (!check_role(choice, profile))
			return false;
		if (token_file != NULL)
			return choice_set_web_identity(choice, token_file, choice_setting(choice, profile, "role_arn"),
										   choice_setting(choice, profile, "role_session_name"),
										   choice_setting(choice, profile, "duration_seconds"));
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
