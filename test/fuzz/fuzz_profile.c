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
	char	   *text = malloc(size + 1);

	REQUIRE(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	/* secret_file.c lets no byte 0 through. */
	if (memchr(text, '\0', size) == NULL)
	{
		if (!profile_parse(&files, kind, text, PATH, &failure))
			REQUIRE(failure.kind != FAILURE_NONE && strstr(failure.message, PATH) != NULL);
		for (size_t i = 0; i < files.count; i++)
		{
			const ProfileSetting *setting = &files.settings[i];

			REQUIRE(profile_exists(&files, setting->profile));
			profile_setting(&files, setting->profile, setting->name);
		}
	}
	profile_files_free(&files);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_as(PROFILE_FILE_CREDENTIALS, data, size);
	read_as(PROFILE_FILE_CONFIG, data, size);
	return 0;
}
