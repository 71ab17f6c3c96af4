/*
 * keys: the values of a key condition, as the aggregates and ranges that a read is made of.
 */
#ifndef DYNAMODB_ES_KEYS_H
#define DYNAMODB_ES_KEYS_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "postgres/scan/scan_plan.h"

/*
 * Evaluates the conditions of a plan (the first of its values) and fills in the aggregates and ranges of *spec, in
 * the current memory context, and the milliseconds in which *times lie. false when no item can satisfy them: a NULL, an empty range or array, an aggregate id
 * that can be no key.
 */
extern bool keys_evaluate(const ScanPlan *plan, List *value_exprs, List *value_states, ExprContext *econtext,
						  ReadSpec *spec, KeyRange *times);

#endif
