/*
 * script.c: aws/http without a network; see script.h.
 */
#include "script.h"

#include <errno.h>
#include <time.h>

#include "aws/http.h"

#define MAX_REQUESTS 2000
#define MOST_TEXT (8 * 1024 * 1024)
#define BEGIN_MS 1000000
#define EPOCH_MS ((int64_t) SCRIPT_EPOCH_MS)
#define NEVER INT64_MAX

struct HttpTransfer
{
	HttpClient *client;
	HttpTransfer *next;			/* of the client's, while it is on the way */
	Exchange	exchange;
	ByteBuffer	served;			/* the answer of a responder */
	int64_t		due;
	StepResult	state;
	HttpAnswer	answer;
	Failure		failure;
};

struct HttpClient
{
	HttpTransfer *on_the_way;
	int64_t		wake_at;
	int			in_flight;
};

typedef struct Sent
{
	const char *body;
	const char *headers;
} Sent;

static const Exchange *exchanges;
static size_t nexchanges;
static bool used[MAX_REQUESTS];
static Responder responder;		/* instead of exchanges; or NULL */
static void *store;
static Sent sent[MAX_REQUESTS];
static size_t nsent;
static int	most_in_flight;
static char texts[MOST_TEXT];	/* what was sent; no allocation that a test could make fail */
static size_t text_length;
static int64_t now;

extern int	__wrap_clock_gettime(clockid_t clock, struct timespec *time);

/* The machine's clock goes as the script's. */
int
__wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	int64_t		ms = EPOCH_MS + now - BEGIN_MS;

	time->tv_sec = ms / 1000;
	time->tv_nsec = ms % 1000 * 1000000;
	return 0;
}

void
script_begin_serving(Responder serve, void *what)
{
	script_begin(NULL, 0);
	responder = serve;
	store = what;
}

void
script_begin(const Exchange *script, size_t count)
{
	assert_true(count <= MAX_REQUESTS);
	responder = NULL;
	exchanges = script;
	nexchanges = count;
	memset(used, 0, sizeof(used));
	nsent = 0;
	most_in_flight = 0;
	text_length = 0;
	now = BEGIN_MS;
}

size_t
script_length(const Exchange *array, size_t most)
{
	size_t		count = 0;

	while (count < most && array[count].operation != NULL)
		count++;
	return count;
}

void
script_end(void)
{
	for (size_t i = 0; i < nexchanges; i++)
		if (!used[i])
			fail_msg("no request was made for exchange %zu: %s %s", i, exchanges[i].operation,
					 exchanges[i].contains != NULL ? exchanges[i].contains : "");
}

Client *
script_client(int max_attempts, int max_connections)
{
	static const Credentials keys = {.access_key_id = "AKIDEXAMPLE", .secret_access_key = "secret"};
	const Identity identity = {.keys = &keys};
	const ClientSettings settings = {
		.endpoint = "http://script.invalid", .region = "us-east-1", .max_attempts = max_attempts,
		.http = {.max_connections = max_connections, .max_response_bytes = 64 * 1024 * 1024},
	};
	Failure		failure;

	return client_new(&settings, &identity, &failure);
}

bool
script_used(size_t exchange)
{
	return used[exchange];
}

size_t
script_requests(void)
{
	return nsent;
}

const char *
script_body(size_t request)
{
	assert_true(request < nsent);
	return sent[request].body;
}

const char *
script_headers(size_t request)
{
	assert_true(request < nsent);
	return sent[request].headers;
}

int
script_most_in_flight(void)
{
	return most_in_flight;
}

static const char *
keep_text(const char *text, size_t length)
{
	char	   *kept = texts + text_length;

	assert_true(text_length + length + 1 <= MOST_TEXT);
	memcpy(kept, text, length);
	kept[length] = '\0';
	text_length += length + 1;
	return kept;
}

