/*
 * pushdown: which conditions of a query DynamoDB can decide as a key condition, meaning exactly what PostgreSQL means.
 */
#ifndef DYNAMODB_ES_PUSHDOWN_H
#define DYNAMODB_ES_PUSHDOWN_H

#include "postgres.h"

#include "access/stratnum.h"
#include "nodes/pathnodes.h"

#include "postgres/table/relation.h"
#include "store/read.h"

/*
 * column OP value, or column = ANY (array). OP is a B-tree operator of the column's own type family, or of numeric or
 * double precision, to which the column is converted: then the value is of that type, or real.
 */
typedef struct KeyTerm
{
	ColumnRole	role;			/* aggregate_id, version, commit_id or committed_at */
	StrategyNumber strategy;	/* BTLessStrategyNumber … BTGreaterStrategyNumber; "=" alone for aggregate_id */
	bool		is_array;		/* = ANY (value), strategy being "=" */
	int			aggregate_field;	/* 0; or (aggregate_id, version) = ANY (value), in this or the other order: 1 or 2 */
	Oid			aggregate_type; /* then: of the columns, which the fields must have, too */
	Oid			version_type;
	Expr	   *value;			/* without columns of the table, and stable */
} KeyTerm;

/* What a clause asks of the keys: an OR of arms, each of which is an AND of terms. Mostly there is one arm with one term. */
typedef struct KeyCondition
{
	ColumnRole	role;			/* aggregate_id: each arm has a term of it, and may have others of version. Otherwise all are of the role */
	List	   *arms;			/* of List of KeyTerm * */
	bool		is_weaker;		/* than the clause, which is to be checked here, too */
	RestrictInfo *clause;		/* where it stands in the query */
} KeyCondition;

/* true for column OP value: it leaves one aggregate, or one range of versions or commit ids. */
extern bool pushdown_is_one_comparison(const KeyCondition *condition);

/*
 * A List of KeyCondition *, for those of the clauses (RestrictInfo) on a relation that are one; an OR may be one for each
 * role.
 */
extern List *pushdown_key_conditions(List *clauses, Index relid, const ColumnMap *map);

/* The conditions, out of a List as above, that a path sends as its key condition. */
extern List *pushdown_for_path(List *conditions, ReadPath path);

/*
 * Those on committed_at, by which a path along the index may look for the range of commit ids that they leave. They are checked as well. There
 * are none where no slack is declared.
 */
extern List *pushdown_of_time(List *conditions);

/* The condition that fixes aggregate_id among those of a path, or NULL. */
extern KeyCondition *pushdown_aggregate_condition(List *conditions);

/* The column that a path can be ordered by, or NULL. */
extern Column *pushdown_sort_column(const ColumnMap *map, ReadPath path);

/*
 * true when every key is shown as the value that DynamoDB compares. Otherwise an unreadable key is shown as NULL, and PostgreSQL
 * has to check again the conditions that DynamoDB has decided. A key that a read is ordered by is never shown as NULL: if it
 * is unreadable, that is an error.
 */
extern bool pushdown_key_is_exact(const ColumnMap *map, ColumnRole role, ReadPath path, bool ordered);

/* true when every item on the path satisfies the clause: IS NOT NULL of a key attribute. */
extern bool pushdown_is_implied(const RestrictInfo *clause, Index relid, const ColumnMap *map, ReadPath path, bool ordered);

#endif
