/*
 * fuzz_json: any bytes as JSON. What was parsed is written, parsed again and written once more: the two texts are one,
 * and valid UTF-8 as far as json_parse, which refuses all else, can tell.
 */
#include "fuzz.h"

/* cJSON writes numbers from doubles, which DynamoDB's JSON has none of that matter; they may lose digits. */
static bool
has_number(const cJSON *json)
{
	if (cJSON_IsNumber(json))
		return true;
	for (const cJSON *child = json->child; child != NULL; child = child->next)
		if (has_number(child))
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ByteBuffer	first = {0};
	ByteBuffer	second = {0};
	cJSON	   *json = fuzz_parse(data, size);
	cJSON	   *again;

	/* Any bytes as a text: they become a string of JSON's whatever they are, and a number or none. */
	if (size < 64)
		json_is_number((const char *) data, size);
	if (json == NULL)
		return 0;
	json_write_value(&first, json);
	REQUIRE(!first.failed || has_number(json));
	if (!first.failed && !has_number(json))
	{
		again = fuzz_parse(first.data, first.length);
		REQUIRE(again != NULL);
		json_write_value(&second, again);
		REQUIRE(second.length == first.length && memcmp(second.data, first.data, first.length) == 0);
		REQUIRE(cJSON_Compare(json, again, true) || !json_text_is_plain(first.data) || strchr(first.data, '{') != NULL);
		cJSON_Delete(again);
	}
	buffer_free(&first);
	buffer_free(&second);
	cJSON_Delete(json);
	return 0;
}