/* What is served may be too much to keep: then what was sent first is forgotten. */
static void
keep_request(const HttpRequest *request)
{
	if (responder != NULL && (nsent == MAX_REQUESTS || text_length > MOST_TEXT / 2))
		nsent = text_length = 0;
	assert_true(nsent < MAX_REQUESTS);
	sent[nsent].headers = texts + text_length;
	for (size_t i = 0; i < request->nheaders; i++)
	{
		keep_text(request->headers[i], strlen(request->headers[i]));
		texts[text_length - 1] = '\n';
	}
	texts[text_length++] = '\0';
	sent[nsent].body = keep_text(request->body_length > 0 ? request->body : "", request->body_length);
	nsent++;
}

static const char *
operation_of(const HttpRequest *request)
{
	static const char target[] = "X-Amz-Target: DynamoDB_20120810.";

	for (size_t i = 0; i < request->nheaders; i++)
		if (strncmp(request->headers[i], target, strlen(target)) == 0)
			return request->headers[i] + strlen(target);
	fail_msg("a request without a target");
	return NULL;
}

/* What is not in the script may be asked all the same where memory ran out, and another way was taken. */
static const Exchange off_script = {.fault = FAULT_LOST};

static const Exchange *
exchange_for(const char *operation, const char *body)
{
	for (size_t i = 0; i < nexchanges; i++)
		if (!used[i] && strcmp(exchanges[i].operation, operation) == 0
			&& (exchanges[i].contains == NULL || strstr(body, exchanges[i].contains) != NULL))
		{
			used[i] = true;
			return &exchanges[i];
		}
	if (!memory_has_failed())
		fail_msg("a request that is not in the script: %s %s", operation, body);
	return &off_script;
}

/* The answer has come, or is known not to come. */
static void
arrive(HttpTransfer *transfer)
{
	const Exchange *exchange = &transfer->exchange;
	HttpAnswer *answer = &transfer->answer;

	transfer->client->in_flight--;
	transfer->state = STEP_FAILED;
	if (exchange->fault != FAULT_NONE)
	{
		failure_set(&transfer->failure, FAILURE_UNREACHABLE, NULL, "the script says so");
		return;
	}
	answer->status = exchange->status != 0 ? exchange->status : 200;
	if (transfer->served.length > 0)
		buffer_append(&answer->body, transfer->served.data, transfer->served.length);
	else
		buffer_puts(&answer->body, exchange->answer != NULL ? exchange->answer : "{}");
	answer->date_ms = exchange->date_ms != 0 ? exchange->date_ms : -1;
	answer->received_ms = EPOCH_MS + now - BEGIN_MS;
	answer->took_us = exchange->after_ms * INT64_C(1000);
	answer->has_request_id = !exchange->foreign;
	snprintf(answer->error_type, sizeof(answer->error_type), "%s", exchange->error_type != NULL ? exchange->error_type : "");
	snprintf(answer->encoding, sizeof(answer->encoding), "%s", exchange->encoding != NULL ? exchange->encoding : "");
	snprintf(answer->crc32, sizeof(answer->crc32), "%s", exchange->crc32 != NULL ? exchange->crc32 : "");
	if (answer->body.failed || transfer->served.failed)
		failure_set(&transfer->failure, FAILURE_MEMORY, NULL, "out of memory");
	else
		transfer->state = STEP_DONE;
}

/* Puts it at the end of the client's list. */
static void
link_transfer(HttpTransfer *transfer)
{
	HttpTransfer **link = &transfer->client->on_the_way;

	while (*link != NULL)
		link = &(*link)->next;
	*link = transfer;
}

/* Takes it off that list. */
static void
unlink_transfer(HttpTransfer *transfer)
{
	for (HttpTransfer **link = &transfer->client->on_the_way; *link != NULL; link = &(*link)->next)
		if (*link == transfer)
		{
			*link = transfer->next;
			return;
		}
}

