/*
 * filter.c: what does a filter's tree come to?
 *
 * Constants are folded when it is evaluated: an arm that is true of every item, or of none, either decides the AND or
 * OR it stands in, or drops out of it.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/ruleutils.h"

#include "postgres/compat.h"
#include "postgres/filter_tree.h"

static int
leaf_weight(List *leaf)
{
	switch (list_nth_int(leaf, LEAF_TEST))
	{
		case TEST_VALUE:
			return 0;
		case NOT_EQUAL_STRATEGY:
			return 4;
		case TEST_NULL:
		case TEST_NOT_NULL:
			return 5;
		case TEST_DISTINCT:
		case TEST_NOT_DISTINCT:
			return 8;
		case TEST_IN:
			return 4 + list_nth_int(leaf, LEAF_NVALUES) / 2;
		case TEST_NOT_IN:
			return 8 + list_nth_int(leaf, LEAF_NVALUES) / 2;
		default:
			return 2;
	}
}

int
filter_weight(Node *tree)
{
	int			weight = 0;

	if (IsA(tree, IntList))
		return leaf_weight((List *) tree);
	for (int i = 1; i < list_length((List *) tree); i++)
		weight += filter_weight(list_nth((List *) tree, i));
	return weight;
}

size_t
filter_constant_bytes(List *values, int first)
{
	size_t		bytes = 0;

	for (int i = first; i < list_length(values); i++)
	{
		Node	   *value = list_nth(values, i);
		Const	   *constant = (Const *) value;

		if (IsA(value, ArrayExpr))
			bytes += filter_constant_bytes(((ArrayExpr *) value)->elements, 0);
		else if (IsA(value, Const) && !constant->constisnull && constant->constlen == -1)
			bytes += toast_raw_datum_size(constant->constvalue);
	}
	return bytes;
}

Node *
filter_and(List *trees)
{
	if (list_length(trees) <= 1)
		return trees == NIL ? NULL : linitial(trees);
	return filter_tree_inner(FILTER_AND, list_copy(trees));
}

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

typedef struct Printing
{
	const ColumnMap *map;
	List	   *values;
	List	   *context;
	StringInfoData out;
} Printing;

static void
print_leaf(Printing *printing, List *leaf)
{
	int			test = list_nth_int(leaf, LEAF_TEST);
	int			attnum = list_nth_int(leaf, LEAF_ATTNUM);
	int			index = list_nth_int(leaf, LEAF_VALUE);
	const char *value = "";

	if (index >= 0)
		value = deparse_expression(list_nth(printing->values, index), printing->context, false, false);
	if (attnum > 0)
		appendStringInfo(&printing->out, "%s ", column_attribute_shown(printing->map->columns[attnum - 1]));
	switch (test)
	{
		case TEST_IN:
			appendStringInfo(&printing->out, "= ANY (%s)", value);
			break;
		case TEST_NOT_IN:
			appendStringInfo(&printing->out, "<> ALL (%s)", value);
			break;
		case TEST_NULL:
			appendStringInfoString(&printing->out, "IS NULL");
			break;
		case TEST_NOT_NULL:
			appendStringInfoString(&printing->out, "IS NOT NULL");
			break;
		case TEST_DISTINCT:
			appendStringInfo(&printing->out, "IS DISTINCT FROM %s", value);
			break;
		case TEST_NOT_DISTINCT:
			appendStringInfo(&printing->out, "IS NOT DISTINCT FROM %s", value);
			break;
		case TEST_VALUE:
			appendStringInfoString(&printing->out, value);
			break;
		default:
			appendStringInfo(&printing->out, "%s %s", clause_comparator(test), value);
			break;
	}
}

static void
print_node(Printing *printing, List *node, bool outermost)
{
	if (IsA(node, IntList))
	{
		print_leaf(printing, node);
		return;
	}
	if (!outermost)
		appendStringInfoChar(&printing->out, '(');
	for (int i = 1; i < list_length(node); i++)
	{
		if (i > 1)
			appendStringInfoString(&printing->out, intVal(linitial(node)) == FILTER_AND ? " AND " : " OR ");
		print_node(printing, list_nth(node, i), false);
	}
	if (!outermost)
		appendStringInfoChar(&printing->out, ')');
}

char *
filter_text(Node *tree, const ColumnMap *map, List *values, List *deparse_context)
{
	Printing	printing = {.map = map, .values = values, .context = deparse_context};

	initStringInfo(&printing.out);
	print_node(&printing, (List *) tree, true);
	return printing.out.data;
}
