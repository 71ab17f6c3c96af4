/*
 * fuzz_page: any bytes as a page, beside the same bytes by way of cJSON. Both are refused, or both are one tree: the
 * same names and texts, kept escapes included, and the same numbers.
 */
#include "fuzz.h"

#include "dynamodb/page.h"

static bool
same_text(const char *text, const char *other)
{
	return text == NULL || other == NULL ? text == other : strcmp(text, other) == 0;
}

static void
require_same(const cJSON *value, const cJSON *other)
{
	REQUIRE(value->type == other->type);
	REQUIRE(same_text(value->string, other->string));
	REQUIRE(same_text(value->valuestring, other->valuestring));
	if (cJSON_IsNumber(value))
		REQUIRE(value->valuedouble == other->valuedouble && value->valueint == other->valueint);
	value = value->child;
	other = other->child;
	for (; value != NULL && other != NULL; value = value->next, other = other->next)
		require_same(value, other);
	REQUIRE(value == NULL && other == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);
	cJSON	   *json = fuzz_parse(data, size);
	ItemPage   *page;

	REQUIRE(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	page = page_parse(text, size);
	REQUIRE((page == NULL) == (json == NULL));
	if (page != NULL)
		require_same(page_root(page), json);
	page_free(page);
	cJSON_Delete(json);
	return 0;
}
