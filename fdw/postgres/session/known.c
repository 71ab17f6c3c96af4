/*
 * known.c: which commits of a store has this session seen? See known.h.
 *
 * They are hints (store/known_times.h). So nothing has to be done where the options of a table change, or its store.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "postgres/core/errors.h"
#include "postgres/session/known.h"

/* So many tables, at 6 KB each. Beyond them all is forgotten. */
#define MOST_TABLES 100

typedef struct TableTimes
{
	Oid			relation;		/* hash key */
	KnownTimes *times;
} TableTimes;

static HTAB *tables = NULL;

static void
forget_all(void)
{
	HASH_SEQ_STATUS scan;
	const TableTimes *table;

	hash_seq_init(&scan, tables);
	while ((table = hash_seq_search(&scan)) != NULL)
		known_times_release(table->times);
	hash_destroy(tables);
	tables = NULL;
}

static KnownTimes *
known_new(Oid relation)
{
	HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(TableTimes)};
	TableTimes *table;

	if (tables != NULL && hash_get_num_entries(tables) >= MOST_TABLES)
		forget_all();
	if (tables == NULL)
		tables = hash_create("dynamodb_es known times", 16, &control, HASH_ELEM | HASH_BLOBS);
	table = hash_search(tables, &relation, HASH_ENTER, NULL);
	table->times = known_times_new();
	if (table->times == NULL)
		report_out_of_memory();
	return table->times;
}

KnownTimes *
known_of_relation(Oid relation)
{
	const TableTimes *table = tables != NULL ? hash_search(tables, &relation, HASH_FIND, NULL) : NULL;

	return table != NULL && table->times != NULL ? table->times : known_new(relation);
}
