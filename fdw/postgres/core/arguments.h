/*
 * arguments: what a function's caller must give.
 */
#ifndef DYNAMODB_ES_ARGUMENTS_H
#define DYNAMODB_ES_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"

/*
 * Raises an error for a NULL among the first arguments, which have these names. For functions that do something: a strict
 * one would do nothing for a NULL that came by accident, as max() of no rows is one, and nobody would be told.
 */
extern void arguments_check_given(FunctionCallInfo fcinfo, const char *const *names, int count);

#endif
