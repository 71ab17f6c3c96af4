/*
 * response: did DynamoDB answer, and what does its answer mean? See response.h.
 *
 * Proxies, load balancers and wrong endpoints answer too. Their text is never repeated: it may hold anything.
 * DynamoDB's is, but for what may be a secret.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE				/* memmem */
#endif
#include "dynamodb/response.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb/json.h"

/* Characters. A secret access key has 40, a signature 64, a session token hundreds. */
#define SHORTEST_SECRET 40

/* Of a text of DynamoDB's; a Failure holds less. */
#define MAX_WORDS 1024

/* How often the request is looked through for what may be a secret; a resource has two names. */
#define MOST_LOOKS 32

typedef struct ErrorCode
{
	const char *code;
	FailureKind kind;
} ErrorCode;

static const ErrorCode error_codes[] = {
	{"ResourceNotFoundException", FAILURE_NOT_FOUND},
	{"ResourceInUseException", FAILURE_EXISTS},
	{"ConditionalCheckFailedException", FAILURE_CONDITION},
	{"TransactionConflictException", FAILURE_CONFLICT},
	{"ItemCollectionSizeLimitExceededException", FAILURE_TOO_LARGE},
	{"AccessDeniedException", FAILURE_ACCESS_DENIED},

	{"UnrecognizedClientException", FAILURE_CREDENTIALS},
	{"InvalidSignatureException", FAILURE_CREDENTIALS},
	{"MissingAuthenticationTokenException", FAILURE_CREDENTIALS},
	{"MissingAuthenticationToken", FAILURE_CREDENTIALS},
	{"IncompleteSignatureException", FAILURE_CREDENTIALS},
	{"IncompleteSignature", FAILURE_CREDENTIALS},
	{"ExpiredTokenException", FAILURE_EXPIRED},
	{"ExpiredToken", FAILURE_EXPIRED},
	{"InvalidClientTokenId", FAILURE_CREDENTIALS},
	{"SignatureDoesNotMatch", FAILURE_CREDENTIALS},
	{"AuthFailure", FAILURE_CREDENTIALS},
	{"RequestTimeTooSkewed", FAILURE_CREDENTIALS},
	{"RequestExpired", FAILURE_CREDENTIALS},

	/* The AWS SDKs' list. */
	{"Throttling", FAILURE_THROTTLED},
	{"ThrottlingException", FAILURE_THROTTLED},
	{"ThrottledException", FAILURE_THROTTLED},
	{"RequestThrottled", FAILURE_THROTTLED},
	{"RequestThrottledException", FAILURE_THROTTLED},
	{"TooManyRequestsException", FAILURE_THROTTLED},
	{"ProvisionedThroughputExceededException", FAILURE_THROTTLED},
	{"TransactionInProgressException", FAILURE_THROTTLED},
	{"RequestLimitExceeded", FAILURE_THROTTLED},
	{"BandwidthLimitExceeded", FAILURE_THROTTLED},
	{"LimitExceededException", FAILURE_THROTTLED},
	{"SlowDown", FAILURE_THROTTLED},
	{"PriorRequestNotComplete", FAILURE_THROTTLED},
	{"EC2ThrottledException", FAILURE_THROTTLED},
};

static bool
contains(const char *text, const char *words)
{
	return strstr(text, words) != NULL;
}

/* A ValidationException's kind is in its words only. */
static FailureKind
validation_error_kind(const char *message)
{
	if (contains(message, "does not have the specified index"))
		return FAILURE_NOT_FOUND;
	/* "Item size has exceeded the maximum allowed size", "Size of hashkey has exceeded the maximum size limit of…" */
	if (contains(message, "exceeded the maximum allowed size") || contains(message, "exceeded the maximum size limit") ||
		contains(message, "exceeded the size limit"))
		return FAILURE_TOO_LARGE;
	return FAILURE_OTHER;
}

/*
 * What cancelled a transaction. A failed condition settles it, whatever became of the other actions; what passes may
 * be tried again only where nothing else stood in the way.
 */
