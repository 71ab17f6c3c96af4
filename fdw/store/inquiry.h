/*
 * inquiry: why a transaction was cancelled, where the answer does not say: some gateways leave out the reasons.
 *
 * The counter is looked at first, the commits' items after it. Once the counter has moved on, the transaction cannot be
 * carried out any more, so that what is there then is there for good: the commits themselves, or others, or nothing. As
 * long as it has not, an attempt whose answer was lost may still be on its way.
 */
#ifndef DYNAMODB_ES_INQUIRY_H
#define DYNAMODB_ES_INQUIRY_H

#include <cjson/cJSON.h>

#include "base/step.h"
#include "dynamodb/client.h"
#include "store/transaction_row.h"

typedef struct InquirySubject
{
	const StoreNames *names;
	int64_t		head;			/* that the transaction expects the counter to have */
	const TransactionRow *rows;	/* with the times that they were sent with */
	size_t		nrows;
	bool		in_doubt;		/* an attempt may have been carried out, or may be yet */
} InquirySubject;

typedef struct Inquiry Inquiry;

/* The subject is copied; what it points at must outlive the inquiry. NULL when memory ran out. */
extern Inquiry *inquiry_start(Client *client, const InquirySubject *subject, Usage *usage);

/* DONE: inquiry_outcome. FAILED: a look had no answer, and nothing is settled. */
extern StepResult inquiry_step(Inquiry *inquiry);

/* STORED, LOST_RACE (also where nothing stands in the way any more), TAKEN, GAP, or UNKNOWN. */
extern TransactionOutcome inquiry_outcome(const Inquiry *inquiry);

/* The counter's value. */
extern int64_t inquiry_head(const Inquiry *inquiry);

/* After TAKEN and GAP: a row that it is true of; after TAKEN also the item that is there, the inquiry's. */
extern size_t inquiry_row(const Inquiry *inquiry);
extern const cJSON *inquiry_item(const Inquiry *inquiry);
extern void inquiry_free(Inquiry *inquiry);

#endif
