/*
 * price: the settings dynamodb_es.price_per_million_read_units and …_write_units, and what requests may have cost by them.
 */
#ifndef DYNAMODB_ES_PRICE_H
#define DYNAMODB_ES_PRICE_H

#include "postgres.h"

#include "dynamodb/usage.h"

/* Defines the settings; from _PG_init. */
extern void price_define(void);

/* In the currency of the settings. false: neither is set. One that is not set counts as nothing. */
extern bool price_of(const Usage *usage, double *price);

#endif
