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
	LOOK_AT_PREDECESSORS		/* of the rows that need one */
} InquiryState;

struct Inquiry
{
	Client	   *client;
	InquirySubject subject;
	Usage	   *usage;
	InquiryState state;			/* while the result is PENDING */
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
	inquiry->result = STEP_DONE;
	inquiry->outcome = outcome;
}

/* The version of row `row` is taken, as that look has shown. */
static void
decide_taken(Inquiry *inquiry, size_t row, Call **look)
{
	inquiry->row = row;
	inquiry->found = *look;
	*look = NULL;
	decide(inquiry, TRANSACTION_TAKEN);
}

/* At the first of the rows from `at` on that needs one. */
static void
go_to_predecessor(Inquiry *inquiry, size_t at)
{
	const InquirySubject *subject = &inquiry->subject;

	while (at < subject->nrows && !subject->rows[at].checks_before)
		at++;
	inquiry->state = LOOK_AT_PREDECESSORS;
	inquiry->at = at;
	if (at == subject->nrows)
		decide(inquiry, TRANSACTION_LOST_RACE);
}

static void
go_to_commit(Inquiry *inquiry, size_t at)
{
	inquiry->state = LOOK_AT_COMMITS;
	inquiry->at = at;
	if (at < inquiry->subject.nrows)
		return;
	if (inquiry->own != NULL)
		decide(inquiry, TRANSACTION_STORED);
	else if (inquiry->subject.in_doubt)
		decide(inquiry, TRANSACTION_UNKNOWN);
	else
		go_to_predecessor(inquiry, 0);
}

static void
counter_seen(Inquiry *inquiry, const cJSON *item)
{
	if (item != NULL && !counter_read_head(item, &inquiry->head))
		inquiry->result = STEP_FAILED;
	else
		go_to_commit(inquiry, 0);
}

/*
 * All commits came into the store at once, or none did. Others may have stored the same under the same ids; but not all
 * of it, down to the millisecond.
 */
static void
commit_seen(Inquiry *inquiry, const cJSON *item)
{
	const InquirySubject *subject = &inquiry->subject;
	bool		is_own = item != NULL && commit_is_item(subject->rows[inquiry->at].commit, item);

	if (item == NULL && inquiry->own != NULL)
		decide_taken(inquiry, inquiry->own_row, &inquiry->own);
	else if (item == NULL && inquiry->head != subject->head)
		decide(inquiry, TRANSACTION_LOST_RACE);
	else if (item != NULL && !is_own)
		decide_taken(inquiry, inquiry->at, &inquiry->look);
	else
	{
		if (is_own && inquiry->own == NULL)
		{
			inquiry->own = inquiry->look;
			inquiry->own_row = inquiry->at;
			inquiry->look = NULL;
		}
		go_to_commit(inquiry, inquiry->at + 1);
	}
}

static void
predecessor_seen(Inquiry *inquiry, const cJSON *item)
{
	if (item != NULL)
	{
		go_to_predecessor(inquiry, inquiry->at + 1);
		return;
	}
	inquiry->row = inquiry->at;
	decide(inquiry, TRANSACTION_GAP);
}

/* What was looked at is there, or is not. The look is freed, unless the state has taken it. */
static void
seen(Inquiry *inquiry)
{
	static void (*const states[]) (Inquiry *inquiry, const cJSON *item) = {
		[LOOK_AT_COUNTER] = counter_seen,
		[LOOK_AT_COMMITS] = commit_seen,
		[LOOK_AT_PREDECESSORS] = predecessor_seen,
	};
	const cJSON *item = json_member(call_response(inquiry->look), "Item");

	if (item != NULL && !cJSON_IsObject(item))
		inquiry->result = STEP_FAILED;
	else
		states[inquiry->state] (inquiry, item);
	call_free(inquiry->look);
	inquiry->look = NULL;
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
		StepResult	result;

		if (inquiry->look == NULL)
		{
			send_look(inquiry);
			continue;
		}
		result = call_step(inquiry->look);
		if (result == STEP_PENDING)
			break;
		if (result == STEP_DONE)
			seen(inquiry);
		else
			inquiry->result = STEP_FAILED;
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
