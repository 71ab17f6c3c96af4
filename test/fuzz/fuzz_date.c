/*
 * fuzz_date: any bytes as the Date of an answer. Whatever it says, what is signed with afterwards is a time that can be
 * written as AWS has it.
 */
#include "fuzz.h"

#include "aws/clock.h"
#include "aws/header.h"
#include "aws/sigv4.h"

#define SENT_MS INT64_C(1700000000000)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);
	char		timestamp[17];
	HttpAnswer	answer = {.sent_ms = SENT_MS, .received_ms = SENT_MS + 10};
	ServerClock clock = {0};

	REQUIRE(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	answer.date_ms = header_date_ms(text);
	REQUIRE(answer.date_ms >= -1);
	clock_observe(&clock, &answer);
	sigv4_timestamp(clock_now(&clock), timestamp);
	REQUIRE(strlen(timestamp) == sizeof(timestamp) - 1);
	free(text);
	return 0;
}
