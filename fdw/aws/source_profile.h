/*
 * source_profile: the credentials that a profile of AWS's files has or points to.
 */
#ifndef DYNAMODB_ES_SOURCE_PROFILE_H
#define DYNAMODB_ES_SOURCE_PROFILE_H

#include "aws/choice.h"

/* What was found in a profile, apart from roles. */
typedef enum Found
{
	FOUND,
	FOUND_NOTHING,
	FOUND_WRONG					/* said in *failure */
} Found;

/* Does a profile say clearly what it means? What an indented line says about credentials, the SDKs do not agree on. */
extern bool check_profile(const Choice *choice, const char *profile);

extern bool profile_has_role(const Choice *choice, const char *profile);

/* A profile with a role, and those that it refers to, down to one that has credentials. */
extern bool choose_role(const Choice *choice, const char *profile);

/* What a profile has beside a role: in botocore's order. */
extern Found find_in_profile(const Choice *choice, const char *profile);

/* The profile of a user mapping, or of a role: nothing else will do. */
extern bool choose_profile_only(const Choice *choice, const char *profile);

#endif
