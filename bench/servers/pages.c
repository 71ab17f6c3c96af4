/*
 * pages.c: a DynamoDB endpoint that costs next to nothing, so that what is measured is its client.
 *
 * usage: pages [--commits N] [--versions N] [--bytes N] [--weight N] [--ids dense|gaps|skewed] [--delay MS]
 *   --commits    how many it holds; 100000
 *   --versions   of each aggregate; 20. With as many as there are commits it is one aggregate,
 *                00000000-0000-4000-8000-000000000000; the next would end in 1
 *   --bytes      of each commit's five attributes, as DynamoDB counts; 250
 *   --weight     of each commit, with other attributes that are not asked for; otherwise it has no such
 *   --ids        all of them, some missing here and there, or most of them at the end
 *   --delay      from a request to its answer
 *
 * It answers Query (an aggregate, or the index; conditions on the sort key, ExclusiveStartKey, Limit, both directions,
 * Select COUNT) and Scan (segments) in pages of 1 MB, from commits prepared beforehand: see commits.h. An item has the
 * five attributes of a commit whatever ProjectionExpression says. A FilterExpression is refused.
 *
 * It is also a sink. UpdateItem adds to a counter that stands at the last commit id at first, and answers it; PutItem and
 * TransactWriteItems succeed and store nothing; GetItem answers the counter. See server.h for stdin and stdout.
 */
#include <cjson/cJSON.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "commits.h"
#include "server.h"

/* One read unit, or half of one where reading need not be consistent. Source: "DynamoDB read consistency", Developer Guide. */
#define UNIT_BYTES 4096

static Commits commits;
static int64_t counter;

/* The commits from first to before end. */
typedef struct Run
{
	size_t		first;
	size_t		end;
} Run;

static void
refuse(Reply *reply, const char *why)
{
	reply->status = 400;
	buffer_puts(&reply->start, "{\"__type\":\"com.amazon.coral.validate#ValidationException\",\"message\":\"The page server: ");
	buffer_printf(&reply->start, "%s\"}", why);
}

static const cJSON *
member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *
text_of(const cJSON *value)
{
	return cJSON_IsString(value) ? value->valuestring : "";
}

/* The number in an attribute value {"N":"…"}, or the default. */
static int64_t
number_of(const cJSON *value, int64_t otherwise)
{
	const cJSON *number = member(value, "N");

	return cJSON_IsString(number) ? strtoll(number->valuestring, NULL, 10) : otherwise;
}

/* The next word of an expression into `word`, resolved if it is a name's placeholder; NULL at the end. */
static const char *
next_word(const char **rest, const cJSON *names, char *word, size_t room)
{
	size_t		length;

	*rest += strspn(*rest, " ()");
	length = strcspn(*rest, " ()");
	if (length == 0 || length >= room)
		return NULL;
	memcpy(word, *rest, length);
	word[length] = '\0';
	*rest += length;
	return word[0] == '#' ? text_of(member(names, word)) : word;
}

/* The value of a key condition's partition key, and the bounds of its sort key. */
typedef struct KeyCondition
{
	const cJSON *partition;
	int64_t		lowest;
	int64_t		highest;
} KeyCondition;

static void
condition_narrow(KeyCondition *condition, int64_t lowest, int64_t highest)
{
	if (lowest > condition->lowest)
		condition->lowest = lowest;
	if (highest < condition->highest)
		condition->highest = highest;
}

/* false where the term is none of a condition on commits. */
static bool
condition_term(KeyCondition *condition, const char *name, const char *operator, const cJSON *value, const cJSON *second)
{
	int64_t		bound = number_of(value, 0);

	if (strcmp(name, "aggregateId") == 0 || strcmp(name, "active") == 0)
	{
		condition->partition = value;
		return strcmp(operator, "=") == 0;
	}
	if (strcmp(operator, "=") == 0)
		condition_narrow(condition, bound, bound);
	else if (strcmp(operator, ">=") == 0)
		condition_narrow(condition, bound, INT64_MAX);
	else if (strcmp(operator, ">") == 0)
		condition_narrow(condition, bound + 1, INT64_MAX);
	else if (strcmp(operator, "<=") == 0)
		condition_narrow(condition, 0, bound);
	else if (strcmp(operator, "<") == 0)
		condition_narrow(condition, 0, bound - 1);
	else if (strcmp(operator, "BETWEEN") == 0)
		condition_narrow(condition, bound, number_of(second, 0));
	else
		return false;
	return true;
}

