/*
 * discover: the commits tables of an account and region, known by their keys and their index.
 *
 * A commits table has the key (aggregateId S, version N) and a global secondary index with the key (active S,
 * commitId N) that holds all attributes. Its name says nothing.
 */
#ifndef DYNAMODB_ES_DISCOVER_H
#define DYNAMODB_ES_DISCOVER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/step.h"
#include "dynamodb/client.h"

#define MAX_TABLE_NAME 255		/* bytes, of a table's or an index's name */

typedef struct DiscoverOperation DiscoverOperation;

/* Which tables are looked at. A view: what it points at must outlive the operation. */
typedef struct DiscoverSpec
{
	const char *const *tables;	/* these, without a ListTables; NULL: all there are */
	size_t		ntables;
	bool		(*wanted) (const char *table, void *arg);	/* of those, the ones to describe; NULL: all. Must not jump */
	void	   *arg;
} DiscoverSpec;

typedef struct DiscoveredTable
{
	char		table[MAX_TABLE_NAME + 1];
	char		index[MAX_TABLE_NAME + 1];	/* where several fit: "byId", else the first by name */
	int64_t		item_count;		/* DynamoDB's estimate, six hours old at worst, and 0 where an engine keeps none; -1: not known */
	int64_t		table_bytes;	/* likewise */
} DiscoveredTable;

/* NULL when memory ran out. */
extern DiscoverOperation *discover_start(Client *client, const DiscoverSpec *spec, Usage *usage);
extern StepResult discover_step(DiscoverOperation *discover);

/* After DONE: the tables by name, which belong to the operation. A table that does not exist is none. */
extern const DiscoveredTable *discover_tables(const DiscoverOperation *discover, size_t *count);

/* After DONE: how many tables there are that may not be described. */
extern size_t discover_denied(const DiscoverOperation *discover);
extern const Failure *discover_failure(const DiscoverOperation *discover);
extern void discover_free(DiscoverOperation *discover);

/* What DescribeTable says of a table. false when that is no commits table, or one that is being deleted. */
extern bool discover_read(const cJSON *response, DiscoveredTable *table);

#endif
