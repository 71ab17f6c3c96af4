/*
 * budget: the settings dynamodb_es.read_budget and dynamodb_es.transaction_read_budget, which end a statement that reads too much.
 */
#ifndef DYNAMODB_ES_BUDGET_H
#define DYNAMODB_ES_BUDGET_H

#include "postgres.h"

#include "store/read.h"

/* Defines the settings; from _PG_init. */
extern void budget_define(void);

/*
 * What the statement that runs may read, for all its reads; to be called before each read_next, so that it is this one's. 53400 when its
 * transaction may read nothing any more.
 */
extern ReadBudget *budget_of_statement(void);

/* 53400 when the statement or its transaction has read more than that, what `usage` has come to included. */
extern void budget_check(Usage *usage, const char *relation_name);

#endif