static bool
condition_read(KeyCondition *condition, const cJSON *body)
{
	const cJSON *names = member(body, "ExpressionAttributeNames");
	const cJSON *values = member(body, "ExpressionAttributeValues");
	const char *rest = text_of(member(body, "KeyConditionExpression"));
	char		words[6][64];

	*condition = (KeyCondition) {.lowest = 0, .highest = INT64_MAX};
	for (;;)
	{
		const char *name = next_word(&rest, names, words[0], sizeof(words[0]));
		const char *operator = next_word(&rest, names, words[1], sizeof(words[1]));
		const char *value = next_word(&rest, names, words[2], sizeof(words[2]));
		const char *second = "";

		if (name == NULL || operator == NULL || value == NULL)
			return false;
		if (strcmp(operator, "BETWEEN") == 0)
		{
			next_word(&rest, names, words[3], sizeof(words[3]));
			second = next_word(&rest, names, words[4], sizeof(words[4]));
		}
		if (second == NULL || !condition_term(condition, name, operator, member(values, value), member(values, second)))
			return false;
		if (next_word(&rest, names, words[5], sizeof(words[5])) == NULL)
			return condition->partition != NULL;
	}
}

static Run
run_of_aggregate(const KeyCondition *condition)
{
	Run			run = {0, 0};
	size_t		aggregate;

	if (condition->lowest > condition->highest || condition->lowest >= (int64_t) commits.versions
		|| !aggregate_id_read(text_of(member(condition->partition, "S")), &aggregate)
		|| aggregate * commits.versions >= commits.count)
		return run;
	run.first = aggregate * commits.versions + (size_t) condition->lowest;
	run.end = aggregate * commits.versions
		+ (condition->highest < (int64_t) commits.versions ? (size_t) condition->highest + 1 : commits.versions);
	if (run.end > commits.count)
		run.end = commits.count;
	if (run.first > run.end)
		run.first = run.end;
	return run;
}

static Run
run_of_index(const KeyCondition *condition)
{
	Run			run = {0, 0};

	if (condition->lowest > condition->highest)
		return run;
	run.first = commits_find_id(&commits, condition->lowest);
	run.end = condition->highest < INT64_MAX ? commits_find_id(&commits, condition->highest + 1) : commits.count;
	return run;
}

static Run
run_of_segment(const cJSON *body)
{
	const cJSON *segment = member(body, "Segment");
	const cJSON *total = member(body, "TotalSegments");
	size_t		segments = cJSON_IsNumber(total) ? (size_t) total->valueint : 1;
	size_t		number = cJSON_IsNumber(segment) ? (size_t) segment->valueint : 0;

	return (Run)
	{
		commits.count * number / segments, commits.count * (number + 1) / segments
	};
}

/* What is left of a run behind the key at which the last page has ended. */
static void
run_resume(Run *run, const cJSON *start_key, bool backward)
{
	size_t		aggregate;
	size_t		last;

	if (start_key == NULL || !aggregate_id_read(text_of(member(member(start_key, "aggregateId"), "S")), &aggregate))
		return;
	last = aggregate * commits.versions + (size_t) number_of(member(start_key, "version"), 0);
	if (backward)
		run->end = last > run->first ? last : run->first;
	else
		run->first = last + 1 < run->end ? last + 1 : run->end;
}

