/*
 * fuzz_credentials: any bytes as the answer of a container's or an instance's endpoint, and as one of STS. What is taken for
 * credentials can stand in a header; what is not leaves nothing behind, and a failure says nothing of the answer.
 */
#include "fuzz.h"

#include "aws/credentials.h"
#include "aws/metadata.h"
#include "aws/sts.h"

static void
check(bool read, Credentials *credentials, const Failure *failure)
{
	if (read)
		REQUIRE(credentials_are_plain(credentials));
	else
		REQUIRE(failure->kind != FAILURE_NONE && credentials->secret_access_key == NULL);
	credentials_wipe(credentials);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 403};
	char	   *body = fuzz_copy(data, size);

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
	{
		Credentials credentials = {0};
		Failure		failure = {0};

		check(metadata_read_answer("The endpoint", statuses[i], body, size, &credentials, &failure), &credentials, &failure);
		memset(&failure, 0, sizeof(failure));
		check(sts_read_answer(statuses[i], body, size, &credentials, &failure), &credentials, &failure);
	}
	metadata_is_role_name(body, size);
	metadata_is_token(body, size);
	free(body);
	return 0;
}
