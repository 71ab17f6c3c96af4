/*
 * profile.c: what do AWS's ini files say about a profile? Which of their settings are credentials, and which of those
 * count, is for source.c.
 */
#include "aws/profile.h"

#include <stdlib.h>
#include <string.h>

#include "aws/environment.h"
#include "aws/home.h"
#include "aws/secret_file.h"
#include "aws/words.h"

#define MAX_FILE_BYTES (1024 * 1024)

static bool
out_of_memory(Failure *failure)
{
	failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	return false;
}

/* "word NAME", with a word that only begins so: so botocore reads it. NAME may be quoted. Cuts the header in place. */
static const char *
name_behind(char *header)
{
	char	   *words[2];

	return words_split(header, words, 2) == 2 ? words[1] : NULL;
}

static ProfileSection
section_in_config(const IniSection *section)
{
	static const struct
	{
		const char *prefix;
		ProfileSectionKind kind;
	}			prefixes[] = {{"profile", SECTION_PROFILE}, {"services", SECTION_SERVICES}};
	ProfileSection found = {.kind = SECTION_OTHER, .section = section};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]) && found.name == NULL; i++)
		if (strncmp(section->header, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0
			&& (found.name = name_behind(section->header)) != NULL)
			found.kind = prefixes[i].kind;
	if (strcmp(section->header, "default") == 0)
	{
		found.kind = SECTION_PROFILE;
		found.name = section->header;
	}
	return found;
}

static ProfileSection
section_in_credentials(const IniSection *section)
{
	return (ProfileSection)
	{
		.kind = strcmp(section->header, INI_DEFAULTS) == 0 ? SECTION_OTHER : SECTION_PROFILE,
		.name = section->header, .section = section
	};
}

bool
profile_parse(ProfileFiles *files, ProfileFileKind kind, ByteBuffer *text, const char *path, Failure *failure)
{
	ProfileFile *file = &files->files[kind];

	if (!ini_parse(&file->ini, text, path, failure))
		return false;
	file->sections = calloc(file->ini.nsections + 1, sizeof(ProfileSection));
	if (file->sections == NULL)
		return out_of_memory(failure);
	for (size_t i = 0; i < file->ini.nsections; i++)
		file->sections[i] = kind == PROFILE_FILE_CONFIG ? section_in_config(&file->ini.sections[i])
			: section_in_credentials(&file->ini.sections[i]);
	return true;
}

static bool
file_read(ProfileFiles *files, ProfileFileKind kind, bool needed, Failure *failure)
{
	ProfileFile *file = &files->files[kind];
	ByteBuffer	text = {0};
	SecretFileResult result = secret_file_read(file->path, MAX_FILE_BYTES, &text, failure);
	bool		done = result == SECRET_FILE_READ || (result == SECRET_FILE_MISSING && !needed);

	file->missing = result == SECRET_FILE_MISSING;
	if (done)
		failure_set(failure, FAILURE_NONE, NULL, "%s", "");
	if (result == SECRET_FILE_READ && text.length > 0)
		done = profile_parse(files, kind, &text, file->path, failure);
	buffer_free(&text);
	return done;
}

/* The file that the variable names, or the one in the home folder. */
static bool
file_read_from(ProfileFiles *files, ProfileFileKind kind, const char *variable, const char *usual_path, Failure *failure)
{
	const char *named = environment_variable(variable);
	ByteBuffer	path = {0};

	path_expand(named != NULL ? named : usual_path, &path);
	files->files[kind].path = buffer_detach(&path);
	if (files->files[kind].path == NULL)
		return out_of_memory(failure);
	return file_read(files, kind, named != NULL, failure);
}

