/*
 * visibility: may whoever is told something now be told of PostgreSQL's own AWS identity: its files, profiles, roles, region?
 */
#ifndef DYNAMODB_ES_VISIBILITY_H
#define DYNAMODB_ES_VISIBILITY_H

#include "postgres.h"

/* Superusers may; not where a SECURITY DEFINER function of a superuser's runs for somebody else. See doc/explanation/security.md. */
extern bool identity_is_visible(void);

#endif
