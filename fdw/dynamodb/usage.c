/*
 * usage: what do requests cost? See usage.h.
 */
#include "dynamodb/usage.h"

#include "dynamodb/response.h"

void
usage_add_request(Usage *usage, size_t body_bytes, bool is_retry)
{
	if (usage == NULL)
		return;
	usage->requests++;
	usage->retries += is_retry;
	usage->bytes_sent += (int64_t) body_bytes;
}

void
usage_add_answer(Usage *usage, size_t bytes, bool is_throttle)
{
	if (usage == NULL)
		return;
	usage->bytes_received += (int64_t) bytes;
	usage->throttles += is_throttle;
}

void
usage_add_costs(Usage *usage, Operation operation, const cJSON *response)
{
	int64_t		items = response_scanned_count(response);
	double		units = response_capacity_units(response);

	if (usage == NULL)
		return;
	if (operation_reads(operation))
		usage->read_units += units;
	else
		usage->write_units += units;
	usage->items += items > 0 ? items : 0;
}

void
usage_add_items(Usage *usage, int64_t items)
{
	if (usage != NULL && items > 0)
		usage->items += items;
}

void
usage_add_abandoned(Usage *usage)
{
	if (usage != NULL)
		usage->abandoned++;
}

void
usage_add(Usage *sum, const Usage *part)
{
	sum->requests += part->requests;
	sum->retries += part->retries;
	sum->throttles += part->throttles;
	sum->abandoned += part->abandoned;
	sum->bytes_sent += part->bytes_sent;
	sum->bytes_received += part->bytes_received;
	sum->read_units += part->read_units;
	sum->budgeted_units += part->budgeted_units;
	sum->write_units += part->write_units;
	sum->items += part->items;
	sum->waited_us += part->waited_us;
	sum->conflicts += part->conflicts;
	sum->unknown_fates += part->unknown_fates;
}
