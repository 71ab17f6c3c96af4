/*
 * import: IMPORT FOREIGN SCHEMA dynamodb FROM SERVER … INTO …
 */
#ifndef DYNAMODB_ES_IMPORT_H
#define DYNAMODB_ES_IMPORT_H

#include "postgres.h"

#include "foreign/fdwapi.h"

/* A List of char *, a CREATE FOREIGN TABLE for each commits table. */
extern List *import_schema(ImportForeignSchemaStmt *statement, Oid server);

#endif
