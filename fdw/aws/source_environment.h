/*
 * source_environment: the credentials that PostgreSQL's environment has or points to.
 */
#ifndef DYNAMODB_ES_SOURCE_ENVIRONMENT_H
#define DYNAMODB_ES_SOURCE_ENVIRONMENT_H

#include "aws/choice.h"

/* One of the two variables is enough: then the other one is missing, which is an error. */
extern bool environment_has_keys(void);
extern bool choose_environment(const Choice *choice);

extern bool environment_has_web_identity(void);
extern bool choose_web_identity_of_environment(const Choice *choice);

/* Which of the places that are asked over the network there are. */
extern bool container_is_named(void);
extern bool instance_is_disabled(void);

#endif
