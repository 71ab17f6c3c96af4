/*
 * store_batch.c: which store do the rows of a foreign table go to, how, and as whom?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"

#include "postgres/append/row.h"
#include "postgres/append/store_batch.h"

/* Of ids that an import remembers, 16 bytes each. They are in order: finding a place, or making one, takes microseconds. */
#define IMPORTED_RANGES 10000

void
store_batch_check_table(const TableOptions *options, const ColumnMap *map)
{
	if (options->is_feed)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot insert into feed table \"%s\"", map->relation_name),
				 errhint("Insert into a foreign table of the same store without the option \"consistent_prefix\".")));
	row_check_columns(map, options->append_mode);
}

/* The attribute of the column that carries tokens. */
static const char *
token_attribute(const ColumnMap *map, const char *column_name)
{
	for (int i = 0; column_name != NULL && i < map->natts; i++)
		if (map->columns[i] != NULL && map->columns[i]->role == COLUMN_EXTRA
			&& strcmp(map->columns[i]->name, column_name) == 0)
			return map->columns[i]->attribute;
	if (column_name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
				 errmsg("foreign table \"%s\" has no column \"%s\" for the option \"append_token\"",
						map->relation_name, column_name),
				 errhint("Name a column that is not one of the commit's own.")));
	return NULL;
}

RowBatch
store_batch_new(const TableOptions *options, const ColumnMap *map)
{
	return (RowBatch)
	{
		.relation_name = map->relation_name,
		.names = options->names,
		.settings =
		{
			.mode = options->append_mode,
			.contiguous = options->contiguous_versions,
			.ids_at_once = (size_t) options->batch_size,
			.burn_notes = options->burn_notes,
			.max_parallel = options->max_connections,
			.deadline_ms = options->append_deadline_ms,
			.max_version = map->by_role[COLUMN_VERSION]->type == INT4OID ? PG_INT32_MAX : PG_INT64_MAX,
			.token_attribute = token_attribute(map, options->append_token),
		},
	};
}

static IdSet *
new_id_set(MemoryContext context)
{
	IdSet	   *set = MemoryContextAlloc(context, sizeof(IdSet));

	id_set_init(set, MemoryContextAlloc(context, IMPORTED_RANGES * sizeof(IdRange)), IMPORTED_RANGES);
	return set;
}

Oid
store_batch_connect(RowBatch *batch, MemoryContext context, const TableOptions *options, Oid user, Oid owner)
{
	Oid			mapping;

	batch->context = AllocSetContextCreate(context, "dynamodb_es rows", ALLOCSET_DEFAULT_SIZES);
	batch->tenure = tenure_new(context, connection_acquire(user, options->server, owner));
	mapping = connection_mapping(batch->tenure->connection);
	if (options->contiguous_versions && options->append_mode != APPEND_DENSE)
		batch->last_versions = last_versions_new(context);
	if (options->append_mode == APPEND_IMPORT)
		batch->imported = new_id_set(context);
	if (options->append_mode == APPEND_DENSE)
	{
		batch->store = dense_store_find(options->server, mapping, &batch->names);
		batch->settings.head = &batch->store->head;
	}
	return mapping;
}
