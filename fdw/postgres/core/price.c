/*
 * price.c: what may the requests have cost in money?
 *
 * An estimate: units times a price that somebody has set. Of storage, backups, data transfer, free tiers and provisioned throughput
 * nothing is known here.
 */
#include "postgres.h"

#include <float.h>

#include "utils/guc.h"

#include "postgres/core/price.h"

static double per_million_read_units = 0;	/* 0: not set */
static double per_million_write_units = 0;

void
price_define(void)
{
	DefineCustomRealVariable("dynamodb_es.price_per_million_read_units",
							 "Price of a million read capacity units, for estimates.",
							 "0 means that it is not set.",
							 &per_million_read_units, 0, 0, DBL_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("dynamodb_es.price_per_million_write_units",
							 "Price of a million write capacity units, for estimates.",
							 "0 means that it is not set.",
							 &per_million_write_units, 0, 0, DBL_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
}

bool
price_of(const Usage *usage, double *price)
{
	*price = (usage->read_units * per_million_read_units + usage->write_units * per_million_write_units) / 1e6;
	return per_million_read_units > 0 || per_million_write_units > 0;
}
