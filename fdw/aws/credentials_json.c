/*
 * credentials_json.c: which credentials does a JSON object hold?
 */
#include "aws/credentials_json.h"

#include <string.h>

#include "aws/secret_json.h"

/* A member of an answer. */
typedef struct Member
{
	const char *name;
	SecretMember found;
	char	   *text;			/* or NULL */
} Member;

enum
{
	MEMBER_ID,
	MEMBER_SECRET,
	MEMBER_TOKEN,
	MEMBER_EXPIRATION,
	MEMBER_COUNT
};

/* They may last forever, and have no token. The texts of *members become those of *credentials. */
static bool
take_credentials(Member *members, Credentials *credentials)
{
	const Member *expiration = &members[MEMBER_EXPIRATION];
	bool		valid = true;

	credentials->access_key_id = members[MEMBER_ID].text;
	credentials->secret_access_key = members[MEMBER_SECRET].text;
	credentials->session_token = members[MEMBER_TOKEN].text;
	memset(members, 0, MEMBER_EXPIRATION * sizeof(Member));
	if (expiration->found != SECRET_MEMBER_ABSENT)
	{
		credentials->expires_at = expiration->text != NULL ? credentials_parse_expiry(expiration->text) : -1;
		valid = credentials->expires_at > 0;
	}
	return valid && credentials_are_plain(credentials);
}

bool
credentials_read_json(const char *json, size_t length, const char *token_name, Credentials *credentials,
					  bool *out_of_memory)
{
	Member		members[MEMBER_COUNT] = {
		[MEMBER_ID] = {.name = "AccessKeyId"},
		[MEMBER_SECRET] = {.name = "SecretAccessKey"},
		[MEMBER_TOKEN] = {.name = token_name},
		[MEMBER_EXPIRATION] = {.name = "Expiration"},
	};
	bool		valid;

	memset(credentials, 0, sizeof(*credentials));
	*out_of_memory = false;
	for (int i = 0; i < MEMBER_COUNT; i++)
	{
		members[i].found = secret_json_member(json, length, members[i].name, &members[i].text);
		*out_of_memory = *out_of_memory || members[i].found == SECRET_MEMBER_MEMORY;
	}
	valid = members[MEMBER_TOKEN].found != SECRET_MEMBER_OTHER && !*out_of_memory;
	valid = take_credentials(members, credentials) && valid;
	secret_free(members[MEMBER_EXPIRATION].text);
	if (!valid)
		credentials_wipe(credentials);
	return valid;
}
