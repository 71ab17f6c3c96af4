/*
 * table_cache.c: when is what is known of a foreign table no longer so?
 *
 * A change of the table or of one of its columns is told by the relation cache, one of its options also by the system cache,
 * as one of its server is; also where the transaction that made it, or a part of it, is rolled back. An entry that is out of date leaves the
 * table at once, and its memory goes with the last statement that uses it.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "postgres/table/table_cache.h"

/* An entry has a few KB; of more tables than that those not used for the longest time are forgotten. */
#define MOST_TABLES 100

typedef struct CachedTable
{
	KnownTable	known;
	Oid			relation;
	uint32		table_hash;		/* of the syscache entries that it was made from */
	uint32		server_hash;
	MemoryContext context;		/* it is in here itself */
	int			references;
	bool		is_current;		/* it is in the list */
	dlist_node	node;
} CachedTable;

/* A statement's reference, given back when its memory context goes. */
typedef struct TableReference
{
	MemoryContextCallback callback;
	CachedTable *table;
} TableReference;

static dlist_head tables = DLIST_STATIC_INIT(tables);	/* those used last first */
static int	ntables = 0;
static uint64 changes = 0;		/* that we have been told of */

static void
free_if_unused(CachedTable *table)
{
	if (table->references == 0 && !table->is_current)
		MemoryContextDelete(table->context);
}

static void
forget(CachedTable *table)
{
	dlist_delete(&table->node);
	ntables--;
	table->is_current = false;
	free_if_unused(table);
}

/* Relcache callback; InvalidOid stands for all relations. The list is short. */
static void
relation_changed(Datum arg, Oid relation)
{
	dlist_mutable_iter iter;

	changes++;
	dlist_foreach_modify(iter, &tables)
	{
		CachedTable *table = dlist_container(CachedTable, node, iter.cur);

		if (relation == InvalidOid || relation == table->relation)
			forget(table);
	}
}

/* Syscache callback: a server or a foreign table; 0 stands for all of them. */
static void
options_changed(Datum arg, int cache, uint32 hash)
{
	dlist_mutable_iter iter;

	changes++;
	dlist_foreach_modify(iter, &tables)
	{
		CachedTable *table = dlist_container(CachedTable, node, iter.cur);

		if (hash == 0 || hash == (cache == FOREIGNTABLEREL ? table->table_hash : table->server_hash))
			forget(table);
	}
}

static void
listen_for_changes(void)
{
	static bool listens = false;

	if (listens)
		return;
	listens = true;
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNTABLEREL, options_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, options_changed, (Datum) 0);
}

/* An error leaves what there is of it to the caller's memory context. */
static CachedTable *
table_read(Relation relation)
{
	Oid			oid = RelationGetRelid(relation);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dynamodb_es table", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	CachedTable *table = palloc0(sizeof(CachedTable));

	table->context = context;
	table->relation = oid;
	table->known.map = column_map_new(relation);
	table->known.options = options_of_table(oid);
	table->table_hash = GetSysCacheHashValue1(FOREIGNTABLEREL, ObjectIdGetDatum(oid));
	table->server_hash = GetSysCacheHashValue1(FOREIGNSERVEROID, ObjectIdGetDatum(table->known.options.server));
	MemoryContextSwitchTo(caller);
	return table;
}

static CachedTable *
find(Oid relation)
{
	dlist_iter	iter;

	dlist_foreach(iter, &tables)
	{
		CachedTable *table = dlist_container(CachedTable, node, iter.cur);

		if (table->relation != relation)
			continue;
		dlist_move_head(&tables, &table->node);
		return table;
	}
	return NULL;
}

static void
keep(CachedTable *table)
{
	if (ntables == MOST_TABLES)
		forget(dlist_tail_element(CachedTable, node, &tables));
	dlist_push_head(&tables, &table->node);
	ntables++;
	table->is_current = true;
}

/* Reading the catalogs may bring news of a change to what was read a moment before: then it serves this statement alone. */
static CachedTable *
find_or_read(Relation relation)
{
	CachedTable *table = find(RelationGetRelid(relation));
	uint64		seen = changes;

	if (table != NULL)
		return table;
	table = table_read(relation);
	MemoryContextSetParent(table->context, CacheMemoryContext);
	if (seen == changes)
		keep(table);
	return table;
}

static void
give_back(void *arg)
{
	TableReference *reference = arg;

	reference->table->references--;
	free_if_unused(reference->table);
}

/* The reference is made first: behind the table nothing may fail. */
const KnownTable *
table_cache_use(Relation relation, MemoryContext context)
{
	TableReference *reference = MemoryContextAllocZero(context, sizeof(TableReference));

	listen_for_changes();
	reference->table = find_or_read(relation);
	reference->table->references++;
	reference->callback.func = give_back;
	reference->callback.arg = reference;
	MemoryContextRegisterResetCallback(context, &reference->callback);
	return &reference->table->known;
}
