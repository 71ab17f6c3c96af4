/*
 * filter_evaluate.c: what does a filter's tree come to?
 *
 * Constants are folded when it is evaluated: an arm that is true of every item, or of none, either decides the AND or
 * OR it stands in, or drops out of it.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "utils/builtins.h"

#include "postgres/condition/clause.h"
#include "postgres/condition/filter_evaluate.h"
#include "postgres/condition/filter_leaf.h"
#include "postgres/condition/filter_tree.h"
#include "postgres/core/compat.h"

typedef struct Evaluation
{
	const ColumnMap *map;
	List	   *values;
	List	   *states;
	ExprContext *econtext;
} Evaluation;

static bool
text_has_replacement(Datum value)
{
	char	   *characters = TextDatumGetCString(value);
	bool		has = strstr(characters, "\xEF\xBF\xBD") != NULL;

	pfree(characters);
	return has;
}

/* Is the column compared with U+FFFD? Where that replaces what cannot be read, DynamoDB does not know what is alike. */
static bool
asks_for_replacement(const Evaluation *evaluation, const Column *column, int test, Datum value, Oid type)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (!evaluation->map->replaces_unreadable || column->kind != KIND_TEXT)
		return false;
	if (test != TEST_IN)
		return test == BTEqualStrategyNumber && text_has_replacement(value);
	count = clause_array_elements(value, &type, &elements, &nulls);
	for (int i = 0; i < count; i++)
		if (!nulls[i] && text_has_replacement(elements[i]))
			return true;
	return false;
}

static FilterOutcome
evaluate_leaf(Evaluation *evaluation, List *leaf, const Filter **filter)
{
	int			test = list_nth_int(leaf, LEAF_TEST);
	int			index = list_nth_int(leaf, LEAF_VALUE);
	Column	   *column;
	Oid			type = InvalidOid;
	bool		isnull = true;
	Datum		value = (Datum) 0;

	if (index >= 0)
	{
		type = exprType(list_nth(evaluation->values, index));
		value = ExecEvalExpr((ExprState *) list_nth(evaluation->states, index), evaluation->econtext, &isnull);
	}
	if (test == TEST_VALUE)
		return !isnull && DatumGetBool(value) ? FILTER_ALL : FILTER_NONE;
	column = evaluation->map->columns[list_nth_int(leaf, LEAF_ATTNUM) - 1];
	if (!isnull && asks_for_replacement(evaluation, column, test, value, type))
		return FILTER_ALL;
	return filter_leaf(column, test, value, type, isnull, filter);
}

static FilterOutcome
evaluate_node(Evaluation *evaluation, List *node, const Filter **filter)
{
	List	   *children = NIL;
	FilterKind	kind;
	FilterOutcome decisive;		/* of one child, for all of them */

	if (IsA(node, IntList))
		return evaluate_leaf(evaluation, node, filter);
	kind = intVal(linitial(node));
	decisive = kind == FILTER_AND ? FILTER_NONE : FILTER_ALL;
	for (int i = 1; i < list_length(node); i++)
	{
		const Filter *child = NULL;
		FilterOutcome outcome = evaluate_node(evaluation, list_nth(node, i), &child);

		if (outcome == decisive)
			return outcome;
		if (outcome == FILTER_SOME)
			children = lappend(children, unconstify(Filter *, child));
	}
	if (children == NIL)
		return kind == FILTER_AND ? FILTER_ALL : FILTER_NONE;
	*filter = filter_inner(kind, children);
	return FILTER_SOME;
}

static size_t
value_bytes(const Filter *filter)
{
	size_t		bytes = 0;

	for (size_t i = 0; i < filter->nvalues; i++)
		bytes += filter->values[i].length;
	for (size_t i = 0; i < filter->nchildren; i++)
		bytes += value_bytes(filter->children[i]);
	return bytes;
}

static void
check_value_bytes(const ColumnMap *map, const Filter *filter)
{
	if (value_bytes(filter) > FILTER_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the values in the conditions on foreign table \"%s\" are too long", map->relation_name),
				 errdetail("DynamoDB takes about 1 MB of them in a request.")));
}

FilterOutcome
filter_evaluate(Node *tree, const ColumnMap *map, List *values, List *states, ExprContext *econtext,
				const Filter **filter)
{
	Evaluation	evaluation = {.map = map, .values = values, .states = states, .econtext = econtext};
	FilterOutcome outcome;

	*filter = NULL;
	if (tree == NULL)
		return FILTER_ALL;
	outcome = evaluate_node(&evaluation, (List *) tree, filter);
	if (outcome != FILTER_SOME)
		*filter = NULL;
	else
		check_value_bytes(map, *filter);
	return outcome;
}
