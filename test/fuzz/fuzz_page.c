/*
 * fuzz_page: any bytes as a page, and as an answer, beside the same bytes by way of cJSON. All are refused, or all are one
 * tree: the same names and texts, kept escapes included, and the same numbers. What a page or an answer alone refuses is
 * longer, or made of more pieces, than DynamoDB's.
 */
#include "fuzz.h"

#include "../unit/same.h"
#include "dynamodb/answer.h"
#include "dynamodb/page.h"

static char *
text_of(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);

	REQUIRE(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

static bool
is_list_of_objects(const cJSON *items)
{
	for (const cJSON *item = items->child; item != NULL; item = item->next)
		if (!cJSON_IsObject(item))
			return false;
	return cJSON_IsArray(items);
}

/* The page's items, each of which must be the list's; false where one is malformed. */
static bool
check_items(ItemPage *page, const cJSON *items)
{
	const cJSON *expected = items != NULL ? items->child : NULL;

	for (int64_t i = 0; i < page_count(page); i++)
	{
		const cJSON *item = page_next_item(page);

		if (item == NULL || !documents_are_json(item))
			return false;
		if (items != NULL)
			REQUIRE(expected != NULL && is_same(item, expected));
		expected = expected != NULL ? expected->next : NULL;
	}
	REQUIRE(expected == NULL);
	return true;
}

static void
check_page(const uint8_t *data, size_t size)
{
	ItemPage   *page = page_new(text_of(data, size), size);
	cJSON	   *json = fuzz_parse(data, size);
	const cJSON *first = cJSON_IsObject(json) ? json_member(json, "Items") : NULL;
	cJSON	   *items = cJSON_IsArray(first) ? cJSON_DetachItemViaPointer(json, (cJSON *) first) : NULL;
	StepResult	result;

	REQUIRE(page != NULL);
	while ((result = page_step(page)) == STEP_PENDING)
		;
	if (result == STEP_DONE && (page_count(page) >= 0) == (items != NULL) && check_items(page, items))
	{
		if (json != NULL)
			REQUIRE(is_same(page_root(page), json));
		else
			REQUIRE(!documents_are_json(page_root(page)));
	}
	else if (cJSON_IsObject(json) && items != NULL && is_list_of_objects(items))
		REQUIRE(size > 2048);	/* it may have more nodes than an item or an envelope */
	page_free(page);
	cJSON_Delete(items);
	cJSON_Delete(json);
}

static void
check_answer(const uint8_t *data, size_t size)
{
	Answer	   *answer = answer_parse(text_of(data, size), size);
	cJSON	   *json = fuzz_parse(data, size);

	if (answer != NULL && documents_are_json(answer_root(answer)))
		REQUIRE(json != NULL && is_same(answer_root(answer), json));
	else
		REQUIRE(json == NULL || size > 16384);
	answer_free(answer);
	cJSON_Delete(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_page(data, size);
	check_answer(data, size);
	return 0;
}
