/*
 * doubt.c: does a file say what its author meant? See doubt.h.
 */
#include "aws/doubt.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* "name" behind the beginning of a line of a value, before "=" or ":"? */
static bool
begins_setting(const char *line, const char *name)
{
	size_t		length = strlen(name);

	if (strncasecmp(line, name, length) != 0)
		return false;
	line += length + strspn(line + length, " \t");
	return *line == '=' || *line == ':';
}

static bool
is_of_credentials(const char *line)
{
	static const char *const names[] = {
		"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "role_arn", "source_profile", "credential_source",
		"web_identity_token_file", "credential_process", "sso_session", "sso_account_id", "sso_role_name",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (begins_setting(line, names[i]) || strcasecmp(line, names[i]) == 0)
			return true;
	return false;
}

static bool
swallows(const IniSetting *setting)
{
	if (setting->member != NULL && is_of_credentials(setting->member))
		return true;
	if (setting->member != NULL && setting->member[0] == '[')
		return true;
	for (const char *line = strchr(setting->value, '\n'); line != NULL; line = strchr(line, '\n'))
		if (*++line == '[' || is_of_credentials(line))
			return true;
	return false;
}

ProfileSetting
doubt_swallowed(const ProfileFiles *files, const char *profile)
{
	for (size_t i = 0; i < PROFILE_FILES; i++)
	{
		const ProfileFile *file = &files->files[i];

		for (size_t j = 0; file->sections != NULL && j < file->ini.nsections; j++)
		{
			const ProfileSection *section = &file->sections[j];
			const IniSetting *setting = &file->ini.settings[section->section->first];

			if (section->kind != SECTION_PROFILE || strcmp(section->name, profile) != 0)
				continue;
			for (size_t k = 0; k < section->section->count; k++, setting++)
				if (swallows(setting))
					return (ProfileSetting)
			{
				.value = setting->name, .path = file->path, .line = setting->line
			};
		}
	}
	return (ProfileSetting) {.value = NULL};
}

/* "default" or "profile default" with blanks around it, in capitals, or in the file where the other one is right. */
static bool
is_nearly_default(const char *header)
{
	const char *name = header + strspn(header, " \t");

	if (strncasecmp(name, "profile", 7) == 0)
		name += 7 + strspn(name + 7, " \t");
	if (strncasecmp(name, "default", 7) != 0)
		return false;
	return strspn(name + 7, " \t") == strlen(name + 7);
}

static bool
has_credentials(const IniFile *ini, const IniSection *section)
{
	for (size_t i = section->first; i < section->first + section->count; i++)
		if (is_of_credentials(ini->settings[i].name))
			return true;
	return false;
}

ProfileSetting
doubt_nearly_default(const ProfileFiles *files)
{
	for (size_t i = 0; i < PROFILE_FILES; i++)
	{
		const ProfileFile *file = &files->files[i];

		for (size_t j = 0; file->sections != NULL && j < file->ini.nsections; j++)
		{
			const ProfileSection *section = &file->sections[j];

			if ((section->kind != SECTION_PROFILE || strcmp(section->name, "default") != 0)
				&& is_nearly_default(section->section->header) && has_credentials(&file->ini, section->section))
				return (ProfileSetting)
			{
				.value = section->section->header, .path = file->path, .line = section->section->line
			};
		}
	}
	return (ProfileSetting) {.value = NULL};
}
