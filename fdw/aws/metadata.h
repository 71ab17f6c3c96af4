/*
 * metadata: the endpoints that give a container or an instance its credentials: where they are, what they answer.
 *
 * Source: "Container credential provider" and "IMDS credential provider", AWS SDKs and Tools Reference Guide. Of the
 * instance's, version 2 only: a token is asked for first.
 */
#ifndef DYNAMODB_ES_METADATA_H
#define DYNAMODB_ES_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/credentials.h"
#include "base/buffer.h"
#include "base/failure.h"

/*
 * May the container's authorization token go to that URL? https anywhere; http to this machine, or to one of the
 * addresses that AWS uses for this. Only addresses count, and "localhost": a name can be made to mean anything.
 */
extern bool metadata_container_uri_is_allowed(const char *uri);

/* The URL that the environment gives, appended. false with *failure filled in. */
extern bool metadata_container_url(ByteBuffer *url, Failure *failure);

/*
 * The line "Authorization: …" that the environment asks for, appended to *line, a secret; nothing where it asks for
 * none. The file is read anew each time. false with *failure filled in.
 */
extern bool metadata_container_authorization(ByteBuffer *line, Failure *failure);

/* The URL of an instance's metadata: `path` behind the endpoint. false with *failure filled in. */
extern bool metadata_instance_url(ByteBuffer *url, const char *path, Failure *failure);

/* true when `name` can be the name of a role. */
extern bool metadata_is_role_name(const char *name, size_t length);

/* true when a token can stand in a header: printable ASCII without blanks, not empty. */
extern bool metadata_is_token(const char *token, size_t length);

/*
 * The credentials of a JSON answer, which *credentials then owns. false with *failure filled in: its text begins with `who`
 * ("The …") and repeats nothing of the answer.
 */
extern bool metadata_read_answer(const char *who, int status, const char *body, size_t length, Credentials *credentials,
								 Failure *failure);

#endif
