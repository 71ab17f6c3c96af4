/*
 * floor.c: what do the requests alone cost?
 *
 * The requests of an append or a read are written and signed beforehand, and sent by a bare libcurl multi loop that
 * keeps its connections and looks at nothing in an answer but its status. No client that signs, builds and reads can be
 * faster than that on the same number of connections, but for libcurl's own cost.
 *
 * usage: floor ENDPOINT
 * Each line on stdin is a run, answered by one line of JSON:
 * {"seconds":,"cpu":,"requests":,"failed":,"bytes":}; cpu is this process's, in seconds; bytes are of answers.
 *   put N CONNECTIONS PREFIX            N PutItem of version 0 of as many aggregates, whose ids start with PREFIX
 *   pair N CONNECTIONS PREFIX           N times UpdateItem (ADD 1) and then PutItem, one after the other
 *   bulk N CONNECTIONS PREFIX BATCH     put, with one UpdateItem (ADD BATCH) for each BATCH of them
 *   transact N CONNECTIONS PREFIX BATCH N TransactWriteItems: a counter of their own, and BATCH puts
 *   index N CONNECTIONS SIZE            N Query on the index, for SIZE ids each, one behind the other from 1 on
 *   aggregate N CONNECTIONS SIZE ID     N Query on the table, for SIZE versions each of the aggregate ID, from 0 on
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "aws/sigv4.h"
#include "dynamodb/request.h"
#include "store/commit.h"
#include "store/counter.h"

#define EVENTS "[{\"type\":\"accountCredited\",\"amount\":1234.56,\"currency\":\"EUR\",\"by\":\"john@doe.com\",\"final\":true}]"

typedef struct Prepared
{
	struct curl_slist *headers;
	ByteBuffer	body;
} Prepared;

/* Those of a group go out one after the other on one connection; groups side by side. */
typedef struct Run
{
	Prepared   *requests;
	size_t		count;
	size_t		room;
	size_t		group;
} Run;

typedef struct Lane
{
	CURL	   *easy;
	size_t		next;			/* request of its group */
	size_t		end;
} Lane;

static CURLM *multi;
static const char *url;
static const char *host;
static Credentials credentials;
static SigningKey signing_key;
static size_t bytes_received;

static void
die(const char *what)
{
	fprintf(stderr, "floor: %s\n", what);
	exit(1);
}

static void
header_add(Prepared *prepared, const char *name, const char *value)
{
	ByteBuffer	line = {0};

	buffer_printf(&line, "%s: %s", name, value);
	prepared->headers = curl_slist_append(prepared->headers, line.data);
	buffer_free(&line);
}

/* The headers of the extension's own requests. *body is taken over. */
static void
run_add(Run *run, const char *operation, ByteBuffer *body)
{
	char		timestamp[17];
	char		target[64];
	SigningHeader headers[] = {{"Content-Type", "application/x-amz-json-1.0"}, {"Host", host}, {"X-Amz-Date", timestamp},
	{"X-Amz-Target", target}};
	SigningRequest request = {.method = "POST", .path = "/", .headers = headers, .nheaders = 4, .body = body->data,
	.body_length = body->length, .timestamp = timestamp};
	ByteBuffer	authorization = {0};
	Prepared   *prepared;

	if (run->count == run->room)
	{
		run->room = run->room > 0 ? run->room * 2 : 64;
		run->requests = realloc(run->requests, run->room * sizeof(Prepared));
		if (run->requests == NULL)
			die("out of memory");
	}
	prepared = &run->requests[run->count++];
	prepared->headers = NULL;
	prepared->body = *body;
	memset(body, 0, sizeof(*body));
	sigv4_timestamp(time(NULL), timestamp);
	snprintf(target, sizeof(target), "DynamoDB_20120810.%s", operation);
	for (size_t i = 0; i < 4; i++)
		header_add(prepared, headers[i].name, headers[i].value);
	if (!sigv4_sign(&request, &credentials, "us-east-1", "dynamodb", &signing_key, &authorization))
		die("cannot sign");
	header_add(prepared, "Authorization", authorization.data);
	prepared->headers = curl_slist_append(prepared->headers, "Expect:");
	buffer_free(&authorization);
}

