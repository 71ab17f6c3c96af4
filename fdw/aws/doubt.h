/*
 * doubt: does a file say what its author meant? botocore ignores some mistakes silently, or reads them as something else. Then
 * another identity would sign, so they are errors here.
 */
#ifndef DYNAMODB_ES_DOUBT_H
#define DYNAMODB_ES_DOUBT_H

#include "aws/profile.h"

/*
 * A setting of the profile's whose indented lines look like a section or like a setting for credentials: they are part of
 * its value, and what they say does not count. Its value is NULL where there is none.
 */
extern ProfileSetting doubt_swallowed(const ProfileFiles *files, const char *profile);

/* A section with credentials whose name is nearly "default", but not quite. Its value is NULL where there is none. */
extern ProfileSetting doubt_nearly_default(const ProfileFiles *files);

#endif
