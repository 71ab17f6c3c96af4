/*
 * budget: the setting dynamodb_es.read_budget, which ends a statement that reads too much.
 */
#ifndef DYNAMODB_ES_BUDGET_H
#define DYNAMODB_ES_BUDGET_H

#include "postgres.h"

#include "dynamodb/client.h"

/* Defines the setting; from _PG_init. */
extern void budget_define(void);

/*
 * Adds what a scan has consumed since it was last looked at (*checked_units, which is brought up to date) to what the
 * statement has. 53400 when that is more than the budget.
 */
extern void budget_check(const Usage *usage, double *checked_units, const char *relation_name);

#endif
