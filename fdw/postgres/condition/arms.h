/*
 * arms: what an OR consists of.
 */
#ifndef DYNAMODB_ES_ARMS_H
#define DYNAMODB_ES_ARMS_H

#include "postgres.h"

#include "nodes/primnodes.h"

/*
 * The arms of an OR: expressions, each of which may be an AND. (a, b) = ANY (an array of rows that is written out) counts as
 * one: a = … AND b = … OR …, which it means as long as neither column is NULL. NIL: the clause is none.
 */
extern List *arms_of_clause(Expr *clause);

#endif
