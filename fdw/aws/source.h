/*
 * source: where the server's own credentials come from, by its environment and AWS's files.
 *
 * Source of the order: "Standardized credential providers", AWS SDKs and Tools Reference Guide: environment, profile
 * with a role, web identity, static keys of a profile, container, instance.
 */
#ifndef DYNAMODB_ES_SOURCE_H
#define DYNAMODB_ES_SOURCE_H

#include <stdbool.h>

#include "aws/credential_source.h"
#include "base/failure.h"

/*
 * Looks at the environment and the files as they are now. `profile` NULL: the whole order; otherwise only that
 * profile. false with *failure filled in. source_free *source in either case.
 */
extern bool source_choose(const char *profile, CredentialSource *source, Failure *failure);

#endif
