/*
 * position: the commit id after which somebody has decided.
 */
#ifndef DYNAMODB_ES_DECIDE_POSITION_H
#define DYNAMODB_ES_DECIDE_POSITION_H

#include "postgres.h"

/* Raises 22023 for what no store can be at. */
extern void position_check(int64 position);

#endif
