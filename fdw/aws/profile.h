/*
 * profile: AWS's two ini files, ~/.aws/credentials and ~/.aws/config, as settings of profiles.
 *
 * Source: "Configuration and credential file settings", AWS SDKs and Tools Reference Guide. Sections that are no
 * profiles (sso-session, services) and nested settings (indented lines) are passed over.
 */
#ifndef DYNAMODB_ES_PROFILE_H
#define DYNAMODB_ES_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/failure.h"

typedef struct ProfileSetting
{
	size_t		text;			/* it is of: 1, 2, … */
	char	   *profile;
	char	   *name;			/* lower case; "" stands for the profile's section */
	char	   *value;			/* may be a secret */
} ProfileSetting;

/* All that the files say. All zeroes is empty. */
typedef struct ProfileFiles
{
	ProfileSetting *settings;
	size_t		count;
	size_t		capacity;
	size_t		texts;			/* so many have been added */
} ProfileFiles;

/* How a file writes its sections. */
typedef enum ProfileFileKind
{
	PROFILE_FILE_CREDENTIALS,	/* [name] */
	PROFILE_FILE_CONFIG			/* [profile name], and [default] */
} ProfileFileKind;

/*
 * Adds what a file's text says, to which it writes. What was added by an earlier call goes first; within one text the
 * last word counts. `path` is for *failure, which never has anything of the text. false with *failure filled in.
 */
extern bool profile_parse(ProfileFiles *files, ProfileFileKind kind, char *text, const char *path, Failure *failure);

/*
 * Reads both files, from where AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE say, or from HOME. A file that is not
 * there is empty, unless a variable names it. false with *failure filled in; free *files in either case.
 */
extern bool profile_files_read(ProfileFiles *files, Failure *failure);
extern void profile_files_free(ProfileFiles *files);

extern bool profile_exists(const ProfileFiles *files, const char *profile);

/* The value, which belongs to *files; NULL where it is not set, or set to nothing. */
extern const char *profile_setting(const ProfileFiles *files, const char *profile, const char *name);

/* The profile that counts where none is named: AWS_PROFILE, or "default". */
extern const char *profile_default_name(void);

/*
 * The region of a profile (NULL: that of profile_default_name): malloc'ed, the caller's. NULL where none is set, or
 * with *failure filled in, whose kind is FAILURE_NONE otherwise.
 */
extern char *profile_region(const char *profile, Failure *failure);

#endif