static void
item_write(ByteBuffer *out, const char *prefix, size_t number)
{
	char		id[128];
	Commit		commit = {.aggregate_id = id, .commit_id = (int64_t) number + 1, .committed_at = INT64_C(1700000000000),
	.events = EVENTS, .events_length = strlen(EVENTS)};

	commit.aggregate_id_length = (size_t) snprintf(id, sizeof(id), "%s%zu", prefix, number);
	commit_write_item(&commit, out);
}

static void
add_put(Run *run, const char *prefix, size_t number)
{
	ByteBuffer	item = {0};
	ByteBuffer	body = {0};

	item_write(&item, prefix, number);
	request_put_new(&body, "commits", item.data, COMMIT_AGGREGATE_ID);
	buffer_free(&item);
	run_add(run, "PutItem", &body);
}

static void
add_counter(Run *run, size_t ids)
{
	ByteBuffer	body = {0};

	counter_write_take(&body, &(StoreNames) {.counter_table = "counters", .counter = "commits"}, (int64_t) ids);
	run_add(run, "UpdateItem", &body);
}

static void
add_transaction(Run *run, const char *prefix, size_t number, size_t batch)
{
	char		token[48];
	ByteBuffer	body = {0};

	snprintf(token, sizeof(token), "%.20s-%zu", prefix, number);
	request_transaction_open(&body);
	counter_write_move(&body, &(StoreNames) {.counter_table = "counters", .counter = prefix}, (int64_t) (number * batch), (int64_t) ((number + 1) * batch));
	for (size_t i = 0; i < batch; i++)
	{
		ByteBuffer	item = {0};

		item_write(&item, prefix, number * batch + i);
		request_transaction_put_new(&body, "commits", item.data, COMMIT_AGGREGATE_ID);
		buffer_free(&item);
	}
	request_transaction_close(&body, token);
	run_add(run, "TransactWriteItems", &body);
}

/* A Query for the five attributes of the items between two sort keys. */
static void
add_query(Run *run, const char *aggregate, size_t first, size_t size)
{
	static const char *const attributes[] = {COMMIT_AGGREGATE_ID, COMMIT_VERSION, COMMIT_ID, COMMIT_COMMITTED_AT, COMMIT_EVENTS};
	Expression	expression = {0};
	ByteBuffer	condition = {0};
	ByteBuffer	projection = {0};
	ByteBuffer	body = {0};
	const char *partition = aggregate != NULL ? aggregate : COMMIT_ACTIVE_VALUE;
	AttributeValue partition_value = attribute_string(partition, strlen(partition));
	char		digits[2][24];
	AttributeValue bounds[2] = {attribute_int64((int64_t) first, digits[0]),
	attribute_int64((int64_t) (first + size - 1), digits[1])};
	ReadRequest request = {.table = "commits", .index = aggregate != NULL ? NULL : "byId", .expression = &expression};

	expression_name(&expression, &condition, aggregate != NULL ? COMMIT_AGGREGATE_ID : COMMIT_ACTIVE);
	buffer_puts(&condition, " = ");
	expression_value(&expression, &condition, &partition_value);
	buffer_puts(&condition, " AND ");
	expression_name(&expression, &condition, aggregate != NULL ? COMMIT_VERSION : COMMIT_ID);
	buffer_puts(&condition, " BETWEEN ");
	expression_value(&expression, &condition, &bounds[0]);
	buffer_puts(&condition, " AND ");
	expression_value(&expression, &condition, &bounds[1]);
	for (size_t i = 0; i < 5; i++)
	{
		buffer_puts(&projection, i > 0 ? ", " : "");
		expression_name(&expression, &projection, attributes[i]);
	}
	request.key_condition = condition.data;
	request.projection = projection.data;
	request_read(&body, &request);
	expression_free(&expression);
	buffer_free(&condition);
	buffer_free(&projection);
	run_add(run, "Query", &body);
}

static size_t
body_arrived(char *bytes, size_t size, size_t count, void *arg)
{
	bytes_received += size * count;
	return size * count;
}

static CURL *
easy_new(void)
{
	CURL	   *easy = curl_easy_init();

	if (easy == NULL)
		die("out of memory");
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_arrived);
	return easy;
}

static void
lane_send(Lane *lane, const Run *run)
{
	const Prepared *prepared = &run->requests[lane->next++];

	curl_easy_setopt(lane->easy, CURLOPT_PRIVATE, lane);
	curl_easy_setopt(lane->easy, CURLOPT_HTTPHEADER, prepared->headers);
	curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS, prepared->body.data);
	curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDSIZE, (long) prepared->body.length);
	curl_multi_add_handle(multi, lane->easy);
}

