/*
 * intake.c: what is to be done with an answer, and in what order? See intake.h. The checksum is that of the bytes as sent,
 * so it comes before the compression.
 */
#include "dynamodb/intake.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "dynamodb/response.h"

#define CHECK_SLICE (4 * 1024 * 1024)
#define SHORT_BYTES (1024 * 1024)

static bool
is_page(const IntakeRules *rules, const HttpAnswer *answer)
{
	return rules->expects_page && answer->status == 200;
}

static size_t
most_bytes(const IntakeRules *rules, const HttpAnswer *answer)
{
	size_t		most = rules->max_bytes;

	if (!is_page(rules, answer) && most > MOST_ANSWER_BYTES)
		most = MOST_ANSWER_BYTES;
	if (answer->status != 200 && !rules->errors_have_items && most > MOST_ERROR_BYTES)
		most = MOST_ERROR_BYTES;
	return most;
}

/* More than DynamoDB would say, or more than the server's option allows. */
static StepResult
report_too_long(const IntakeRules *rules, const HttpAnswer *answer, Failure *failure)
{
	if (most_bytes(rules, answer) == rules->max_bytes)
		failure_set(failure, FAILURE_TOO_LONG, NULL, "The answer is longer than %zu bytes", rules->max_bytes);
	else
		response_report_unparsed(answer->status, failure);
	return STEP_FAILED;
}

/* Refuses what need not be looked at. */
static bool
is_acceptable(const IntakeRules *rules, const HttpAnswer *answer, Failure *failure)
{
	if (answer->body.length > most_bytes(rules, answer))
	{
		report_too_long(rules, answer, failure);
		return false;
	}
	if (encoding_is_identity(answer->encoding) || (rules->accepts_gzip && strcmp(answer->encoding, "gzip") == 0))
		return true;
	failure_set(failure, FAILURE_BAD_ANSWER, NULL, "The answer has an encoding that was not asked for.");
	return false;
}

/* DONE: nothing is known against the bytes. */
static StepResult
check(Intake *intake, const HttpAnswer *answer, Failure *failure)
{
	size_t		slice = answer->body.length - intake->checked;

	if (answer->crc32[0] == '\0')
		return STEP_DONE;
	if (slice > CHECK_SLICE)
		slice = CHECK_SLICE;
	intake->checksum = (uint32_t) crc32_z(intake->checksum, (const Bytef *) answer->body.data + intake->checked, slice);
	intake->checked += slice;
	if (intake->checked < answer->body.length)
		return STEP_PENDING;
	return response_checksum_is(answer->crc32, intake->checksum, failure) ? STEP_DONE : STEP_FAILED;
}

static StepResult
decode(Intake *intake, const IntakeRules *rules, HttpAnswer *answer, Failure *failure)
{
	StepResult	result;

	if (encoding_is_identity(answer->encoding))
		return STEP_DONE;
	if (intake->decoder == NULL)
		intake->decoder = decoder_new(most_bytes(rules, answer));
	if (intake->decoder == NULL)
	{
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
		return STEP_FAILED;
	}
	result = decoder_step(intake->decoder, &answer->body, failure);
	if (result == STEP_FAILED && failure->kind == FAILURE_TOO_LONG)
		report_too_long(rules, answer, failure);
	if (result == STEP_PENDING)
		return result;
	decoder_free(intake->decoder);
	intake->decoder = NULL;
	return result;
}

static StepResult
parse_page(Intake *intake, HttpAnswer *answer, Failure *failure)
{
	StepResult	result = STEP_FAILED;

	errno = 0;
	if (intake->page == NULL)
	{
		size_t		length = answer->body.length;

		intake->page = page_new(buffer_detach(&answer->body), length);
	}
	if (intake->page != NULL)
		result = page_step(intake->page);
	if (result == STEP_FAILED)
		response_report_unparsed(answer->status, failure);
	return result;
}

static StepResult
parse(Intake *intake, const IntakeRules *rules, HttpAnswer *answer, Failure *failure)
{
	if (is_page(rules, answer))
		return parse_page(intake, answer, failure);
	intake->response = response_parse(answer->status, answer->error_type, &answer->body, rules->request, failure,
									  &intake->error);
	return intake->response != NULL ? STEP_DONE : STEP_FAILED;
}

static StepResult
phase_step(Intake *intake, const IntakeRules *rules, HttpAnswer *answer, Failure *failure)
{
	switch (intake->phase)
	{
		case INTAKE_CHECK:
			intake->received = answer->body.length;
			return is_acceptable(rules, answer, failure) ? check(intake, answer, failure) : STEP_FAILED;
		case INTAKE_DECODE:
			return decode(intake, rules, answer, failure);
		case INTAKE_PARSE:
			break;
	}
	return parse(intake, rules, answer, failure);
}

StepResult
intake_step(Intake *intake, const IntakeRules *rules, HttpAnswer *answer, Failure *failure)
{
	StepResult	result = phase_step(intake, rules, answer, failure);

	/* Most answers are short, and done with in one go. */
	while (result == STEP_DONE && intake->phase != INTAKE_PARSE)
	{
		intake->phase++;
		if (answer->body.length > SHORT_BYTES)
			return STEP_PENDING;
		result = phase_step(intake, rules, answer, failure);
	}
	if (result == STEP_FAILED)
		failure->http_status = answer->status;
	return result;
}

void
intake_reset(Intake *intake)
{
	decoder_free(intake->decoder);
	page_free(intake->page);
	answer_free(intake->response);
	answer_free(intake->error);
	memset(intake, 0, sizeof(*intake));
}
