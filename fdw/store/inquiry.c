/*
 * inquiry.c: one look after the other, until what is there decides. See inquiry.h.
 */
#include "store/inquiry.h"

#include <stdlib.h>

#include "dynamodb/call.h"
#include "dynamodb/json.h"
#include "dynamodb/request.h"
#include "store/counter.h"

typedef enum InquiryState
{
	LOOK_AT_COUNTER,
	LOOK_AT_COMMITS,			/* row after row */
	LOOK_AT_PREDECESSORS,		/* of the rows that need one */
	DECIDED
} InquiryState;

struct Inquiry
{
	Client	   *client;
	InquirySubject subject;
	Usage	   *usage;
	InquiryState state;
	size_t		at;				/* the row that is looked at */
	Call	   *look;			/* NULL: not sent yet */
	int64_t		head;
	Call	   *own;			/* the first look that showed the row's own content; NULL: none did */
	size_t		own_row;
	size_t		row;			/* that decides */
	Call	   *found;			/* the look that showed its item */
	StepResult	result;
	TransactionOutcome outcome;
};

Inquiry *
inquiry_start(Client *client, const InquirySubject *subject, Usage *usage)
{
	Inquiry    *inquiry = calloc(1, sizeof(Inquiry));

	if (inquiry == NULL)
		return NULL;
	inquiry->client = client;
	inquiry->subject = *subject;
	inquiry->usage = usage;
	inquiry->result = STEP_PENDING;
	return inquiry;
}

static void
decide(Inquiry *inquiry, TransactionOutcome outcome)
{
	inquiry->state = DECIDED;
	inquiry->result = STEP_DONE;
	inquiry->outcome = outcome;
}

/* The version of row `row` is taken, as `look` has shown, which the inquiry takes over. */
static void
decide_taken(Inquiry *inquiry, size_t row, Call *look)
{
	inquiry->row = row;
	inquiry->found = look;
	decide(inquiry, TRANSACTION_TAKEN);
}

static void
counter_seen(Inquiry *inquiry, const cJSON *item)
{
	if (item != NULL && !counter_read_head(item, &inquiry->head))
		inquiry->result = STEP_FAILED;
	else
		inquiry->state = LOOK_AT_COMMITS;
}

/*
 * All commits came into the store at once, or none did. Others may have stored the same under the same ids; but not all
 * of it, down to the millisecond.
 */
static void
commit_seen(Inquiry *inquiry, Call *look, const cJSON *item)
{
	const InquirySubject *subject = &inquiry->subject;
	bool		is_own = item != NULL && commit_is_item(subject->rows[inquiry->at].commit, item);

	if (item == NULL && inquiry->own != NULL)
	{
		decide_taken(inquiry, inquiry->own_row, inquiry->own);
		inquiry->own = NULL;
	}
	else if (item == NULL && inquiry->head != subject->head)
		decide(inquiry, TRANSACTION_LOST_RACE);
	else if (item != NULL && !is_own)
	{
		decide_taken(inquiry, inquiry->at, look);
		return;
	}
	else if (is_own && inquiry->own == NULL)
	{
		inquiry->own = look;
		inquiry->own_row = inquiry->at;
		look = NULL;
	}
	inquiry->at++;
	call_free(look);
}

/* No commit is left to be looked at. */
static void
commits_seen(Inquiry *inquiry)
{
	inquiry->at = 0;
	inquiry->state = LOOK_AT_PREDECESSORS;
	if (inquiry->own != NULL)
		decide(inquiry, TRANSACTION_STORED);
	else if (inquiry->subject.in_doubt)
		decide(inquiry, TRANSACTION_UNKNOWN);
}

static void
predecessor_seen(Inquiry *inquiry, const cJSON *item)
{
	inquiry->row = inquiry->at++;
	if (item == NULL)
		decide(inquiry, TRANSACTION_GAP);
}

static void
seen(Inquiry *inquiry, Call *look)
{
	const cJSON *item = json_member(call_response(look), "Item");

	if (item != NULL && !cJSON_IsObject(item))
		inquiry->result = STEP_FAILED;
	else if (inquiry->state == LOOK_AT_COUNTER)
		counter_seen(inquiry, item);
	else if (inquiry->state == LOOK_AT_COMMITS)
	{
		commit_seen(inquiry, look, item);
		return;
	}
	else
		predecessor_seen(inquiry, item);
	call_free(look);
}

/* Goes past the rows that there is nothing to look at for. */
static void
go_on(Inquiry *inquiry)
{
	const InquirySubject *subject = &inquiry->subject;

	if (inquiry->state == LOOK_AT_COMMITS && inquiry->at == subject->nrows)
		commits_seen(inquiry);
	if (inquiry->state != LOOK_AT_PREDECESSORS)
		return;
	while (inquiry->at < subject->nrows && !subject->rows[inquiry->at].checks_before)
		inquiry->at++;
	if (inquiry->at == subject->nrows)
		decide(inquiry, TRANSACTION_LOST_RACE);
}

static void
send_look(Inquiry *inquiry)
{
	const InquirySubject *subject = &inquiry->subject;
	const StoreNames *names = subject->names;
	ByteBuffer	body = {0};

	if (inquiry->state == LOOK_AT_COUNTER)
		counter_write_get(&body, names);
	else
	{
		const Commit *commit = subject->rows[inquiry->at].commit;
		char		digits[24];
		ItemKey		key = commit_key(commit, commit->version - (inquiry->state == LOOK_AT_PREDECESSORS), digits);

		request_get(&body, names->commit_table, &key);
	}
	inquiry->look = call_start(inquiry->client, OPERATION_GET_ITEM, &body, inquiry->usage);
	buffer_free(&body);
	if (inquiry->look == NULL)
		inquiry->result = STEP_FAILED;
}

StepResult
inquiry_step(Inquiry *inquiry)
{
	while (inquiry->result == STEP_PENDING)
	{
		Call	   *look = inquiry->look;
		StepResult	result;

		if (look == NULL)
		{
			go_on(inquiry);
			if (inquiry->result == STEP_PENDING)
				send_look(inquiry);
			continue;
		}
		result = call_step(look);
		if (result == STEP_PENDING)
			break;
		inquiry->look = NULL;
		if (result == STEP_DONE)
			seen(inquiry, look);
		else
		{
			inquiry->result = STEP_FAILED;
			call_free(look);
		}
	}
	return inquiry->result;
}

TransactionOutcome
inquiry_outcome(const Inquiry *inquiry)
{
	return inquiry->outcome;
}

int64_t
inquiry_head(const Inquiry *inquiry)
{
	return inquiry->head;
}

size_t
inquiry_row(const Inquiry *inquiry)
{
	return inquiry->row;
}

const cJSON *
inquiry_item(const Inquiry *inquiry)
{
	return json_member(call_response(inquiry->found), "Item");
}

void
inquiry_free(Inquiry *inquiry)
{
	if (inquiry == NULL)
		return;
	call_free(inquiry->look);
	call_free(inquiry->own);
	call_free(inquiry->found);
	free(inquiry);
}
