/*
 * profile: AWS's two ini files, ~/.aws/credentials and ~/.aws/config, as settings of profiles and services sections.
 *
 * Source: "Configuration and credential file settings", AWS SDKs and Tools Reference Guide; in all that it leaves open,
 * botocore (ini.h).
 */
#ifndef DYNAMODB_ES_PROFILE_H
#define DYNAMODB_ES_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/ini.h"
#include "base/failure.h"

/* How a file writes its sections. A setting in the first file counts more than one in the second. */
typedef enum ProfileFileKind
{
	PROFILE_FILE_CREDENTIALS,	/* [name] */
	PROFILE_FILE_CONFIG			/* [profile name], and [default]; [services name] */
} ProfileFileKind;

#define PROFILE_FILES 2

typedef enum ProfileSectionKind
{
	SECTION_OTHER,
	SECTION_PROFILE,
	SECTION_SERVICES
} ProfileSectionKind;

typedef struct ProfileSection
{
	ProfileSectionKind kind;
	const char *name;
	const IniSection *section;
} ProfileSection;

typedef struct ProfileFile
{
	char	   *path;			/* NULL as long as none has been looked at */
	bool		missing;		/* there is no such file */
	IniFile		ini;
	ProfileSection *sections;	/* ini.nsections */
} ProfileFile;

/* All that the files say. All zeroes is empty. */
typedef struct ProfileFiles
{
	ProfileFile files[PROFILE_FILES];
} ProfileFiles;

/* Where something is set. */
typedef struct ProfileSetting
{
	const char *value;			/* belongs to the files; "" where it is set to nothing; NULL: it is not set */
	const char *path;			/* of the file */
	size_t		line;
} ProfileSetting;

/*
 * Reads both files, from where AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE say (home.h), or from ~/.aws. A file that
 * is not there is empty, unless a variable names it. false with *failure filled in; free *files in either case.
 */
extern bool profile_files_read(ProfileFiles *files, Failure *failure);
extern void profile_files_free(ProfileFiles *files);

/* What goes behind a file's path in the middle of a message: ", which does not exist,", or nothing. */
extern const char *profile_file_absence(const ProfileFile *file);

/* A file's text, which becomes empty, as if it had been read from `path`. */
extern bool profile_parse(ProfileFiles *files, ProfileFileKind kind, ByteBuffer *text, const char *path, Failure *failure);

/* The section of a profile, in one of the files; its value is the name. */
extern ProfileSetting profile_section(const ProfileFiles *files, ProfileFileKind kind, const char *profile);
extern bool profile_exists(const ProfileFiles *files, const char *profile);

/* What a profile sets: in one file, or in the first file that has it. */
extern ProfileSetting profile_look_into(const ProfileFiles *files, ProfileFileKind kind, const char *profile, const char *name);
extern ProfileSetting profile_look_up(const ProfileFiles *files, const char *profile, const char *name);

/* The value alone; NULL where it is not set, or set to nothing. */
extern const char *profile_setting(const ProfileFiles *files, const char *profile, const char *name);

/* The same of a services section: [services NAME], "service =", and indented below it "name = value". */
extern const char *services_setting(const ProfileFiles *files, const char *services, const char *service, const char *name);

/* The profile that AWS_DEFAULT_PROFILE or AWS_PROFILE names, in botocore's order; NULL: none. */
extern const char *profile_named(void);

/* That one, or "default". */
extern const char *profile_default_name(void);

/*
 * The region of a profile (NULL: of profile_default_name), malloc'ed, the caller's. NULL where none is set: the kind of *failure
 * is then FAILURE_NONE, and its message says where the region was looked for. NULL also where it fails: another kind.
 */
extern char *profile_region(const char *profile, Failure *failure);

#endif
