/*
 * credentials_json: credentials as containers, instances and credential processes write them: AccessKeyId,
 * SecretAccessKey, a token under one of two names, Expiration.
 */
#ifndef DYNAMODB_ES_CREDENTIALS_JSON_H
#define DYNAMODB_ES_CREDENTIALS_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/credentials.h"

/* What *credentials held before is not freed. false when there are none, or memory ran out: then they are all zeroes. */
extern bool credentials_read_json(const char *json, size_t length, const char *token_name, Credentials *credentials,
								  bool *out_of_memory);

#endif