bool
profile_files_read(ProfileFiles *files, Failure *failure)
{
	memset(files, 0, sizeof(*files));
	return file_read_from(files, PROFILE_FILE_CREDENTIALS, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", failure)
		&& file_read_from(files, PROFILE_FILE_CONFIG, "AWS_CONFIG_FILE", "~/.aws/config", failure);
}

void
profile_files_free(ProfileFiles *files)
{
	for (size_t i = 0; i < PROFILE_FILES; i++)
	{
		free(files->files[i].path);
		free(files->files[i].sections);
		ini_free(&files->files[i].ini);
	}
	memset(files, 0, sizeof(*files));
}

/* The last one of that name: "[default]" and "[profile default]" do not add up. */
static const ProfileSection *
find_section(const ProfileFile *file, ProfileSectionKind kind, const char *name)
{
	for (size_t i = file->sections != NULL ? file->ini.nsections : 0; i > 0; i--)
		if (file->sections[i - 1].kind == kind && strcmp(file->sections[i - 1].name, name) == 0)
			return &file->sections[i - 1];
	return NULL;
}

ProfileSetting
profile_section(const ProfileFiles *files, ProfileFileKind kind, const char *profile)
{
	const ProfileSection *section = find_section(&files->files[kind], SECTION_PROFILE, profile);

	if (section == NULL)
		return (ProfileSetting) {.value = NULL};
	return (ProfileSetting)
	{
		.value = section->name, .path = files->files[kind].path, .line = section->section->line
	};
}

bool
profile_exists(const ProfileFiles *files, const char *profile)
{
	return profile_section(files, PROFILE_FILE_CREDENTIALS, profile).value != NULL
		|| profile_section(files, PROFILE_FILE_CONFIG, profile).value != NULL;
}

ProfileSetting
profile_look_into(const ProfileFiles *files, ProfileFileKind kind, const char *profile, const char *name)
{
	const ProfileFile *file = &files->files[kind];
	const ProfileSection *section = find_section(file, SECTION_PROFILE, profile);
	const IniSetting *setting = section != NULL ? ini_setting(&file->ini, section->section, name) : NULL;

	if (setting == NULL)
		return (ProfileSetting) {.value = NULL};
	return (ProfileSetting)
	{
		.value = setting->value, .path = file->path, .line = setting->line
	};
}

ProfileSetting
profile_look_up(const ProfileFiles *files, const char *profile, const char *name)
{
	ProfileSetting setting = profile_look_into(files, PROFILE_FILE_CREDENTIALS, profile, name);

	return setting.value != NULL ? setting : profile_look_into(files, PROFILE_FILE_CONFIG, profile, name);
}

const char *
profile_setting(const ProfileFiles *files, const char *profile, const char *name)
{
	const char *value = profile_look_up(files, profile, name).value;

	return value != NULL && value[0] != '\0' ? value : NULL;
}

const char *
services_setting(const ProfileFiles *files, const char *services, const char *service, const char *name)
{
	const ProfileFile *file = &files->files[PROFILE_FILE_CONFIG];
	const ProfileSection *section = find_section(file, SECTION_SERVICES, services);
	const IniSetting *setting = section != NULL ? ini_setting(&file->ini, section->section, service) : NULL;
	const IniSetting *member = setting != NULL ? ini_member(&file->ini, setting, name) : NULL;

	return member != NULL && member->value[0] != '\0' ? member->value : NULL;
}

const char *
profile_named(void)
{
	static const char *const variables[] = {"AWS_DEFAULT_PROFILE", "AWS_PROFILE"};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
	{
		const char *name = environment_variable(variables[i]);

		if (name != NULL)
			return name;
	}
	return NULL;
}

const char *
profile_default_name(void)
{
	const char *name = profile_named();

	return name != NULL ? name : "default";
}

const char *
profile_file_absence(const ProfileFile *file)
{
	return file->missing ? ", which does not exist," : "";
}

char *
profile_region(const char *profile, Failure *failure)
{
	ProfileFiles files;
	const ProfileFile *credentials = &files.files[PROFILE_FILE_CREDENTIALS];
	const ProfileFile *config = &files.files[PROFILE_FILE_CONFIG];
	char	   *region = NULL;

	failure_set(failure, FAILURE_NONE, NULL, "%s", "");
	if (profile_files_read(&files, failure))
	{
		const char *name = profile != NULL ? profile : profile_default_name();
		const char *value = profile_setting(&files, name, "region");

		if (value == NULL)
			failure_set(failure, FAILURE_NONE, NULL, "The profile \"%s\" has none in the file \"%s\"%s nor in \"%s\"%s.", name,
						config->path, profile_file_absence(config), credentials->path,
						credentials->missing ? ", which does not exist" : "");
		else if ((region = strdup(value)) == NULL)
			out_of_memory(failure);
	}
	profile_files_free(&files);
	return region;
}
