/*
 * choice.c: what do the parts of source.c have in common? See choice.h.
 */
#include "aws/choice.h"

#include <string.h>

#define DEFAULT_SESSION_NAME "dynamodb_es"

bool
choice_out_of_memory(const Choice *choice)
{
	failure_set(choice->failure, FAILURE_MEMORY, NULL, "out of memory");
	return false;
}

bool
choice_refuse(const Choice *choice, const char *profile, ProfileSetting at, const char *why)
{
	failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL, "The AWS profile \"%s\" %s (line %zu of the file \"%s\").",
				profile, why, at.line, at.path);
	return false;
}

ProfileSetting
choice_look_up(const Choice *choice, const char *profile, const char *name)
{
	return profile_look_up(choice->files, profile, name);
}

const char *
choice_setting(const Choice *choice, const char *profile, const char *name)
{
	return profile_setting(choice->files, profile, name);
}

bool
choice_has(const Choice *choice, const char *profile, const char *name)
{
	return choice_look_up(choice, profile, name).value != NULL;
}

/* A copy of `text` in *copy, of NULL too; false when memory runs out. */
static bool
copy_optional(const char *text, char **copy)
{
	*copy = text != NULL ? strdup(text) : NULL;
	return text == NULL || *copy != NULL;
}

bool
choice_set_keys(const Choice *choice, const char *id, const char *secret, const char *token)
{
	choice->source->kind = SOURCE_KEYS;
	return credentials_set(&choice->source->keys, id, secret, token) || choice_out_of_memory(choice);
}

bool
choice_set_role(const Choice *choice, Role *role, const char *arn, const char *session_name, const char *external_id,
				const char *duration_seconds)
{
	return (copy_optional(arn, &role->arn)
			&& copy_optional(session_name != NULL ? session_name : DEFAULT_SESSION_NAME, &role->session_name)
			&& copy_optional(external_id, &role->external_id)
			&& copy_optional(duration_seconds, &role->duration_seconds))
		|| choice_out_of_memory(choice);
}

bool
choice_set_web_identity(const Choice *choice, const char *token_file, const char *arn, const char *session_name,
						const char *duration_seconds)
{
	choice->source->kind = SOURCE_WEB_IDENTITY;
	if (!copy_optional(token_file, &choice->source->token_file))
		return choice_out_of_memory(choice);
	return choice_set_role(choice, &choice->source->web_role, arn, session_name, NULL, duration_seconds);
}
