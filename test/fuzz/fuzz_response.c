/*
 * fuzz_response: any bytes as the body of a 200, read as any answer is and as a page of a Query is: its counts and
 * capacity, its items' attributes, and the key that the next request begins after, which has to leave as it came.
 */
#include "fuzz.h"

#include <zlib.h>

#include "dynamodb/attribute.h"
#include "dynamodb/intake.h"
#include "dynamodb/response.h"

static const char *const names[] = {"aggregateId", "version", "commitId", "committedAt", "events", "active"};

static void
read_item(const cJSON *item)
{
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
	write_start_key(json_member(response, "LastEvaluatedKey"));
}

static void
read_answer(const Intake *intake)
{
	const cJSON *items = json_member(answer_root(intake->response), "Items");

	read_response(answer_root(intake->response));
	for (const cJSON *item = cJSON_IsArray(items) ? items->child : NULL; item != NULL; item = item->next)
		read_item(item);
}

static void
read_page(const Intake *intake)
{
	const cJSON *item;

	read_response(page_root(intake->page));
	for (int64_t i = 0; i < page_count(intake->page) && (item = page_next_item(intake->page)) != NULL; i++)
		read_item(item);
}

static void
check(const IntakeRules *rules, const uint8_t *data, size_t size, void (*read) (const Intake *intake))
{
	HttpAnswer	answer = {.status = 200};
	Intake		intake = {0};
	Failure		failure = {0};
	StepResult	result;

	buffer_append(&answer.body, data, size);
	snprintf(answer.crc32, sizeof(answer.crc32), "%lu", (unsigned long) crc32_z(0, data, size));
	while ((result = intake_step(&intake, rules, &answer, &failure)) == STEP_PENDING)
		;
	REQUIRE((result == STEP_FAILED) == (failure.kind == FAILURE_BAD_ANSWER));
	if (result == STEP_DONE)
		read(&intake);
	intake_reset(&intake);
	buffer_free(&answer.body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const IntakeRules as_answer = {.max_bytes = 1 << 26};
	static const IntakeRules as_page = {.max_bytes = 1 << 26, .expects_page = true};

	check(&as_answer, data, size, read_answer);
	check(&as_page, data, size, read_page);
	return 0;
}
