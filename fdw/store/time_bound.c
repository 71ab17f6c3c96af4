/*
 * time_bound.c: which commit ids are left by a span of time? See time_bound.h.
 *
 * Each bound is a search of its own (time_search.h), the lower one first. A probe is a Query on the index for one item.
 */
#include "store/time_bound.h"

#include "dynamodb/json.h"
#include "store/read_request.h"

static const char *const attributes[] = {COMMIT_ID, COMMIT_COMMITTED_AT};

static int64_t
later(int64_t moment, int64_t ms)
{
	return moment > INT64_MAX - ms ? INT64_MAX : moment + ms;
}

static int64_t
earlier(int64_t moment, int64_t ms)
{
	return moment < INT64_MIN + ms ? INT64_MIN : moment - ms;
}

/* Begins the search for the next bound; false: there is none left. */
static bool
search_next_bound(TimeBound *bound)
{
	const TimeSpan *span = &bound->span;

	if (bound->is_searching)
		return true;
	if (span->times.has_lower && !bound->has_lower)
		time_search_begin(&bound->search, WITNESS_BEFORE, earlier(span->times.lower, span->slack_ms), span->known, span->trusted_since);
	else if (span->times.has_upper && !bound->has_upper)
		time_search_begin(&bound->search, WITNESS_NOT_BEFORE, later(later(span->times.upper, 1), span->slack_ms), span->known,
						  span->trusted_since);
	else
		return false;
	bound->is_searching = true;
	return true;
}

static void
take_bound(TimeBound *bound)
{
	int64_t		witness;
	bool		is_found = time_search_witness(&bound->search, &witness);

	bound->is_searching = false;
	if (bound->search.wanted == WITNESS_BEFORE)
	{
		bound->has_lower = true;
		bound->ids.has_lower = is_found && witness < INT64_MAX;
		bound->ids.lower = bound->ids.has_lower ? witness + 1 : 0;
	}
	else
	{
		bound->has_upper = true;
		bound->ids.has_upper = is_found;
		bound->ids.upper = is_found ? witness - 1 : 0;
	}
}

static bool
ask(TimeBound *bound, const TimeProbe *probe)
{
	ReadSpec	spec = {.path = READ_INDEX, .backward = probe->backward, .attributes = attributes, .nattributes = 2};
	PageRequest page = {.range = &probe->range, .limit = 1};
	ByteBuffer	body = {0};

	read_request_write(&body, bound->names, &spec, &page);
	bound->call = call_start(bound->client, OPERATION_QUERY, &body, bound->usage);
	buffer_free(&body);
	if (bound->call == NULL)
		return false;
	if (bound->span.requests != NULL)
		(*bound->span.requests)++;
	return true;
}

/* false when the answer is no page. */
static bool
read_finding(const cJSON *response, TimeFinding *finding)
{
	const cJSON *items = json_member(response, "Items");
	const cJSON *item;
	AttributeValue value;

	if (!cJSON_IsArray(items))
		return false;
	item = items->child;
	finding->is_there = item != NULL;
	value = attribute_get(item, COMMIT_ID);
	finding->has_id = attribute_to_int64(&value, &finding->commit.id) && finding->commit.id > 0;
	value = attribute_get(item, COMMIT_COMMITTED_AT);
	finding->has_time = attribute_to_int64(&value, &finding->commit.time);
	return true;
}

/* A probe has been answered. */
static StepResult
take_answer(TimeBound *bound)
{
	TimeFinding finding = {.commit.seen_at = call_sent_at(bound->call)};
	bool		is_page = read_finding(call_response(bound->call), &finding);

	time_bound_free(bound);
	if (!is_page)
	{
		failure_set(&bound->failure, FAILURE_BAD_ANSWER, NULL, "the page is not one of DynamoDB's");
		return STEP_FAILED;
	}
	time_search_take(&bound->search, &finding);
	return STEP_PENDING;
}

static StepResult
probe_step(TimeBound *bound)
{
	StepResult	result = call_step(bound->call);

	if (result == STEP_DONE)
		return take_answer(bound);
	if (result == STEP_FAILED)
		bound->failure = *call_failure(bound->call);
	return result;
}

StepResult
time_bound_step(TimeBound *bound)
{
	StepResult	result = STEP_PENDING;

	while (result == STEP_PENDING)
	{
		TimeProbe	probe;

		if (bound->call != NULL)
		{
			result = probe_step(bound);
			if (bound->call != NULL)
				return result;
			continue;
		}
		if (!search_next_bound(bound))
			return STEP_DONE;
		if (!time_search_next(&bound->search, &probe))
			take_bound(bound);
		else if (!ask(bound, &probe))
		{
			failure_set(&bound->failure, FAILURE_MEMORY, NULL, "out of memory");
			return STEP_FAILED;
		}
	}
	return result;
}

bool
time_bound_is_ready(const TimeBound *bound)
{
	return bound->call == NULL || call_has_arrived(bound->call);
}

void
time_bound_free(TimeBound *bound)
{
	call_free(bound->call);
	bound->call = NULL;
}
