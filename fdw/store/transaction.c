/*
 * transaction.c: are the commits in the store?
 *
 * The actions are the counter's first, then a put for each row, then a check for each row that wants one; DynamoDB's
 * reasons against a transaction come in the same order.
 */
#include "store/transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dynamodb/call.h"
#include "dynamodb/json.h"
#include "dynamodb/request.h"
#include "store/counter.h"
#include "store/inquiry.h"

/* Source: "TransactWriteItems", API Reference. */
#define MAX_ACTIONS 100
#define MAX_BYTES (4 * 1024 * 1024)

/* At most, for the counter's item and for the key that a check names. */
#define COUNTER_BYTES 1024
#define KEY_BYTES (MAX_AGGREGATE_ID_BYTES + 64)

/*
 * DynamoDB remembers a token for 10 minutes, and accepts a request for 5 after it was signed. One sent later than
 * this could be taken for a new one.
 */
#define LATEST_ATTEMPT_MS (5 * 60 * 1000)

#define TOKEN_BYTES 16

struct TransactionOperation
{
	const StoreNames *names;
	int64_t		head;			/* that the counter is expected to have */
	const TransactionRow *rows;
	size_t		nrows;
	Client	   *client;
	Usage	   *usage;
	Call	   *call;
	Inquiry    *inquiry;		/* what stood in its way, where its answer does not say; or NULL */
	StepResult	state;
	TransactionOutcome outcome;
	const cJSON *reasons;		/* why it was cancelled, the call's; NULL: it was not */
	size_t		gap_row;
	Failure		failure;
};

size_t
transaction_cut(const TransactionRow *rows, size_t nrows)
{
	size_t		actions = 1;
	size_t		bytes = COUNTER_BYTES;
	size_t		count = 0;

	for (; count < nrows; count++)
	{
		actions += rows[count].checks_before ? 2 : 1;
		bytes += commit_item_size(rows[count].commit) + (rows[count].checks_before ? KEY_BYTES : 0);
		if (count > 0 && (actions > MAX_ACTIONS || bytes > MAX_BYTES))
			break;
	}
	return count;
}

static void
write_put(ByteBuffer *body, const StoreNames *names, const Commit *commit)
{
	ByteBuffer	item = {0};

	commit_write_item(commit, &item);
	if (item.failed)
		body->failed = true;
	else
		request_transaction_put_new(body, names->commit_table, item.data, COMMIT_AGGREGATE_ID);
	buffer_free(&item);
}

static void
write_check(ByteBuffer *body, const StoreNames *names, const Commit *commit)
{
	char		digits[24];
	ItemKey		before = commit_key(commit, commit->version - 1, digits);

	request_transaction_check(body, names->commit_table, &before);
}

