/*
 * transaction_row: what goes into a transaction, and what may become of it.
 */
#ifndef DYNAMODB_ES_TRANSACTION_ROW_H
#define DYNAMODB_ES_TRANSACTION_ROW_H

#include <stdbool.h>

#include "store/commit.h"

typedef struct TransactionRow
{
	Commit	   *commit;
	bool		checks_before;	/* the version before has to be in the store already */
} TransactionRow;

typedef enum TransactionOutcome
{
	TRANSACTION_STORED,			/* all are in the store */
	TRANSACTION_LOST_RACE,		/* the counter has another value; none is in the store, or ever will be by this */
	TRANSACTION_TAKEN,			/* versions exist already; likewise */
	TRANSACTION_GAP,			/* a version before does not exist; likewise */
	TRANSACTION_REFUSED,		/* not in the store for another reason, which the failure tells */
	TRANSACTION_UNKNOWN			/* nothing settles it; the failure tells why */
} TransactionOutcome;

#endif
