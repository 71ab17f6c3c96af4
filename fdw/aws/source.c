/*
 * source.c: which of the many places has the credentials? How they are fetched from there is for fetch.c.
 *
 * What the environment and a profile have to offer is for source_environment.c and source_profile.c.
 */
#include "aws/source.h"

#include <string.h>

#include "aws/choice.h"
#include "aws/doubt.h"
#include "aws/profile.h"
#include "aws/source_environment.h"
#include "aws/source_profile.h"
#include "base/buffer.h"

/* The profile's name is that of a variable or an option. */
static bool
refuse_absent(const Choice *choice, const char *profile)
{
	const ProfileFile *credentials = &choice->files->files[PROFILE_FILE_CREDENTIALS];
	const ProfileFile *config = &choice->files->files[PROFILE_FILE_CONFIG];

	failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL,
				"The AWS profile \"%s\" does not exist: the file \"%s\"%s has none of that name, nor has \"%s\"%s.", profile,
				credentials->path, profile_file_absence(credentials), config->path, config->missing ? ", which does not exist" : "");
	return false;
}

/* Where nothing was found, for whom it may be a surprise. */
static bool
note_searched(const Choice *choice)
{
	const ProfileFile *credentials = &choice->files->files[PROFILE_FILE_CREDENTIALS];
	const ProfileFile *config = &choice->files->files[PROFILE_FILE_CONFIG];
	ByteBuffer	words = {0};

	buffer_printf(&words, "There are none in the environment of PostgreSQL nor in the files \"%s\"%s and \"%s\"%s",
				  credentials->path, profile_file_absence(credentials), config->path, config->missing ? ", which does not exist" : "");
	choice->source->searched = buffer_detach(&words);
	return choice->source->searched != NULL || choice_out_of_memory(choice);
}

/* What has no profile in it. */
static bool
choose_elsewhere(const Choice *choice)
{
	ProfileSetting nearly = doubt_nearly_default(choice->files);

	if (nearly.value != NULL && profile_named() == NULL)
	{
		failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL,
					"Line %zu of the file \"%s\" has a section that is nearly called \"default\", but is not.",
					nearly.line, nearly.path);
		return false;
	}
	if (!note_searched(choice))
		return false;
	if (container_is_named())
		choice->source->kind = SOURCE_CONTAINER;
	else if (!instance_is_disabled())
		choice->source->kind = SOURCE_INSTANCE;
	else
	{
		failure_set(choice->failure, FAILURE_NO_CREDENTIALS, NULL, "%s, and no container or instance to ask.",
					choice->source->searched);
		return false;
	}
	return true;
}

/*
 * In the order of the SDKs. A profile that somebody named must exist, and one that the mapping names must do. Another one
 * may be there for its region only: then the search goes on.
 */
static bool
choose(const Choice *choice, const char *profile)
{
	const char *name = profile != NULL ? profile : profile_default_name();
	bool		named = profile != NULL || profile_named() != NULL;
	Found		result;

	if (named && !profile_exists(choice->files, name))
		return refuse_absent(choice, name);
	if (!check_profile(choice, name))
		return false;
	if (profile_has_role(choice, name))
		return choose_role(choice, name);
	if (profile != NULL)
		return choose_profile_only(choice, name);
	if (environment_has_web_identity())
		return choose_web_identity_of_environment(choice);
	result = find_in_profile(choice, name);
	return result == FOUND_NOTHING ? choose_elsewhere(choice) : result == FOUND;
}

bool
source_choose(const char *profile, CredentialSource *source, Failure *failure)
{
	ProfileFiles files = {0};
	Choice		choice = {.files = &files, .source = source, .failure = failure};
	bool		chosen;

	memset(source, 0, sizeof(*source));
	if (profile == NULL && environment_has_keys())
		chosen = choose_environment(&choice);
	else
		chosen = profile_files_read(&files, failure) && choose(&choice, profile);
	profile_files_free(&files);
	return chosen;
}
