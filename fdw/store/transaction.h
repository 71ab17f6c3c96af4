/*
 * transaction: commits and the counter moved together, all or nothing, and what became of them.
 *
 * The ids are predicted: they follow the value that the counter is expected to have. Another appender may have predicted the
 * same ids, so the commit id of an item proves nothing. The request's token does: DynamoDB carries out the requests with one
 * token once, however often they are sent. (Where an answer lacks the reasons for a refusal, inquiry.h looks for them in the
 * store.) After an attempt whose answer was lost, only these decide: a success; another value of the counter, which never
 * goes back; a version that is taken, since commits are immutable.
 */
#ifndef DYNAMODB_ES_TRANSACTION_H
#define DYNAMODB_ES_TRANSACTION_H

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/client.h"
#include "store/transaction_row.h"

typedef struct TransactionOperation TransactionOperation;

/*
 * How many of the first rows, whose ids and times are set, or as wide as they may get, go into one transaction: at least
 * 1, as long as actions and bytes stay within DynamoDB's limits.
 */
extern size_t transaction_cut(const TransactionRow *rows, size_t nrows);

/*
 * Stores the commits, whose ids follow `head`, if that is what the counter has, and fills in their times. The rows, what they point at, and
 * *names are views and must outlive the operation. NULL when memory or random numbers ran out.
 */
extern TransactionOperation *transaction_start(Client *client, const StoreNames *names, int64_t head,
											   const TransactionRow *rows, size_t nrows, Usage *usage);

/* PENDING or DONE; the outcome tells the rest. */
extern StepResult transaction_step(TransactionOperation *transaction);
extern TransactionOutcome transaction_outcome(const TransactionOperation *transaction);

/* After LOST_RACE or TAKEN: the counter had another value than expected, which alone would have been reason enough. */
extern bool transaction_lost_race(const TransactionOperation *transaction);

/* After LOST_RACE or TAKEN: the counter's value, or -1 where the answer does not tell it. */
extern int64_t transaction_head(const TransactionOperation *transaction);

/*
 * After TAKEN: whether it is this row's version. *item is the one that is there, the operation's, or NULL where the
 * answer does not show it.
 */
extern bool transaction_is_taken(const TransactionOperation *transaction, size_t row, const cJSON **item);

/* After GAP: the first row that lacks the version before its own. */
extern size_t transaction_gap_row(const TransactionOperation *transaction);

/* After REFUSED or UNKNOWN. */
extern const Failure *transaction_failure(const TransactionOperation *transaction);
extern void transaction_free(TransactionOperation *transaction);

#endif