static void
deliver(HttpClient *client)
{
	HttpTransfer *next;

	for (HttpTransfer *transfer = client->on_the_way; transfer != NULL; transfer = next)
	{
		next = transfer->next;
		if (transfer->due > now)
			continue;
		unlink_transfer(transfer);
		arrive(transfer);
	}
	if (client->wake_at <= now)
		client->wake_at = NEVER;
}

static HttpClient *only_client;

void
script_wait(Client *client)
{
	int64_t		next = only_client->wake_at;

	for (const HttpTransfer *transfer = only_client->on_the_way; transfer != NULL; transfer = transfer->next)
		if (transfer->due < next)
			next = transfer->due;
	if (next == NEVER)
		fail_msg("it waits, and nothing is on the way");
	if (next > now)
		now = next;
	client_pump(client);
}

HttpClient *
http_client_new(const HttpSettings *settings, Failure *failure)
{
	HttpClient *client = calloc(1, sizeof(HttpClient));

	if (client == NULL)
	{
		failure_set(failure, FAILURE_MEMORY, NULL, "out of memory");
		return NULL;
	}
	client->wake_at = NEVER;
	only_client = client;
	return client;
}

void
http_client_free(HttpClient *client)
{
	assert_true(client == NULL || client->on_the_way == NULL);
	free(client);
}

int
http_client_fd(const HttpClient *client)
{
	return -1;
}

bool
http_client_await(HttpClient *client)
{
	return true;
}

void
http_client_pump(HttpClient *client)
{
	deliver(client);
}

void
http_client_poll(HttpClient *client)
{
	deliver(client);
}

void
http_client_wake_at(HttpClient *client, int64_t when)
{
	if (when < client->wake_at)
		client->wake_at = when;
}

/* No program runs here. */
bool
http_client_watch(HttpClient *client, int fd)
{
	errno = ENOSYS;
	return false;
}

void
http_client_unwatch(HttpClient *client, int fd)
{
}

void
http_client_distrust(HttpClient *client)
{
}

void
http_client_limit_connections(HttpClient *client, int most)
{
}

int64_t
http_now_ms(void)
{
	return now;
}

int
http_client_in_flight(const HttpClient *client)
{
	return client->in_flight;
}

int
http_client_idle_connections(const HttpClient *client)
{
	return 0;
}

HttpTransfer *
http_send(HttpClient *client, const HttpRequest *request)
{
	HttpTransfer *transfer = calloc(1, sizeof(HttpTransfer));

	if (transfer == NULL)
		return NULL;
	keep_request(request);
	transfer->client = client;
	if (responder != NULL)
		responder(store, operation_of(request), sent[nsent - 1].body, &transfer->exchange, &transfer->served);
	else
		transfer->exchange = *exchange_for(operation_of(request), sent[nsent - 1].body);
	transfer->due = transfer->exchange.fault == FAULT_SILENT ? NEVER : now + transfer->exchange.after_ms;
	transfer->state = STEP_PENDING;
	transfer->answer.retry_after_ms = -1;
	transfer->answer.took_us = -1;
	transfer->answer.sent_ms = EPOCH_MS + now - BEGIN_MS;
	link_transfer(transfer);
	client->in_flight++;
	most_in_flight = client->in_flight > most_in_flight ? client->in_flight : most_in_flight;
	return transfer;
}

StepResult
http_transfer_step(const HttpTransfer *transfer)
{
	return transfer->state;
}

HttpAnswer *
http_transfer_answer(HttpTransfer *transfer)
{
	return &transfer->answer;
}

const Failure *
http_transfer_failure(const HttpTransfer *transfer)
{
	return &transfer->failure;
}

bool
http_transfer_may_have_arrived(const HttpTransfer *transfer)
{
	return transfer->exchange.fault != FAULT_UNREACHED;
}

void
http_transfer_free(HttpTransfer *transfer)
{
	if (transfer == NULL)
		return;
	if (transfer->state == STEP_PENDING)
	{
		unlink_transfer(transfer);
		transfer->client->in_flight--;
	}
	buffer_free(&transfer->answer.body);
	buffer_free(&transfer->served);
	free(transfer);
}
