/*
 * profile.c: what do AWS's ini files say about a profile? Which of their settings are credentials, and which of those
 * count, is for source.c.
 */
#include "aws/profile.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/credentials.h"
#include "aws/secret_file.h"

#define MAX_FILE_BYTES (1024 * 1024)

/* In the first text that has it, what that says last. */
static const char *
setting_value(const ProfileFiles *files, const char *profile, const char *name)
{
	const ProfileSetting *found = NULL;

	for (size_t i = 0; i < files->count; i++)
	{
		const ProfileSetting *setting = &files->settings[i];

		if (found != NULL && setting->text != found->text)
			break;
		if (strcmp(setting->name, name) == 0 && strcmp(setting->profile, profile) == 0)
			found = setting;
	}
	return found != NULL ? found->value : NULL;
}

bool
profile_exists(const ProfileFiles *files, const char *profile)
{
	return setting_value(files, profile, "") != NULL;
}

const char *
profile_setting(const ProfileFiles *files, const char *profile, const char *name)
{
	const char *value = setting_value(files, profile, name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Room for one more, and twice as much when there is none. */
static bool
settings_reserve(ProfileFiles *files)
{
	size_t		capacity = files->capacity > 0 ? files->capacity * 2 : 16;
	ProfileSetting *settings;

	if (files->count < files->capacity)
		return true;
	settings = realloc(files->settings, capacity * sizeof(*settings));
	if (settings == NULL)
		return false;
	files->settings = settings;
	files->capacity = capacity;
	return true;
}

/* Behind all others, without a look at them: a file may have many. */
static bool
setting_add(ProfileFiles *files, const char *profile, const char *name, const char *value)
{
	ProfileSetting setting = {
		.text = files->texts,
		.profile = secret_copy(profile, strlen(profile)),
		.name = secret_copy(name, strlen(name)),
		.value = secret_copy(value, strlen(value)),
	};

	if (setting.profile != NULL && setting.name != NULL && setting.value != NULL && settings_reserve(files))
	{
		files->settings[files->count++] = setting;
		return true;
	}
	secret_free(setting.profile);
	secret_free(setting.name);
	secret_free(setting.value);
	return false;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Without the blanks around it. In place. */
static char *
trimmed(char *text)
{
	size_t		length;

	while (is_blank(*text))
		text++;
	length = strlen(text);
	while (length > 0 && is_blank(text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

/* A comment begins with # or ; behind a blank. */
static void
cut_comment(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if ((*c == '#' || *c == ';') && (c == text || is_blank(c[-1])))
		{
			*c = '\0';
			return;
		}
}

/* The profile of "[…]"; "" where the section is no profile's; NULL where it is none. In place. */
static char *
section_profile(char *line, ProfileFileKind kind)
{
	char	   *end = strchr(line, ']');
	char	   *name;

	if (end == NULL)
		return NULL;
	*end = '\0';
	name = trimmed(line + 1);
	if (kind == PROFILE_FILE_CREDENTIALS || strcmp(name, "default") == 0)
		return name;
	if (strncmp(name, "profile", 7) != 0 || !is_blank(name[7]))
		return name + strlen(name);
	name = trimmed(name + 7);
	if (strlen(name) >= 2 && name[0] == '"' && name[strlen(name) - 1] == '"')
	{
		name[strlen(name) - 1] = '\0';
		name++;
	}
	return name;
}

/* Cuts "name = value" in two. false where it is none. */
static bool
split_setting(char *line, char **name, char **value)
{
	char	   *equals = strchr(line, '=');

	if (equals == NULL)
		return false;
	*equals = '\0';
	*name = trimmed(line);
	for (char *c = *name; *c != '\0'; c++)
		*c = (char) tolower((unsigned char) *c);
	cut_comment(equals + 1);
	*value = trimmed(equals + 1);
	return (*name)[0] != '\0';
}

bool
profile_parse(ProfileFiles *files, ProfileFileKind kind, char *text, const char *path, Failure *failure)
{
	const char *profile = NULL;
	size_t		number = 0;
	char	   *next;

	files->texts++;
	if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
		text += 3;
	for (char *line = text; line != NULL; line = next)
	{
		char	   *name = "";
		char	   *value = "";
		bool		understood;

		number++;
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (is_blank(line[0]) || line[0] == '\0' || line[0] == '#' || line[0] == ';')
			continue;
		if (line[0] == '[')
			understood = (profile = section_profile(line, kind)) != NULL;
		else
			understood = profile != NULL && split_setting(line, &name, &value);
		if (!understood)
		{
			failure_set(failure, FAILURE_NO_CREDENTIALS, NULL, "Line %zu of the file \"%s\" is not understood.", number, path);
			return false;
		}
		if (profile[0] != '\0' && !setting_add(files, profile, name, value))
		{
			failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
			return false;
		}
	}
	return true;
}

static bool
file_read(ProfileFiles *files, ProfileFileKind kind, const char *path, bool needed, Failure *failure)
{
	ByteBuffer		text = {0};
	SecretFileResult result = secret_file_read(path, MAX_FILE_BYTES, &text, failure);
	bool		done = result == SECRET_FILE_READ || (result == SECRET_FILE_MISSING && !needed);

	if (done)
		failure_set(failure, FAILURE_NONE, NULL, "%s", "");
	if (result == SECRET_FILE_READ && text.length > 0)
		done = profile_parse(files, kind, text.data, path, failure);
	buffer_free(&text);
	return done;
}

/* The file that the variable names, or the one in the home folder. */
static bool
file_read_from(ProfileFiles *files, ProfileFileKind kind, const char *variable, const char *name, Failure *failure)
{
	const char *named = getenv(variable);
	const char *home = getenv("HOME");
	ByteBuffer		path = {0};
	bool		done;

	if (named != NULL && named[0] != '\0')
		return file_read(files, kind, named, true, failure);
	if (home == NULL || home[0] == '\0')
		return true;
	buffer_printf(&path, "%s/.aws/%s", home, name);
	if (path.failed)
	{
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
		done = false;
	}
	else
		done = file_read(files, kind, path.data, false, failure);
	buffer_free(&path);
	return done;
}

bool
profile_files_read(ProfileFiles *files, Failure *failure)
{
	memset(files, 0, sizeof(*files));
	return file_read_from(files, PROFILE_FILE_CREDENTIALS, "AWS_SHARED_CREDENTIALS_FILE", "credentials", failure)
		&& file_read_from(files, PROFILE_FILE_CONFIG, "AWS_CONFIG_FILE", "config", failure);
}

void
profile_files_free(ProfileFiles *files)
{
	for (size_t i = 0; i < files->count; i++)
	{
		secret_free(files->settings[i].profile);
		secret_free(files->settings[i].name);
		secret_free(files->settings[i].value);
	}
	free(files->settings);
	memset(files, 0, sizeof(*files));
}

const char *
profile_default_name(void)
{
	const char *name = getenv("AWS_PROFILE");

	return name != NULL && name[0] != '\0' ? name : "default";
}

char *
profile_region(const char *profile, Failure *failure)
{
	ProfileFiles files;
	char	   *region = NULL;

	failure_set(failure, FAILURE_NONE, NULL, "%s", "");
	if (profile_files_read(&files, failure))
	{
		const char *value = profile_setting(&files, profile != NULL ? profile : profile_default_name(), "region");

		if (value != NULL && (region = strdup(value)) == NULL)
			failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	}
	profile_files_free(&files);
	return region;
}
