/*
 * intake: makes an answer of the bytes that have arrived: checks their checksum, unpacks them, parses the JSON.
 *
 * An answer may be long. So it is worked on in slices of a few milliseconds, between which the caller can look after other
 * things, such as an interrupt. Whatever is longer than DynamoDB's own is refused, unread.
 */
#ifndef DYNAMODB_ES_INTAKE_H
#define DYNAMODB_ES_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/http.h"
#include "base/buffer.h"
#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/answer.h"
#include "dynamodb/decoder.h"
#include "dynamodb/page.h"

/* The longest answer that is no page, and the longest error that carries no item. */
#define MOST_ERROR_BYTES (64 * 1024)
#define MOST_ANSWER_BYTES (16 * 1024 * 1024)

typedef struct IntakeRules
{
	bool		expects_page;	/* of items */
	bool		errors_have_items;	/* an error may carry the items that stand in the way */
	bool		accepts_gzip;	/* it was asked for */
	size_t		max_bytes;		/* once unpacked, too */
	const ByteBuffer *request;	/* the body that was sent: what is in there is no secret */
} IntakeRules;

typedef enum IntakePhase
{
	INTAKE_CHECK,
	INTAKE_DECODE,
	INTAKE_PARSE
} IntakePhase;

/* All zeroes: nothing was done yet. */
typedef struct Intake
{
	IntakePhase phase;
	size_t		received;		/* bytes of the body as it came */
	size_t		checked;		/* bytes that are in the checksum */
	uint32_t	checksum;
	Decoder    *decoder;
	ItemPage   *page;			/* after DONE, the answer, where it is one; otherwise: */
	Answer	   *response;
	Answer	   *error;			/* after FAILED, where it is an error of DynamoDB's */
} Intake;

/*
 * Goes on with an answer, whose body it may take. PENDING: there is more to do, at once. DONE and FAILED: see above;
 * what is there is the caller's, if it takes it out. FAILED with *failure filled in.
 */
extern StepResult intake_step(Intake *intake, const IntakeRules *rules, HttpAnswer *answer, Failure *failure);

/* Frees everything; it is all zeroes again. */
extern void intake_reset(Intake *intake);

#endif
