/*
 * fuzz_profile: any bytes as AWS's credentials file and as its config file. Whatever is read, names and values are what can
 * be asked for, and a failure says nothing of the text.
 */
#include "fuzz.h"

#include "aws/profile.h"

#define PATH "the file"

static void
read_as(ProfileFileKind kind, const uint8_t *data, size_t size)
{
	ProfileFiles files = {0};
	Failure		failure = {0};
	ByteBuffer	text = {0};

	/* secret_file.c lets no byte 0 through. */
	if (size == 0 || memchr(data, '\0', size) != NULL)
		return;
	buffer_append(&text, data, size);
	if (!profile_parse(&files, kind, &text, PATH, &failure))
		REQUIRE(failure.kind != FAILURE_NONE && strstr(failure.message, PATH) != NULL);
	for (size_t i = 0; files.files[kind].sections != NULL && i < files.files[kind].ini.nsections; i++)
	{
		const ProfileSection *section = &files.files[kind].sections[i];

		if (section->kind != SECTION_PROFILE)
			continue;
		REQUIRE(profile_exists(&files, section->name));
		for (size_t j = 0; j < section->section->count; j++)
		{
			const IniSetting *setting = &files.files[kind].ini.settings[section->section->first + j];

			REQUIRE(strchr(setting->name, '\n') == NULL && setting->value[strcspn(setting->value, "\r")] == '\0');
			profile_look_up(&files, section->name, setting->name);
		}
	}
	profile_files_free(&files);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_as(PROFILE_FILE_CREDENTIALS, data, size);
	read_as(PROFILE_FILE_CONFIG, data, size);
	return 0;
}
