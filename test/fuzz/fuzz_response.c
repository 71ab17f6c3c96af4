/*
 * fuzz_response: any bytes as the body of a 200, read as any answer is and as a page of a Query is: its counts and
 * capacity, its items' attributes, and the key that the next request begins after, which has to leave as it came.
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

static void
read_response(const cJSON *response)
{
	REQUIRE(cJSON_IsObject(response));
	REQUIRE(response_count(response) >= -1 && response_scanned_count(response) >= -1);
	REQUIRE(response_capacity_units(response) >= 0);
	read_items(json_member(response, "Items"));
	write_start_key(json_member(response, "LastEvaluatedKey"));
}

/* true when it is an answer. */
static bool
read_as_answer(const char *checksum, const uint8_t *data, size_t size)
{
	char	   *body = fuzz_copy(data, size);
	Failure		failure = {0};
	cJSON	   *response = response_parse(200, checksum, body, size, &failure);

	free(body);
	REQUIRE((response == NULL) == (failure.kind == FAILURE_BAD_ANSWER));
	if (response == NULL)
		return false;
	read_response(response);
	cJSON_Delete(response);
	return true;
}

/* true when it is a page. */
static bool
read_as_page(const char *checksum, const uint8_t *data, size_t size)
{
	ByteBuffer	body = {0};
	Failure		failure = {0};
	ItemPage   *page;

	buffer_append(&body, (const char *) data, size);
	REQUIRE(!body.failed);
	page = response_parse_page(200, checksum, &body, &failure);
	REQUIRE((page == NULL) == (failure.kind == FAILURE_BAD_ANSWER));
	REQUIRE(body.data == NULL && body.length == 0);
	if (page == NULL)
		return false;
	read_response(page_root(page));
	page_free(page);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char		checksum[16];

	snprintf(checksum, sizeof(checksum), "%lu", (unsigned long) crc32_z(0, data, size));
	REQUIRE(read_as_answer(checksum, data, size) == read_as_page(checksum, data, size));
	return 0;
}
