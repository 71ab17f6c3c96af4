/*
 * script: an endpoint for unit tests that answers by a script. It stands in for aws/http: what is above it, from a Call
 * to the operations of store/, runs as it is, over no network and by a clock that goes on only while something waits.
 *
 * A test lists exchanges: which request is expected, and what becomes of it. Each request takes the first one left that
 * fits it. A request that none fits, an exchange that is left at the end, and a wait for nothing fail the test; save
 * where memory was made to run out: then a request that none fits is lost.
 */
#ifndef DYNAMODB_ES_TEST_SCRIPT_H
#define DYNAMODB_ES_TEST_SCRIPT_H

#include "unit.h"

#include "dynamodb/client.h"

typedef enum ExchangeFault
{
	FAULT_NONE,					/* the answer arrives */
	FAULT_UNREACHED,			/* no connection was made: the request certainly did not arrive */
	FAULT_LOST,					/* the connection broke: the request may have arrived */
	FAULT_SILENT				/* nothing is ever heard of it */
} ExchangeFault;

typedef struct Exchange
{
	const char *operation;		/* "PutItem" */
	const char *contains;		/* a part of the request's body; NULL: any body */
	const char *answer;			/* the body of the answer */
	int			status;			/* 0: 200 */
	ExchangeFault fault;
	int			after_ms;		/* the answer, or the fault, comes that long after the request */
	int64_t		date_ms;		/* the Date of the answer, ms since the epoch; 0: none */
	bool		foreign;		/* the answer has no request id: it is not the service's */
	const char *error_type;		/* its x-amzn-errortype; NULL: none */
	const char *encoding;		/* its Content-Encoding; NULL: none */
	const char *crc32;			/* its checksum; NULL: none */
} Exchange;

/* Exchanges: a good answer, an error of DynamoDB's, a fault. The part of the body may be NULL. */
#define ANSWERED(name, part, text) {.operation = name, .contains = part, .answer = text}
#define REFUSED(name, part, code, more) {.operation = name, .contains = part, .status = 400, .answer = ERROR_ANSWER(code, more)}
#define BROKEN(name, part, how) {.operation = name, .contains = part, .fault = how}

/* What the calendar says when a script begins, 2026-02-28T23:59:59Z, and as the text of a number. */
#define SCRIPT_EPOCH_MS 1772323199000
#define SCRIPT_TEXT_OF_(number) #number
#define SCRIPT_TEXT_OF(number) SCRIPT_TEXT_OF_(number)
#define SCRIPT_EPOCH_TEXT SCRIPT_TEXT_OF(SCRIPT_EPOCH_MS)

/* An error answer of DynamoDB's, with more members after its words, such as ",\"Item\":{…}". */
#define ERROR_ANSWER(code, more) "{\"__type\":\"com.amazonaws.dynamodb.v20120810#" code "\",\"message\":\"no\"" more "}"

#define SCRIPT(...) script_begin((const Exchange[]) {__VA_ARGS__}, sizeof((const Exchange[]) {__VA_ARGS__}) / sizeof(Exchange))

/* How many of an array of exchanges are filled in: those before the first without an operation. */
extern size_t script_length(const Exchange *exchanges, size_t most);

#define EXCHANGES_OF(array) script_length(array, sizeof(array) / sizeof((array)[0]))

/* Those of a test's case. */
#define SCRIPT_OF(one) script_begin((one)->exchanges, EXCHANGES_OF((one)->exchanges))

/* The exchanges must outlive the script; their texts, too. The clock begins anew. */
extern void script_begin(const Exchange *exchanges, size_t count);

/* Every exchange must have been used. */
extern void script_end(void);

/*
 * Instead of a list of exchanges, a function that fills in what becomes of a request; its answer goes into *answer,
 * where there is one. The clock begins anew.
 */
typedef void (*Responder) (void *store, const char *operation, const char *body, Exchange *exchange, ByteBuffer *answer);
extern void script_begin_serving(Responder responder, void *store);

/* A client with keys of its own at an endpoint that nobody connects to. NULL when memory ran out. */
extern Client *script_client(int max_attempts, int max_connections);

/* What a backend does while a step is PENDING: time passes until something happens. */
extern void script_wait(Client *client);

/* Has a request taken this exchange, counted from 0? */
extern bool script_used(size_t exchange);

/* The requests so far, and the body and the header lines (each with a newline) of one, from 0. */
extern size_t script_requests(void);
extern const char *script_body(size_t request);
extern const char *script_headers(size_t request);

/* The most requests that were on the way at once. */
extern int	script_most_in_flight(void);

/* Steps an operation to its end. */
#define RUN(client, step) \
	({ \
		StepResult	result_; \
		while ((result_ = (step)) == STEP_PENDING) \
			script_wait(client); \
		result_; \
	})

#endif