static FailureKind
cancellation_kind(const cJSON *reasons)
{
	FailureKind kind = FAILURE_NONE;
	const cJSON *reason;

	cJSON_ArrayForEach(reason, reasons)
	{
		const char *code = json_member_text(reason, "Code");

		if (code == NULL || strcmp(code, "None") == 0)
			continue;
		if (strcmp(code, "ConditionalCheckFailed") == 0)
			return FAILURE_CONDITION;
		if (strcmp(code, "ThrottlingError") == 0 || strcmp(code, "ProvisionedThroughputExceeded") == 0)
			kind = kind == FAILURE_OTHER ? kind : FAILURE_THROTTLED;
		else if (strcmp(code, "TransactionConflict") == 0)
			kind = kind == FAILURE_NONE ? FAILURE_CONFLICT : kind;
		else
			kind = FAILURE_OTHER;
	}
	return kind == FAILURE_NONE ? FAILURE_OTHER : kind;
}

FailureKind
response_error_kind(const char *code, const char *message)
{
	for (size_t i = 0; i < sizeof(error_codes) / sizeof(error_codes[0]); i++)
		if (strcmp(error_codes[i].code, code) == 0)
			return error_codes[i].kind;
	if (strcmp(code, "ValidationException") == 0)
		return validation_error_kind(message ? message : "");
	return FAILURE_OTHER;
}

/* Kept escapes (json.h) become question marks, so that the text is UTF-8. In place. */
static void
make_plain(char *text)
{
	char	   *out = text;

	for (; *text != '\0'; text++)
	{
		if ((unsigned char) *text == 0xFF && strnlen(text, 5) == 5)
		{
			*out++ = '?';
			text += 4;
		}
		else
			*out++ = *text;
	}
	*out = '\0';
}

static bool
is_base64_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' || c == '/' || c == '=';
}

/* What was sent, and how often it may yet be looked through: an answer must not take more time than it has bytes. */
typedef struct Asked
{
	const ByteBuffer *request;
	int			looks;
} Asked;

/* Is the text in the request's body? */
static bool
was_asked(Asked *asked, const char *text, size_t length)
{
	const ByteBuffer *request = asked->request;

	return request != NULL && request->data != NULL && length > 0 && asked->looks-- > 0
		&& memmem(request->data, request->length, text, length) != NULL;
}

/* And between quotes there? */
static bool
was_asked_as_name(Asked *asked, const char *text, size_t length)
{
	char		quoted[MAX_WORDS + 2];

	if (length > MAX_WORDS)
		return false;
	quoted[0] = quoted[length + 1] = '"';
	memcpy(quoted + 1, text, length);
	return was_asked(asked, quoted, length + 2);
}

/*
 * Nothing but what the request's own body has, which holds no secret: a value, or a resource such as
 * "table/NAME/index/NAME".
 */
static bool
is_known(Asked *asked, const char *run, size_t length)
{
	const char *end = run + length;

	if (was_asked(asked, run, length))
		return true;
	while (run <= end)
	{
		const char *slash = memchr(run, '/', (size_t) (end - run));
		size_t		part = (size_t) ((slash != NULL ? slash : end) - run);

		bool		word = part == 5 && (memcmp(run, "table", 5) == 0 || memcmp(run, "index", 5) == 0);

		if (!word && (part == 0 || !was_asked_as_name(asked, run, part)))
			return false;
		run += part + 1;
	}
	return true;
}

/* Cut at a character, where nobody would read on. */
static void
cut_words(char *text)
{
	size_t		length = strcspn(text, "\r\n");

	if (length > MAX_WORDS)
	{
		length = MAX_WORDS;
		while (length > 0 && ((unsigned char) text[length] & 0xC0) == 0x80)
			length--;
	}
	text[length] = '\0';
}

/*
 * An answer to a wrong signature repeats what was signed, session token included, from the second line on; one to a
 * wrong header repeats that in the first. So only the first line is kept, and of it nothing that is as long as a
 * secret key, a signature or a token can be, and looks like one, unless the request's body has it. In place.
 */
