/*
 * fuzz_error: any bytes as the body of a 400. Whatever it is, a failure comes of it, whose words are UTF-8, one line,
 * and without anything as long as a secret.
 */
#include "fuzz.h"

#include "dynamodb/response.h"

#define SHORTEST_SECRET 40

static void
check_words(const char *text)
{
	ByteBuffer	quoted = {0};
	cJSON	   *json;
	size_t		run = 0;

	/* A kept escape would be written as an escape, so none may be left. */
	REQUIRE(json_text_is_plain(text));
	json_write_string(&quoted, text, strlen(text));
	REQUIRE(!quoted.failed);
	json = fuzz_parse(quoted.data, quoted.length);
	REQUIRE(cJSON_IsString(json) && strcmp(json->valuestring, text) == 0);
	cJSON_Delete(json);
	buffer_free(&quoted);

	for (; *text != '\0'; text++)
	{
		bool		digit = (*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
			(*text >= 'a' && *text <= 'z') || *text == '+' || *text == '/' || *text == '=';

		run = digit ? run + 1 : 0;
		REQUIRE(run < SHORTEST_SECRET && *text != '\n' && *text != '\r');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ByteBuffer	body = {0};
	Failure		failure = {0};
	Answer	   *error = NULL;
	Answer	   *response;

	buffer_append(&body, data, size);
	response = response_parse(400, NULL, &body, NULL, &failure, &error);
	REQUIRE(response == NULL);
	REQUIRE(failure.kind != FAILURE_NONE && failure.http_status == 400);
	REQUIRE(error == NULL || cJSON_IsObject(answer_root(error)));
	check_words(failure.message);
	REQUIRE(json_text_is_plain(failure.code));
	answer_free(error);
	return 0;
}
