/*
 * clause.c: which column, which operator, what kind of value?
 *
 * Whether DynamoDB may decide the condition that they make is pushdown.c's and filter_plan.c's.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "postgres/condition/clause.h"

Column *
clause_column(Node *node, Index relid, const ColumnMap *map)
{
	Var		   *var;

	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node == NULL || !IsA(node, Var))
		return NULL;
	var = (Var *) node;
	if (var->varno != (int) relid || var->varlevelsup != 0 || var->varattno <= 0)
		return NULL;
	return map->columns[var->varattno - 1];
}

StrategyNumber
clause_strategy(Oid operator, Oid type)
{
	Oid			family = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	StrategyNumber strategy;
	Oid			negator;

	if (!OidIsValid(family) || !OidIsValid(operator))
		return InvalidStrategy;
	strategy = get_op_opfamily_strategy(operator, family);
	if (strategy != InvalidStrategy)
		return strategy;
	negator = get_negator(operator);
	if (OidIsValid(negator) && get_op_opfamily_strategy(negator, family) == BTEqualStrategyNumber)
		return NOT_EQUAL_STRATEGY;
	return InvalidStrategy;
}

bool
clause_converts_integer(Oid function)
{
	return function == F_NUMERIC_INT2 || function == F_NUMERIC_INT4 || function == F_NUMERIC_INT8
		|| function == F_FLOAT8_INT2 || function == F_FLOAT8_INT4 || function == F_FLOAT8_INT8;
}

const char *
clause_comparator(StrategyNumber strategy)
{
	static const char *const comparators[] = {
		[BTLessStrategyNumber] = "<",
		[BTLessEqualStrategyNumber] = "<=",
		[BTEqualStrategyNumber] = "=",
		[BTGreaterEqualStrategyNumber] = ">=",
		[BTGreaterStrategyNumber] = ">",
		[NOT_EQUAL_STRATEGY] = "<>",
	};

	return comparators[strategy];
}

static bool
contains_subplan(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan))
		return true;
	return expression_tree_walker(node, contains_subplan, context);
}

bool
clause_is_stable(Node *node)
{
	return !contain_volatile_functions(node) && !contains_subplan(node, NULL);
}

bool
clause_is_free_of_columns(Node *node)
{
	return !contain_var_clause(node) && clause_is_stable(node);
}

bool
clause_is_integer_type(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

int64
clause_integer(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

TimestampTz
clause_timestamp(Datum value, Oid type)
{
	int			overflow;

	switch (type)
	{
		case DATEOID:
			return date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
		case TIMESTAMPOID:
			return timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow);
		default:
			return DatumGetTimestampTz(value);
	}
}

int
clause_array_elements(Datum array, Oid *type, Datum **elements, bool **nulls)
{
	ArrayType  *whole = DatumGetArrayTypeP(array);
	int16		length;
	bool		by_value;
	char		alignment;
	int			count;

	*type = ARR_ELEMTYPE(whole);
	get_typlenbyvalalign(*type, &length, &by_value, &alignment);
	deconstruct_array(whole, *type, length, by_value, alignment, elements, nulls, &count);
	return count;
}

/*
 * What PostgreSQL's own header offers for this needs ICU's headers, and changes from release to release; the catalogs
 * do not.
 */
bool
clause_collation_is_c(Oid collation)
{
	bool		is_default = collation == DEFAULT_COLLATION_OID;
	HeapTuple	tuple = is_default ? SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId))
		: SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	char		provider;
	Datum		locale;
	bool		isnull;
	bool		is_c = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	if (is_default)
	{
		provider = ((Form_pg_database) GETSTRUCT(tuple))->datlocprovider;
		locale = SysCacheGetAttr(DATABASEOID, tuple, Anum_pg_database_datcollate, &isnull);
	}
	else
	{
		provider = ((Form_pg_collation) GETSTRUCT(tuple))->collprovider;
		locale = SysCacheGetAttr(COLLOID, tuple, Anum_pg_collation_collcollate, &isnull);
	}
	if (provider == COLLPROVIDER_LIBC && !isnull)
	{
		char	   *name = TextDatumGetCString(locale);

		is_c = strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0;
	}
	ReleaseSysCache(tuple);
	return is_c;
}
