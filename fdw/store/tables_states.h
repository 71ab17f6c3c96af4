/*
 * tables_states: the states of a walk over the tables of a store, and what follows from the answer in each.
 */
#ifndef DYNAMODB_ES_TABLES_STATES_H
#define DYNAMODB_ES_TABLES_STATES_H

#include "store/tables_walk.h"

/*
 * The state's request has been answered, or, where `response` is NULL, has failed. Goes on to the next state, waits, or
 * ends the walk. false: with that failure, which means nothing to the state, the walk is over.
 */
extern bool tables_state_ended(TablesOperation *operation, const cJSON *response, FailureKind refused);

#endif
