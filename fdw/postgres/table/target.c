/*
 * target.c: is a table that a statement reads one that it appends to, too? See target.h.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "postgres/table/target.h"

/* Is that a foreign table of the same wrapper, for the same table of DynamoDB's? */
static bool
is_same_table(Oid relation, const TableOptions *options)
{
	return get_rel_relkind(relation) == RELKIND_FOREIGN_TABLE
		&& GetForeignServer(GetForeignServerIdByRelId(relation))->fdwid == GetForeignServer(options->server)->fdwid
		&& strcmp(options_of_table(relation).names.commit_table, options->names.commit_table) == 0;
}

/* Rows may go to any partition. */
static bool
holds_table(Oid target, const TableOptions *options)
{
	ListCell   *relation;

	foreach(relation, find_all_inheritors(target, NoLock, NULL))
		if (is_same_table(lfirst_oid(relation), options))
			return true;
	return false;
}

static bool
query_appends(const Query *query, const TableOptions *options)
{
	return query->resultRelation > 0
		&& holds_table(rt_fetch(query->resultRelation, query->rtable)->relid, options);
}

/* What writes is the statement itself, or stands in its own WITH. */
bool
target_in_query(const PlannerInfo *root, const TableOptions *options)
{
	ListCell   *cell;

	while (root->parent_root != NULL)
		root = root->parent_root;
	foreach(cell, root->parse->cteList)
		if (query_appends(castNode(Query, lfirst_node(CommonTableExpr, cell)->ctequery), options))
			return true;
	return query_appends(root->parse, options);
}

bool
target_in_plan(EState *estate, const TableOptions *options)
{
	ListCell   *target;

	foreach(target, estate->es_plannedstmt->resultRelations)
		if (holds_table(exec_rt_fetch(lfirst_int(target), estate)->relid, options))
			return true;
	return false;
}
