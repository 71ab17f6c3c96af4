/*
 * fuzz_attribute: every object of a document as an item, every member of it as an attribute. A value that can be
 * written comes back the same; what a json column is shown is JSON. And any bytes as a document.
 */
#include "fuzz.h"

#include "dynamodb/attribute.h"
#include "dynamodb/document.h"

static bool
is_writable(AttributeType type)
{
	return type == ATTRIBUTE_S || type == ATTRIBUTE_N || type == ATTRIBUTE_B || type == ATTRIBUTE_BOOL || type == ATTRIBUTE_NULL;
}

static void
write_and_read(const AttributeValue *value)
{
	ByteBuffer	item = {0};
	AttributeValue again;
	cJSON	   *json;

	buffer_puts(&item, "{\"a\":");
	attribute_write(&item, value);
	buffer_putc(&item, '}');
	REQUIRE(!item.failed);
	json = fuzz_parse(item.data, item.length);
	REQUIRE(json != NULL);
	again = attribute_get(json, "a");
	REQUIRE(again.type == value->type && again.length == value->length && again.boolean == value->boolean);
	REQUIRE(value->text == NULL || memcmp(again.text, value->text, value->length) == 0);
	cJSON_Delete(json);
	buffer_free(&item);
}

static void
check_plain(const ByteBuffer *plain)
{
	char	   *copy = fuzz_copy(plain->data, plain->length);
	const char *rest;
	cJSON	   *json = cJSON_ParseWithLengthOpts(copy, plain->length, &rest, false);

	/* (cJSON reads numbers of 63 characters at most.) */
	REQUIRE(json_text_is_plain(plain->data));
	if (json != NULL)
		REQUIRE(rest == copy + plain->length);
	cJSON_Delete(json);
	free(copy);
}

/* What is shown of a document that is JSON is JSON, and all of it. */
static void
write_document(const uint8_t *data, size_t size)
{
	char	   *text = fuzz_copy(data, size);
	const AttributeValue value = {.type = ATTRIBUTE_M, .text = text, .length = size};
	ByteBuffer	plain = {0};
	cJSON	   *json = fuzz_parse(data, size);

	if (document_write_plain(&plain, &value) && !plain.failed)
	{
		REQUIRE(json != NULL || size > CJSON_NESTING_LIMIT);
		check_plain(&plain);
	}
	REQUIRE(memcmp(text, data, size) == 0);
	cJSON_Delete(json);
	free(text);
	buffer_free(&plain);
}

static void
check_attribute(const cJSON *item, const char *name)
{
	Attribute	attribute = {.name = name, .value = attribute_get(item, name)};
	int64_t		number;

	if (attribute.value.type == ATTRIBUTE_ABSENT || attribute.value.type == ATTRIBUTE_INVALID)
		return;
	if (attribute_to_int64(&attribute.value, &number))
	{
		char		digits[24];
		AttributeValue printed = attribute_int64(number, digits);
		int64_t		again;

		REQUIRE(attribute_to_int64(&printed, &again) && again == number);
	}
	if (is_writable(attribute.value.type))
	{
		REQUIRE(attribute_size(&attribute) <= strlen(name) + attribute.value.length + 3);
		write_and_read(&attribute.value);
	}
}

static void
walk(const cJSON *json)
{
	for (const cJSON *child = json->child; child != NULL; child = child->next)
	{
		if (cJSON_IsObject(json))
			check_attribute(json, child->string);
		walk(child);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON	   *json = fuzz_parse(data, size);

	if (json != NULL)
		walk(json);
	cJSON_Delete(json);
	write_document(data, size);
	return 0;
}
