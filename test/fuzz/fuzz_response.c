/*
 * fuzz_response: any bytes as the body of a 200, read as a page of a Query is: its counts and capacity, its items'
 * attributes, and the key that the next request begins after, which has to leave as it came.
 */
#include "fuzz.h"

#include <zlib.h>

#include "dynamodb/attribute.h"
#include "dynamodb/response.h"

static const char *const names[] = {"aggregateId", "version", "commitId", "committedAt", "events", "active"};

static void
read_items(const cJSON *items)
{
	for (const cJSON *item = cJSON_IsArray(items) ? items->child : NULL; item != NULL; item = item->next)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		{
			AttributeValue value = attribute_get(item, names[i]);
			int64_t		number;

			if (value.type == ATTRIBUTE_S)
				REQUIRE(value.length == strlen(value.text));
			if (attribute_to_int64(&value, &number))
				REQUIRE(value.type == ATTRIBUTE_N);
		}
}

static void
write_start_key(const cJSON *key)
{
	ByteBuffer	text = {0};
	cJSON	   *again;

	if (!cJSON_IsObject(key))
		return;
	json_write_value(&text, key);
	if (!text.failed)
	{
		again = fuzz_parse(text.data, text.length);
		REQUIRE(cJSON_IsObject(again));
		cJSON_Delete(again);
	}
	buffer_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *body = fuzz_copy(data, size);
	char		checksum[16];
	Failure		failure = {0};
	cJSON	   *response;

	snprintf(checksum, sizeof(checksum), "%lu", (unsigned long) crc32_z(0, (const Bytef *) body, size));
	response = response_parse(200, checksum, body, size, &failure);
	free(body);
	REQUIRE((response == NULL) == (failure.kind == FAILURE_BAD_ANSWER));
	if (response == NULL)
		return 0;
	REQUIRE(response_count(response) >= -1 && response_scanned_count(response) >= -1);
	response_capacity_units(response);
	read_items(json_member(response, "Items"));
	write_start_key(json_member(response, "LastEvaluatedKey"));
	cJSON_Delete(response);
	return 0;
}
