/*
 * source_environment.c: which credentials does the environment have, or point to? See source_environment.h.
 */
#include "aws/source_environment.h"

#include <strings.h>

#include "aws/environment.h"

bool
environment_has_keys(void)
{
	return environment_variable("AWS_ACCESS_KEY_ID") != NULL || environment_variable("AWS_SECRET_ACCESS_KEY") != NULL;
}

bool
choose_environment(const Choice *choice)
{
	const char *id = environment_variable("AWS_ACCESS_KEY_ID");
	const char *secret = environment_variable("AWS_SECRET_ACCESS_KEY");

	if (id == NULL || secret == NULL)
	{
		failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL, "%s is not set in the environment of PostgreSQL.",
					id == NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
		return false;
	}
	if (!choice_set_keys(choice, id, secret, environment_variable("AWS_SESSION_TOKEN")))
		return false;
	if (credentials_are_plain(&choice->source->keys))
		return true;
	failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL,
				"The keys in the environment of PostgreSQL have blanks or characters other than printable ASCII.");
	return false;
}

bool
container_is_named(void)
{
	return environment_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL
		|| environment_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL;
}

bool
instance_is_disabled(void)
{
	const char *disabled = environment_variable("AWS_EC2_METADATA_DISABLED");

	return disabled != NULL && strcasecmp(disabled, "true") == 0;
}

bool
environment_has_web_identity(void)
{
	return environment_variable("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL;
}

bool
choose_web_identity_of_environment(const Choice *choice)
{
	if (environment_variable("AWS_ROLE_ARN") == NULL)
	{
		failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL,
					"AWS_WEB_IDENTITY_TOKEN_FILE is set in the environment of PostgreSQL, and AWS_ROLE_ARN is not.");
		return false;
	}
	return choice_set_web_identity(choice, environment_variable("AWS_WEB_IDENTITY_TOKEN_FILE"),
								   environment_variable("AWS_ROLE_ARN"), environment_variable("AWS_ROLE_SESSION_NAME"), NULL);
}