/* Sends everything; returns how many requests were not answered by 200. */
static size_t
run_send(const Run *run, Lane *lanes, size_t nlanes)
{
	size_t		next = 0;
	size_t		left = run->count;
	size_t		failed = 0;

	for (size_t i = 0; i < nlanes && next < run->count; i++)
	{
		lanes[i].next = next;
		lanes[i].end = next += run->group;
		lane_send(&lanes[i], run);
	}
	while (left > 0)
	{
		CURLMsg    *message;
		int			running;

		curl_multi_perform(multi, &running);
		while ((message = curl_multi_info_read(multi, &running)) != NULL)
		{
			Lane	   *lane;
			long		status = 0;

			curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &lane);
			failed += message->data.result != CURLE_OK || status != 200;
			left--;
			curl_multi_remove_handle(multi, lane->easy);
			if (lane->next == lane->end && next < run->count)
			{
				lane->next = next;
				lane->end = next += run->group;
			}
			if (lane->next < lane->end)
				lane_send(lane, run);
		}
		if (left > 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	return failed;
}

static double
seconds_of(struct timeval time)
{
	return (double) time.tv_sec + (double) time.tv_usec / 1e6;
}

static double
cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static double
wall_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* Connections are kept from run to run, but a run never has more of them than it says. */
static void
run_measure(const Run *run, size_t nlanes)
{
	Lane	   *lanes = calloc(nlanes, sizeof(Lane));
	double		wall;
	double		cpu;
	size_t		failed;

	if (lanes == NULL)
		die("out of memory");
	for (size_t i = 0; i < nlanes; i++)
		lanes[i].easy = easy_new();
	bytes_received = 0;
	wall = wall_seconds();
	cpu = cpu_seconds();
	failed = run_send(run, lanes, nlanes);
	printf("{\"seconds\":%.6f,\"cpu\":%.6f,\"requests\":%zu,\"failed\":%zu,\"bytes\":%zu}\n", wall_seconds() - wall,
		   cpu_seconds() - cpu, run->count, failed, bytes_received);
	fflush(stdout);
	for (size_t i = 0; i < nlanes; i++)
		curl_easy_cleanup(lanes[i].easy);
	free(lanes);
}

static void
run_free(Run *run)
{
	for (size_t i = 0; i < run->count; i++)
	{
		curl_slist_free_all(run->requests[i].headers);
		buffer_free(&run->requests[i].body);
	}
	free(run->requests);
}

static void
run_prepare(Run *run, const char *kind, size_t n, const char *third, const char *fourth)
{
	size_t		size = strtoul(strcmp(kind, "index") == 0 || strcmp(kind, "aggregate") == 0 ? third : fourth, NULL, 10);

	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(kind, "pair") == 0)
			add_counter(run, 1);
		else if (strcmp(kind, "bulk") == 0 && i % size == 0)
			add_counter(run, size);
		if (strcmp(kind, "transact") == 0)
			add_transaction(run, third, i, size);
		else if (strcmp(kind, "index") == 0)
			add_query(run, NULL, 1 + i * size, size);
		else if (strcmp(kind, "aggregate") == 0)
			add_query(run, fourth, i * size, size);
		else
			add_put(run, third, i);
	}
	run->group = strcmp(kind, "pair") == 0 ? 2 : 1;
}

int
main(int argc, char **argv)
{
	char		line[512];
	ByteBuffer	text = {0};

	if (argc != 2 || strncmp(argv[1], "http://", 7) != 0)
		return 2;
	host = argv[1] + 7;
	buffer_printf(&text, "%s/", argv[1]);
	url = text.data;
	if (!credentials_set(&credentials, "bench", "bench", NULL) || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK
		|| (multi = curl_multi_init()) == NULL)
		die("no HTTP client");
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		char		kind[16];
		char		third[128];
		char		fourth[128] = "1";
		size_t		n;
		size_t		nlanes;
		Run			run = {0};

		if (sscanf(line, "%15s %zu %zu %127s %127s", kind, &n, &nlanes, third, fourth) < 4)
			die("not a run");
		curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) nlanes);
		run_prepare(&run, kind, n, third, fourth);
		run_measure(&run, nlanes);
		run_free(&run);
	}
	curl_multi_cleanup(multi);
	credentials_wipe(&credentials);
	buffer_free(&text);
	return 0;
}