static void
hold_secrets_back(char *text, Asked *asked)
{
	char	   *out = text;

	cut_words(text);
	while (*text != '\0')
	{
		size_t		run = 0;

		while (is_base64_digit(text[run]))
			run++;
		if (run >= SHORTEST_SECRET && !is_known(asked, text, run))
		{
			memcpy(out, "...", 3);
			out += 3;
			text += run;
			continue;
		}
		run = run > 0 ? run : 1;
		memmove(out, text, run);
		out += run;
		text += run;
	}
	*out = '\0';
}

/* DynamoDB's codes are words. What is not, or has digits and is as long as a secret, is not repeated. */
static bool
is_code(const char *text)
{
	bool		has_digits = false;
	size_t		length = 0;

	for (; text[length] != '\0'; length++)
	{
		char		c = text[length];
		bool		digit = c >= '0' && c <= '9';

		if (!digit && c != '.' && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			return false;
		has_digits = has_digits || digit;
	}
	return length < SHORTEST_SECRET || !has_digits;
}

/*
 * Which limit of which table or index a throttled request has met: "reason (resource)", one after the other. It says
 * what to raise, which the message does not.
 */
static void
describe_throttling(cJSON *error, Asked *asked, ByteBuffer *out)
{
	const cJSON *reasons = json_member(error, "ThrottlingReasons");
	const cJSON *element;

	if (reasons == NULL)
		reasons = json_member(error, "throttlingReasons");
	cJSON_ArrayForEach(element, reasons)
	{
		char	   *reason = cJSON_GetStringValue((cJSON *) json_member(element, "reason"));
		char	   *resource = cJSON_GetStringValue((cJSON *) json_member(element, "resource"));

		if (out->length > MAX_WORDS)
			break;
		if (reason == NULL)
			continue;
		buffer_puts(out, out->length > 0 ? ", " : " Reasons: ");
		for (int i = 0; i < 2 && (i == 0 || resource != NULL); i++)
		{
			char	   *text = i == 0 ? reason : resource;

			make_plain(text);
			hold_secrets_back(text, asked);
			buffer_printf(out, i == 0 ? "%s" : " (%s)", text);
		}
	}
}

/*
 * The code alone: what is before '#' is the service's name, what is behind ':' an address. DynamoDB itself writes the
 * first of the two, some gateways both. In place.
 */
static const char *
code_of_type(char *type)
{
	const char *hash;

	type[strcspn(type, ":")] = '\0';
	hash = strrchr(type, '#');
	return hash != NULL ? hash + 1 : type;
}

/* A "code" may be anybody's: it counts where the word is one that AWS would use. */
static bool
is_known_code(const char *code)
{
	static const char suffix[] = "Exception";
	size_t		length = strlen(code);

	if (!is_code(code))
		return false;
	for (size_t i = 0; i < sizeof(error_codes) / sizeof(error_codes[0]); i++)
		if (strcmp(error_codes[i].code, code) == 0)
			return true;
	return length >= sizeof(suffix) && strcmp(code + length - (sizeof(suffix) - 1), suffix) == 0;
}

/*
 * The error's code. Services that speak as DynamoDB does have it in different places: in the body as "__type" or "code", or in
 * a header. NULL where there is none; empty where the text there is no code.
 */
static const char *
find_code(cJSON *error, char *header_type)
{
	char	   *type = cJSON_GetStringValue((cJSON *) json_member(error, "__type"));
	char	   *named = cJSON_GetStringValue((cJSON *) json_member(error, "code"));
	const char *code;

	if (!cJSON_IsObject(error))
		return NULL;
	if (type != NULL)
	{
		make_plain(type);
		code = code_of_type(type);
		return is_code(code) ? code : "";
	}
	code = code_of_type(header_type);
	if (code[0] != '\0' && is_code(code))
		return code;
	if (named == NULL)
		return NULL;
	make_plain(named);
	code = code_of_type(named);
	return is_known_code(code) ? code : NULL;
}

/* Fills *failure from an error of DynamoDB's; false when it is none. */
static bool
read_error(cJSON *error, const char *error_type, const ByteBuffer *request, Failure *failure)
{
	char		header_type[128];
	char	   *message = cJSON_GetStringValue((cJSON *) json_member(error, "message"));
	const char *code;
	ByteBuffer	reasons = {0};
	Asked		asked = {.request = request, .looks = MOST_LOOKS};

	snprintf(header_type, sizeof(header_type), "%s", error_type != NULL ? error_type : "");
	code = find_code(error, header_type);
	if (code == NULL)
		return false;
	if (message == NULL)
		message = cJSON_GetStringValue((cJSON *) json_member(error, "Message"));
	if (message != NULL)
	{
		make_plain(message);
		hold_secrets_back(message, &asked);
	}
	failure_set(failure, response_error_kind(code, message), code, "%s", message ? message : "");
	if (strcmp(failure->code, "TransactionCanceledException") == 0)
		failure->kind = cancellation_kind(json_member(error, "CancellationReasons"));
	if (failure->kind == FAILURE_THROTTLED)
		describe_throttling(error, &asked, &reasons);
	if (reasons.length > 0 && !reasons.failed)
		failure_set(failure, failure->kind, code, "%s%s", failure->message, reasons.data);
	buffer_free(&reasons);
	return true;
}

bool
response_checksum_is(const char *crc32, uint32_t actual, Failure *failure)
{
	char	   *end;
	unsigned long value = strtoul(crc32, &end, 10);

	if (crc32[0] >= '0' && crc32[0] <= '9' && *end == '\0' && value == actual)
		return true;
	failure_set(failure, FAILURE_DAMAGED, NULL, "The answer does not match its checksum.");
	return false;
}

/* Only errno tells whether memory ran out, which is no reason to send the request again. */
void
response_report_unparsed(int status, Failure *failure)
{
	if (errno == ENOMEM)
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
	else if (status == 200)
		failure_set(failure, FAILURE_BAD_ANSWER, NULL, "The answer is not one of DynamoDB's.");
	else
		/* Whoever says so, and however, has asked for patience. */
		failure_set(failure, status == 429 ? FAILURE_THROTTLED : FAILURE_BAD_ANSWER, NULL, "HTTP status %d", status);
}

Answer *
response_parse(int status, const char *error_type, ByteBuffer *body, const ByteBuffer *request, Failure *failure,
			   Answer **error)
{
	size_t		length = body->length;
	Answer	   *answer;

	*error = NULL;
	errno = 0;
	answer = answer_parse(buffer_detach(body), length);
	if (status == 200 && cJSON_IsObject(answer_root(answer)))
		return answer;
	if (status != 200 && read_error(answer_root(answer), error_type, request, failure))
		*error = answer;
	else
		response_report_unparsed(status, failure);
	failure->http_status = status;
	if (*error == NULL)
		answer_free(answer);
	return NULL;
}

static double
capacity_of(const cJSON *consumed)
{
	const cJSON *units = json_member(consumed, "CapacityUnits");

	/* 1e999 is JSON as well, and would make every sum infinite. */
	return cJSON_IsNumber(units) && units->valuedouble >= 0 && units->valuedouble < 1e12 ? units->valuedouble : 0;
}

double
response_capacity_units(const cJSON *response)
{
	const cJSON *consumed = json_member(response, "ConsumedCapacity");
	double		sum = 0;

	if (!cJSON_IsArray(consumed))
		return capacity_of(consumed);
	for (const cJSON *element = consumed->child; element != NULL; element = element->next)
		sum += capacity_of(element);
	return sum;
}

bool
response_left_out_keys(const cJSON *response)
{
	const cJSON *tables = json_member(response, "UnprocessedKeys");

	return cJSON_IsObject(tables) && tables->child != NULL;
}

int64_t
response_count(const cJSON *response)
{
	return json_member_count(response, "Count");
}

int64_t
response_scanned_count(const cJSON *response)
{
	return json_member_count(response, "ScannedCount");
}
