/*
 * choice: what source.c and its parts work with: the files that they look into, the source that they fill in, and words
 * for what is wrong.
 */
#ifndef DYNAMODB_ES_CHOICE_H
#define DYNAMODB_ES_CHOICE_H

#include <stdbool.h>

#include "aws/credential_source.h"
#include "aws/profile.h"
#include "base/failure.h"

typedef struct Choice
{
	const ProfileFiles *files;
	CredentialSource *source;	/* where to put the result */
	Failure    *failure;		/* where to say what is wrong */
} Choice;

/* Both say what is wrong, and return false. The first names the file and the line, and no value: it may be a secret. */
extern bool choice_refuse(const Choice *choice, const char *profile, ProfileSetting at, const char *why);
extern bool choice_out_of_memory(const Choice *choice);

/* As profile_look_up and profile_setting. choice_has: it is set, if only to nothing. */
extern ProfileSetting choice_look_up(const Choice *choice, const char *profile, const char *name);
extern const char *choice_setting(const Choice *choice, const char *profile, const char *name);
extern bool choice_has(const Choice *choice, const char *profile, const char *name);

/* Each copies its texts into the source; false when memory runs out. */
extern bool choice_set_keys(const Choice *choice, const char *id, const char *secret, const char *token);
extern bool choice_set_role(const Choice *choice, Role *role, const char *arn, const char *session_name,
							const char *external_id, const char *duration_seconds);
extern bool choice_set_web_identity(const Choice *choice, const char *token_file, const char *arn, const char *session_name,
									const char *duration_seconds);

#endif
