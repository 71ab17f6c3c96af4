/*
 * sts: AWS's Security Token Service, as far as roles need it: requests as forms, answers as XML.
 *
 * Source: AWS Security Token Service API Reference, version 2011-06-15, AssumeRole and AssumeRoleWithWebIdentity.
 */
#ifndef DYNAMODB_ES_STS_H
#define DYNAMODB_ES_STS_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/credentials.h"
#include "aws/source.h"
#include "base/buffer.h"
#include "base/failure.h"

/*
 * The endpoint that the environment or the files name for STS (configured.h), or the region's own; malloc'ed, the
 * caller's. NULL with *failure filled in.
 */
extern char *sts_endpoint(const char *profile, const char *region, Failure *failure);

/* Append the bodies of requests: the first is to be signed, the second carries the token instead. */
extern void sts_write_assume_role(ByteBuffer *out, const Role *role);
extern void sts_write_assume_role_with_web_identity(ByteBuffer *out, const Role *role, const char *token);

/*
 * The credentials of an answer, which *credentials then owns. false with *failure filled in: it has STS's error code
 * at the most, and nothing else of the answer.
 */
extern bool sts_read_answer(int status, const char *body, size_t length, Credentials *credentials, Failure *failure);

#endif
