/*
 * header.c: how does a header line become a part of the answer?
 */
#include "aws/header.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/clock.h"

#define YEAR_3000 INT64_C(32503680000)
#define HEADER_ROOM 64

/* The value of a header without the blanks around it, cut to fit, if the line is that header. */
static bool
header_value(const char *line, size_t length, const char *name, char *value, size_t room)
{
	size_t		at;
	size_t		kept = 0;

	/* Each line is compared with each name: most differ in the first letter, which has two cases. */
	if (length == 0 || ((line[0] ^ name[0]) & ~('a' ^ 'A')) != 0)
		return false;
	at = strlen(name) + 1;
	if (length < at || line[at - 1] != ':' || strncasecmp(line, name, at - 1) != 0)
		return false;
	while (at < length && (line[at] == ' ' || line[at] == '\t'))
		at++;
	while (length > at && strchr(" \t\r\n", line[length - 1]) != NULL)
		length--;
	while (at < length && kept < room - 1)
		value[kept++] = line[at++];
	value[kept] = '\0';
	return true;
}

/* Likewise its digits alone, where they are all that is of interest. */
static bool
header_digits(const char *line, size_t length, const char *name, char *digits, size_t room)
{
	size_t		kept = 0;

	if (!header_value(line, length, name, digits, room))
		return false;
	for (const char *c = digits; *c != '\0'; c++)
		if (*c >= '0' && *c <= '9')
			digits[kept++] = *c;
	digits[kept] = '\0';
	return true;
}

static void
make_lower(char *text)
{
	for (; *text != '\0'; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text += 'a' - 'A';
}

static void
answer_begins(HttpAnswer *answer)
{
	answer->received_ms = clock_machine_ms();
	answer->crc32[0] = answer->encoding[0] = answer->error_type[0] = '\0';
	answer->retry_after_ms = answer->date_ms = -1;
	answer->has_age = answer->has_request_id = false;
}

int64_t
header_date_ms(const char *text)
{
	time_t		date = curl_getdate(text, NULL);

	/* libcurl reads years that have ten digits. */
	return date < 0 || date >= YEAR_3000 ? -1 : (int64_t) date * 1000;
}

/* Hundreds of answers carry the same second, and reading a date takes longer than all else here. */
static int64_t
date_ms_of_last(const char *text)
{
	static char last[HEADER_ROOM] = "";
	static int64_t last_ms = -1;

	if (strcmp(text, last) != 0)
	{
		last_ms = header_date_ms(text);
		strcpy(last, text);
	}
	return last_ms;
}

void
header_read(HttpAnswer *answer, const char *line, size_t length)
{
	char		value[HEADER_ROOM];
	char	   *error_type = answer->error_type;

	header_digits(line, length, "x-amz-crc32", answer->crc32, sizeof(answer->crc32));
	if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
		answer_begins(answer);
	else if (header_digits(line, length, "x-amz-retry-after", value, 16) && value[0] != '\0')
		answer->retry_after_ms = strtoll(value, NULL, 10);
	else if (header_value(line, length, "Content-Encoding", answer->encoding, sizeof(answer->encoding)))
		make_lower(answer->encoding);
	else if (header_value(line, length, "x-amzn-requestid", value, sizeof(value)))
		answer->has_request_id = value[0] != '\0';
	else if (header_value(line, length, "x-amzn-errortype", error_type, sizeof(answer->error_type)))
		return;
	else if (header_value(line, length, "Age", value, sizeof(value)))
		answer->has_age = true;
	else if (header_value(line, length, "Date", value, sizeof(value)))
		answer->date_ms = date_ms_of_last(value);
}
