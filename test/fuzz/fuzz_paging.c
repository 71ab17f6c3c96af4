/*
 * fuzz_paging: any bytes as the answers of a paged read, one in each line: each that leads on has a key that DynamoDB
 * could have sent, which goes back as it came, and none leads twice to the same place within a cycle that repeats.
 */
#include "fuzz.h"

#include "dynamodb/attribute.h"
#include "dynamodb/paging.h"

#define MOST_ROUNDS 4

/* A copy reads as the same key, of one to four strings, numbers or bytes. */
static void
check_key(const cJSON *key)
{
	ByteBuffer	text = {0};
	ByteBuffer	again = {0};
	cJSON	   *copy;
	size_t		count = 0;

	for (const cJSON *member = key->child; member != NULL; member = member->next, count++)
	{
		AttributeType type = attribute_get(key, member->string).type;

		REQUIRE(type == ATTRIBUTE_S || type == ATTRIBUTE_N || type == ATTRIBUTE_B);
		REQUIRE(json_member(key, member->string) == member);
	}
	REQUIRE(count >= 1 && count <= 4);
	json_write_value(&text, key);
	REQUIRE(!text.failed && text.length < 100000);
	copy = fuzz_parse(text.data, text.length);
	REQUIRE(copy != NULL);
	json_write_value(&again, copy);
	REQUIRE(again.length == text.length && memcmp(again.data, text.data, text.length) == 0);
	cJSON_Delete(copy);
	buffer_free(&text);
	buffer_free(&again);
}

/* Follows the answers of one round; false where one of them is the end, or is refused. */
static bool
follow(PagingTrail *trail, cJSON **key, const char *at, const char *end, size_t *pages)
{
	while (at < end)
	{
		const char *line = memchr(at, '\n', (size_t) (end - at));
		size_t		length = (size_t) ((line != NULL ? line : end) - at);
		cJSON	   *answer = fuzz_parse(at, length);
		PagingResult result = paging_next_key(trail, answer, key);

		cJSON_Delete(answer);
		REQUIRE(result != PAGING_MEMORY);
		REQUIRE((*key != NULL) == (result == PAGING_MORE));
		if (result != PAGING_MORE)
			return false;
		check_key(*key);
		++*pages;
		at += length + 1;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	PagingTrail trail = {0};
	cJSON	   *key = NULL;
	size_t		pages = 0;
	bool		goes_on = true;

	/* The same answers over and over are a cycle, and must end as one. */
	for (int round = 0; round < MOST_ROUNDS && goes_on; round++)
		goes_on = follow(&trail, &key, (const char *) data, (const char *) data + size, &pages);
	REQUIRE(!goes_on || pages == 0);
	cJSON_Delete(key);
	paging_free(&trail);
	return 0;
}