static Run
run_page(const Run *run, const cJSON *limit, bool backward)
{
	size_t		most = cJSON_IsNumber(limit) && limit->valuedouble >= 1 ? (size_t) limit->valuedouble : SIZE_MAX;
	Run			page = *run;

	if (backward && run->end - run->first > most)
		page.first = run->end - most;
	else if (run->end - run->first > most)
		page.end = run->first + most;
	if (backward)
		page.first = commits_page_start(&commits, page.first, page.end);
	else
		page.end = commits_page_end(&commits, page.first, page.end);
	return page;
}

/*
 * A page's items. All but the last are sent from where they are; their checksum is what the one of all text up to the
 * first has to be combined with to become the one of all text up to the last. The last goes without its comma.
 */
static void
reply_items(Reply *reply, const Run *page)
{
	const size_t *starts = commits.starts;
	size_t		last = page->end - 1;

	reply->middle = commits.text + starts[page->first];
	reply->middle_length = starts[last] - starts[page->first];
	reply->middle_checksum = commits.checksums[last]
		^ (uint32_t) crc32_combine(commits.checksums[page->first], 0, (z_off_t) reply->middle_length);
	buffer_append(&reply->end, commits.text + starts[last], starts[page->end] - starts[last] - 1);
}

static void
reply_items_backward(Reply *reply, const Run *page)
{
	const size_t *starts = commits.starts;

	for (size_t i = page->end; i > page->first; i--)
		buffer_append(&reply->copy, commits.text + starts[i - 1], starts[i] - starts[i - 1] - (i - 1 == page->first));
}

static void
write_last_key(ByteBuffer *out, size_t number, bool of_index)
{
	buffer_puts(out, ",\"LastEvaluatedKey\":{\"aggregateId\":{\"S\":\"");
	aggregate_id_write(out, number / commits.versions);
	buffer_printf(out, "\"},\"version\":{\"N\":\"%zu\"}", number % commits.versions);
	if (of_index)
		buffer_printf(out, ",\"active\":{\"S\":\"t\"},\"commitId\":{\"N\":\"%" PRId64 "\"}", commits.ids[number]);
	buffer_putc(out, '}');
}

static void
write_capacity(ByteBuffer *out, const cJSON *body, double units)
{
	if (member(body, "ReturnConsumedCapacity") != NULL)
		buffer_printf(out, ",\"ConsumedCapacity\":{\"TableName\":\"commits\",\"CapacityUnits\":%.1f}", units);
}

static double
read_units(const cJSON *body, const Run *page)
{
	size_t		units = (commits_size(&commits, page->first, page->end) + UNIT_BYTES - 1) / UNIT_BYTES;

	return (double) (units > 0 ? units : 1) / (cJSON_IsTrue(member(body, "ConsistentRead")) ? 1 : 2);
}

static void
answer_read(const cJSON *body, Reply *reply, Run run)
{
	const cJSON *limit = member(body, "Limit");
	bool		backward = cJSON_IsFalse(member(body, "ScanIndexForward"));
	bool		counting = strcmp(text_of(member(body, "Select")), "COUNT") == 0;
	Run			page;
	size_t		items;

	run_resume(&run, member(body, "ExclusiveStartKey"), backward);
	page = run_page(&run, limit, backward);
	items = page.end - page.first;
	count_items(items);
	buffer_printf(&reply->start, "{\"Count\":%zu,\"ScannedCount\":%zu", items, items);
	if (!counting)
	{
		buffer_puts(&reply->start, ",\"Items\":[");
		if (items > 0 && backward)
			reply_items_backward(reply, &page);
		else if (items > 0)
			reply_items(reply, &page);
		buffer_putc(&reply->end, ']');
	}
	/* There may be more, says DynamoDB too, where a limit is met exactly. */
	if (items > 0 && (items < run.end - run.first || (cJSON_IsNumber(limit) && items >= (size_t) limit->valuedouble)))
		write_last_key(&reply->end, backward ? page.first : page.end - 1, member(body, "IndexName") != NULL);
	write_capacity(&reply->end, body, read_units(body, &page));
	buffer_putc(&reply->end, '}');
}

