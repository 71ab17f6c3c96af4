/*
 * assigned.c: does anybody look at a value before the append has assigned it?
 *
 * Where rows wait for the commit, RETURNING would show NULL in the place of a commit id, and a check option would
 * compare with it: both are refused before the row is kept. Elsewhere a check option then has to wait for the append.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"

#include "postgres/append/assigned.h"

static Bitmapset *
columns_used(Node *expressions, Index target)
{
	Bitmapset  *used = NULL;

	pull_varattnos(expressions, target, &used);
	return used;
}

/* By its name, or with the row as a whole. */
static bool
is_used(const Bitmapset *used, AttrNumber attnum)
{
	return bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, used)
		|| bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, used);
}

static void
report_not_assigned(const ColumnMap *map, const Column *column, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s of foreign table \"%s\" cannot use column \"%s\"", what, map->relation_name, column->name),
			 errdetail("The rows are appended when the transaction commits; its value is known only then.")));
}

void
assigned_check_plan(const ColumnMap *map, List *returning, Index target)
{
	const Column *commit_id = map->by_role[COLUMN_COMMIT_ID];

	if (commit_id != NULL && is_used(columns_used((Node *) returning, target), commit_id->attnum))
		report_not_assigned(map, commit_id, "RETURNING");
}

/* The range table index by which RETURNING and check options name their target, also where it is a partition. */
static Index
index_of_target(const ResultRelInfo *target)
{
	return target->ri_RootResultRelInfo != NULL
		? target->ri_RootResultRelInfo->ri_RangeTableIndex : target->ri_RangeTableIndex;
}

AssignedUses *
assigned_uses_new(const ResultRelInfo *target)
{
	AssignedUses *uses = palloc0(sizeof(AssignedUses));
	Index		index = index_of_target(target);
	ListCell   *cell;

	if (target->ri_projectReturning != NULL)
		uses->by_returning = columns_used((Node *) target->ri_returningList, index);
	foreach(cell, target->ri_WithCheckOptions)
		pull_varattnos(lfirst_node(WithCheckOption, cell)->qual, index, &uses->by_check_options);
	return uses;
}

const Column *
assigned_missing(const ColumnMap *map, const Bitmapset *used, TupleTableSlot *slot)
{
	static const ColumnRole given_by_store[] = {COLUMN_COMMIT_ID, COLUMN_VERSION, COLUMN_COMMITTED_AT};

	for (size_t i = 0; i < lengthof(given_by_store); i++)
	{
		const Column *column = map->by_role[given_by_store[i]];

		if (column != NULL && is_used(used, column->attnum) && slot_attisnull(slot, column->attnum))
			return column;
	}
	return NULL;
}

static void
check_used(const ColumnMap *map, const Bitmapset *used, TupleTableSlot *slot, const char *what)
{
	const Column *missing = assigned_missing(map, used, slot);

	if (missing != NULL)
		report_not_assigned(map, missing, what);
}

void
assigned_check_row(const ColumnMap *map, const AssignedUses *uses, TupleTableSlot *slot)
{
	check_used(map, uses->by_returning, slot, "RETURNING");
	check_used(map, uses->by_check_options, slot, "a check option");
}
