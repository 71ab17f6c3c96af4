/*
 * identity: whose AWS identity does a statement use, and may it? The model is stated in doc/explanation/security.md.
 */
#ifndef DYNAMODB_ES_IDENTITY_H
#define DYNAMODB_ES_IDENTITY_H

#include "postgres.h"

#include "foreign/foreign.h"

#include "postgres/table/options.h"

/* Has the mapping an access key id and a secret access key? */
extern bool mapping_has_keys(const MappingOptions *options);

/*
 * Reports an error unless `user` may use the server with a mapping of these options: 28000 where it would need keys of
 * its own, 42501 where the server's own identity would serve a server, or the foreign table of an owner, that is no
 * superuser's.
 */
extern void check_identity(const MappingOptions *options, const ForeignServer *server, Oid table_owner, Oid user);

#endif
