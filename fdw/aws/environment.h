/*
 * environment: the variables that PostgreSQL was started with.
 */
#ifndef DYNAMODB_ES_ENVIRONMENT_H
#define DYNAMODB_ES_ENVIRONMENT_H

/* The value; NULL where the variable is not set, or set to nothing. */
extern const char *environment_variable(const char *name);

#endif