static void
answer_query(const cJSON *body, Reply *reply)
{
	KeyCondition condition;

	if (!condition_read(&condition, body))
		refuse(reply, "not a key condition of commits");
	else
		answer_read(body, reply,
					member(body, "IndexName") != NULL ? run_of_index(&condition) : run_of_aggregate(&condition));
}

static void
answer_counter_add(const cJSON *body, Reply *reply)
{
	counter += number_of(member(body, "ExpressionAttributeValues")->child, 1);
	buffer_printf(&reply->start, "{\"Attributes\":{\"id\":{\"N\":\"%" PRId64 "\"}}", counter);
	write_capacity(&reply->start, body, 1);
	buffer_putc(&reply->start, '}');
}

static void
answer_get(const cJSON *body, Reply *reply)
{
	buffer_puts(&reply->start, "{");
	if (member(member(body, "Key"), "name") != NULL)
		buffer_printf(&reply->start, "\"Item\":{\"name\":{\"S\":\"commits\"},\"id\":{\"N\":\"%" PRId64 "\"}}", counter);
	if (reply->start.length > 1)
		write_capacity(&reply->start, body, 1);
	buffer_puts(&reply->start, "}");
}

/* A write is not looked into. */
static void
answer_write(const Request *request, Reply *reply)
{
	buffer_puts(&reply->start, strstr(request->body, "\"ReturnConsumedCapacity\"") == NULL ? "{}"
				: "{\"ConsumedCapacity\":{\"TableName\":\"commits\",\"CapacityUnits\":2.0}}");
}

static void
answer(const Request *request, Reply *reply)
{
	cJSON	   *body;

	reply->status = 200;
	if (strcmp(request->operation, "PutItem") == 0)
	{
		answer_write(request, reply);
		return;
	}
	if (strcmp(request->operation, "TransactWriteItems") == 0)
	{
		buffer_puts(&reply->start, "{}");
		return;
	}
	body = cJSON_ParseWithLength(request->body, request->length);
	if (member(body, "FilterExpression") != NULL)
		refuse(reply, "no filters here");
	else if (strcmp(request->operation, "Query") == 0)
		answer_query(body, reply);
	else if (strcmp(request->operation, "Scan") == 0)
		answer_read(body, reply, run_of_segment(body));
	else if (strcmp(request->operation, "UpdateItem") == 0 && member(body, "ExpressionAttributeValues") != NULL)
		answer_counter_add(body, reply);
	else if (strcmp(request->operation, "GetItem") == 0)
		answer_get(body, reply);
	else
		refuse(reply, "not an operation that it knows");
	cJSON_Delete(body);
}

int
main(int argc, char **argv)
{
	static const struct option names[] = {
		{"commits", required_argument, NULL, 'n'}, {"versions", required_argument, NULL, 'v'},
		{"bytes", required_argument, NULL, 'b'}, {"ids", required_argument, NULL, 'i'},
		{"weight", required_argument, NULL, 'w'}, {"delay", required_argument, NULL, 'd'}, {0}
	};
	size_t		count = 100000;
	size_t		versions = 20;
	int			bytes = 250;
	size_t		weight = 0;
	Spacing		spacing = SPACING_DENSE;
	double		delay_ms = 0;
	int			name;

	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1)
	{
		if (name == 'n')
			count = strtoull(optarg, NULL, 10);
		else if (name == 'v')
			versions = strtoull(optarg, NULL, 10);
		else if (name == 'b')
			bytes = atoi(optarg);
		else if (name == 'w')
			weight = strtoull(optarg, NULL, 10);
		else if (name == 'd')
			delay_ms = strtod(optarg, NULL);
		else if (name == 'i')
			spacing = strcmp(optarg, "gaps") == 0 ? SPACING_GAPS
				: strcmp(optarg, "skewed") == 0 ? SPACING_SKEWED : SPACING_DENSE;
		else
			return 2;
	}
	commits_make(&commits, count, versions > 0 ? versions : 1, bytes, weight, spacing);
	counter = count > 0 ? commits.ids[count - 1] : 0;
	return serve(answer, delay_ms);
}