static bool
write_token(char token[2 * TOKEN_BYTES + 1])
{
	unsigned char bytes[TOKEN_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes))
		return false;
	for (size_t i = 0; i < TOKEN_BYTES; i++)
		snprintf(token + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

/* A CallWriter. Whatever is written anew is another request, and has a token of its own. */
static void
transaction_write(void *arg, int64_t now, ByteBuffer *body)
{
	const TransactionOperation *transaction = arg;
	const StoreNames *names = transaction->names;
	const TransactionRow *rows = transaction->rows;
	size_t		nrows = transaction->nrows;
	char		token[2 * TOKEN_BYTES + 1];

	if (!write_token(token))
	{
		body->failed = true;
		return;
	}
	request_transaction_open(body);
	counter_write_move(body, names, transaction->head, transaction->head + (int64_t) nrows);
	for (size_t i = 0; i < nrows; i++)
	{
		commit_stamp(rows[i].commit, now);
		write_put(body, names, rows[i].commit);
	}
	for (size_t i = 0; i < nrows; i++)
		if (rows[i].checks_before)
			write_check(body, names, rows[i].commit);
	request_transaction_close(body, token);
}

TransactionOperation *
transaction_start(Client *client, const StoreNames *names, int64_t head, const TransactionRow *rows, size_t nrows,
				  Usage *usage)
{
	TransactionOperation *transaction = calloc(1, sizeof(TransactionOperation));
	const CallSettings settings = {
		.writer = transaction_write, .writer_arg = transaction, .patience_ms = LATEST_ATTEMPT_MS
	};

	if (transaction == NULL)
		return NULL;
	transaction->client = client;
	transaction->usage = usage;
	transaction->names = names;
	transaction->head = head;
	transaction->rows = rows;
	transaction->nrows = nrows;
	transaction->state = STEP_PENDING;
	transaction->call = call_start_with(client, OPERATION_TRANSACT_WRITE_ITEMS, NULL, &settings, usage);
	if (transaction->call == NULL)
	{
		transaction_free(transaction);
		return NULL;
	}
	return transaction;
}

/* The reason against one action, of a hundred at most; NULL where its condition has not failed. */
static const cJSON *
failed_condition(const TransactionOperation *transaction, size_t action)
{
	const cJSON *reason = cJSON_GetArrayItem(transaction->reasons, (int) action);
	const char *code = json_member_text(reason, "Code");

	return code != NULL && strcmp(code, "ConditionalCheckFailed") == 0 ? reason : NULL;
}

bool
transaction_is_taken(const TransactionOperation *transaction, size_t row, const cJSON **item)
{
	const cJSON *reason = failed_condition(transaction, 1 + row);

	if (transaction->inquiry != NULL)
	{
		bool		taken = transaction->outcome == TRANSACTION_TAKEN && inquiry_row(transaction->inquiry) == row;

		*item = taken ? inquiry_item(transaction->inquiry) : NULL;
		return taken;
	}
	*item = json_member(reason, "Item");
	return reason != NULL;
}

static bool
any_is_taken(const TransactionOperation *transaction)
{
	const cJSON *item;

	for (size_t i = 0; i < transaction->nrows; i++)
		if (transaction_is_taken(transaction, i, &item))
			return true;
	return false;
}

/* Looks for a check that has failed. */
static bool
find_gap(TransactionOperation *transaction)
{
	size_t		action = 1 + transaction->nrows;

	for (size_t i = 0; i < transaction->nrows; i++)
	{
		if (!transaction->rows[i].checks_before || failed_condition(transaction, action++) == NULL)
			continue;
		transaction->gap_row = i;
		return true;
	}
	return false;
}

static void
transaction_end(TransactionOperation *transaction, TransactionOutcome outcome)
{
	transaction->state = STEP_DONE;
	transaction->outcome = outcome;
}

static void
transaction_failed(TransactionOperation *transaction)
{
	bool		in_doubt = call_may_have_happened(transaction->call);

	transaction->failure = *call_failure(transaction->call);
	transaction->reasons = json_member(call_error(transaction->call), "CancellationReasons");
	if (strcmp(transaction->failure.code, "UnknownOperationException") == 0)
	{
		/* Then no attempt before it can have been carried out either. */
		transaction->failure.kind = FAILURE_NO_TRANSACTIONS;
		transaction_end(transaction, TRANSACTION_REFUSED);
	}
	else if (any_is_taken(transaction))
		transaction_end(transaction, TRANSACTION_TAKEN);
	else if (failed_condition(transaction, 0) != NULL)
		transaction_end(transaction, TRANSACTION_LOST_RACE);
	else if (in_doubt)
		/* Also where a version is missing: it may come yet, and then an attempt that is still on its way succeeds. */
		transaction_end(transaction, TRANSACTION_UNKNOWN);
	else if (find_gap(transaction))
		transaction_end(transaction, TRANSACTION_GAP);
	else
		transaction_end(transaction, TRANSACTION_REFUSED);
}

/* It was cancelled, and nobody says by what. */
static bool
lacks_reasons(const TransactionOperation *transaction)
{
	return strcmp(call_failure(transaction->call)->code, "TransactionCanceledException") == 0
		&& !cJSON_IsArray(json_member(call_error(transaction->call), "CancellationReasons"));
}

/* false when there is no memory for it. */
static bool
start_inquiry(TransactionOperation *transaction)
{
	const InquirySubject subject = {
		.names = transaction->names,
		.head = transaction->head,
		.rows = transaction->rows,
		.nrows = transaction->nrows,
		.in_doubt = call_may_have_happened(transaction->call),
	};

	transaction->inquiry = inquiry_start(transaction->client, &subject, transaction->usage);
	return transaction->inquiry != NULL;
}

static void
inquiry_ended(TransactionOperation *transaction, StepResult result)
{
	if (result == STEP_FAILED)
	{
		transaction_failed(transaction);
		return;
	}
	transaction->failure = *call_failure(transaction->call);
	transaction->gap_row = inquiry_row(transaction->inquiry);
	transaction_end(transaction, inquiry_outcome(transaction->inquiry));
}

StepResult
transaction_step(TransactionOperation *transaction)
{
	StepResult	result;

	if (transaction->state != STEP_PENDING)
		return transaction->state;
	if (transaction->inquiry == NULL)
	{
		result = call_step(transaction->call);
		if (result == STEP_DONE)
			transaction_end(transaction, TRANSACTION_STORED);
		else if (result == STEP_FAILED && !(lacks_reasons(transaction) && start_inquiry(transaction)))
			transaction_failed(transaction);
	}
	if (transaction->inquiry != NULL && transaction->state == STEP_PENDING)
	{
		result = inquiry_step(transaction->inquiry);
		if (result != STEP_PENDING)
			inquiry_ended(transaction, result);
	}
	return transaction->state;
}

TransactionOutcome
transaction_outcome(const TransactionOperation *transaction)
{
	return transaction->outcome;
}

bool
transaction_lost_race(const TransactionOperation *transaction)
{
	if (transaction->outcome == TRANSACTION_LOST_RACE)
		return true;
	return transaction->inquiry != NULL ? inquiry_head(transaction->inquiry) != transaction->head
		: failed_condition(transaction, 0) != NULL;
}

int64_t
transaction_head(const TransactionOperation *transaction)
{
	const cJSON *item = json_member(failed_condition(transaction, 0), "Item");
	int64_t		head;

	if (transaction->inquiry != NULL)
		return inquiry_head(transaction->inquiry);
	return counter_read_head(item, &head) ? head : -1;
}

size_t
transaction_gap_row(const TransactionOperation *transaction)
{
	return transaction->gap_row;
}

const Failure *
transaction_failure(const TransactionOperation *transaction)
{
	return &transaction->failure;
}

void
transaction_free(TransactionOperation *transaction)
{
	if (transaction == NULL)
		return;
	call_free(transaction->call);
	inquiry_free(transaction->inquiry);
	free(transaction);
}
