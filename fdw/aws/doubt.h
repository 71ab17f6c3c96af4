/*
 * doubt: does a file say what its author meant? What botocore passes over, or takes for something else, without a word
 * would let another identity sign.
 */
#ifndef DYNAMODB_ES_DOUBT_H
#define DYNAMODB_ES_DOUBT_H

#include "aws/profile.h"

/*
 * A setting of the profile's whose indented lines look like a section or like a setting for credentials: they are part of
 * its value, and what they say does not count. Its value is NULL where there is none.
 */
extern ProfileSetting doubt_swallowed(const ProfileFiles *files, const char *profile);

/* A section with credentials that is not the default profile's, but nearly called so. Its value is NULL where there is none. */
extern ProfileSetting doubt_nearly_default(const ProfileFiles *files);

#endif
