/*
 * time_cost.c: is it worth it to look for a range of commit ids first? See time_cost.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "postgres/condition/clause.h"
#include "postgres/scan/time_cost.h"
#include "store/time_search.h"

/* For one bound, in a store of some size whose times are spread about evenly. */
#define REQUESTS_OF_BOUND 4.0

double
time_cost_requests(List *of_time)
{
	return REQUESTS_OF_BOUND * list_length(of_time);
}

double
time_cost_commits(List *of_time)
{
	return (double) TIME_SEARCH_SMALL * list_length(of_time);
}

/* A constant so much later, or earlier, of the column's type; NULL where there is no such value. */
static Const *
moved(const Column *column, const Const *value, int64 distance_ms)
{
	bool		is_integer = column->kind == KIND_INTEGER;
	int64		moment = is_integer ? clause_integer(value->constvalue, value->consttype)
		: clause_timestamp(value->constvalue, value->consttype);

	if ((!is_integer && TIMESTAMP_NOT_FINITE(moment))
		|| pg_add_s64_overflow(moment, is_integer ? distance_ms : distance_ms * 1000, &moment)
		|| (!is_integer && !IS_VALID_TIMESTAMP(moment)))
		return NULL;
	return makeConst(column->type, -1, InvalidOid, sizeof(int64), Int64GetDatum(moment), false, FLOAT8PASSBYVAL);
}

/* column OP value, which lies so far from the one of the query. NULL where that cannot be. */
static Expr *
comparison(const RelOptInfo *rel, const Column *column, StrategyNumber strategy, const Const *value, int64 distance_ms)
{
	Oid			family = lookup_type_cache(column->type, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	Oid			operator = get_opfamily_member(family, column->type, column->type, strategy);
	Const	   *there = moved(column, value, distance_ms);
	Var		   *var = makeVar(rel->relid, column->attnum, column->type, column->typmod, InvalidOid, 0);

	if (there == NULL || !OidIsValid(operator))
		return NULL;
	return make_opclause(operator, BOOLOID, false, (Expr *) var, (Expr *) there, InvalidOid, InvalidOid);
}

/* What the value of a condition's only term will be, as far as can be told; NULL where it cannot, and where that is NULL. */
static const Const *
value_of(PlannerInfo *root, const KeyCondition *condition)
{
	const KeyTerm *term = linitial(linitial(condition->arms));
	Const	   *value = (Const *) estimate_expression_value(root, (Node *) term->value);

	return IsA(value, Const) && !value->constisnull ? value : NULL;
}

double
time_cost_passed(PlannerInfo *root, RelOptInfo *rel, List *of_time, bool backward)
{
	List	   *clauses = NIL;
	ListCell   *cell;

	foreach(cell, of_time)
	{
		const KeyCondition *condition = lfirst(cell);
		const KeyTerm *term = linitial(linitial(condition->arms));
		bool		is_before = backward ? term->strategy <= BTEqualStrategyNumber : term->strategy >= BTEqualStrategyNumber;

		if (pushdown_is_one_comparison(condition) && (is_before || value_of(root, condition) == NULL))
			clauses = lappend(clauses, condition->clause);
	}
	return 1 - clauselist_selectivity(root, clauses, rel->relid, JOIN_INNER, NULL);
}

List *
time_cost_clauses(PlannerInfo *root, RelOptInfo *rel, const Column *column, const KeyCondition *condition, int64 slack_ms)
{
	const KeyTerm *term = linitial(linitial(condition->arms));
	const Const *value = value_of(root, condition);
	bool		has_lower = term->strategy >= BTEqualStrategyNumber;
	bool		has_upper = term->strategy <= BTEqualStrategyNumber;
	Expr	   *lower = NULL;
	Expr	   *upper = NULL;
	List	   *clauses = NIL;

	if (!pushdown_is_one_comparison(condition) || value == NULL)
		return list_make1(condition->clause);
	if (has_lower && (lower = comparison(rel, column, BTGreaterEqualStrategyNumber, value, -slack_ms)) != NULL)
		clauses = lappend(clauses, lower);
	if (has_upper && (upper = comparison(rel, column, BTLessEqualStrategyNumber, value, slack_ms)) != NULL)
		clauses = lappend(clauses, upper);
	return clauses != NIL ? clauses : list_make1(condition->clause);
}
