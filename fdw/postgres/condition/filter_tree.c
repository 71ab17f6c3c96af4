/*
 * filter_tree.c: what does a filter's tree weigh, and what does it say?
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/value.h"
#include "utils/ruleutils.h"

#include "postgres/condition/clause.h"
#include "postgres/condition/filter_tree.h"

Node *
filter_tree_inner(FilterKind kind, List *children)
{
	return (Node *) lcons(makeInteger(kind), children);
}

/* A test of a column: its weight, and how it is shown. */
typedef struct TestRule
{
	int			weight;
	bool		weighs_values;	/* and a half for each value beside it */
	const char *shown;			/* with one %s, the value; NULL: the comparator before it */
} TestRule;

static const TestRule test_rules[] = {
	[BTLessStrategyNumber] = {.weight = 2},
	[BTLessEqualStrategyNumber] = {.weight = 2},
	[BTEqualStrategyNumber] = {.weight = 2},
	[BTGreaterEqualStrategyNumber] = {.weight = 2},
	[BTGreaterStrategyNumber] = {.weight = 2},
	[NOT_EQUAL_STRATEGY] = {.weight = 4},
	[TEST_IN] = {.weight = 4, .weighs_values = true, .shown = "= ANY (%s)"},
	[TEST_NOT_IN] = {.weight = 8, .weighs_values = true, .shown = "<> ALL (%s)"},
	[TEST_NULL] = {.weight = 5, .shown = "IS NULL"},
	[TEST_NOT_NULL] = {.weight = 5, .shown = "IS NOT NULL"},
	[TEST_DISTINCT] = {.weight = 8, .shown = "IS DISTINCT FROM %s"},
	[TEST_NOT_DISTINCT] = {.weight = 8, .shown = "IS NOT DISTINCT FROM %s"},
	[TEST_VALUE] = {.weight = 0, .shown = "%s"},
};

static int
leaf_weight(List *leaf)
{
	const TestRule *rule = &test_rules[list_nth_int(leaf, LEAF_TEST)];

	return rule->weight + (rule->weighs_values ? list_nth_int(leaf, LEAF_NVALUES) / 2 : 0);
}

int
filter_tree_weight(Node *tree)
{
	int			weight = 0;

	if (IsA(tree, IntList))
		return leaf_weight((List *) tree);
	for (int i = 1; i < list_length((List *) tree); i++)
		weight += filter_tree_weight(list_nth((List *) tree, i));
	return weight;
}

Node *
filter_tree_and(List *trees)
{
	if (list_length(trees) <= 1)
		return trees == NIL ? NULL : linitial(trees);
	return filter_tree_inner(FILTER_AND, list_copy(trees));
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
	if (test_rules[test].shown != NULL)
		appendStringInfo(&printing->out, test_rules[test].shown, value);
	else
		appendStringInfo(&printing->out, "%s %s", clause_comparator(test), value);
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
filter_tree_text(Node *tree, const ColumnMap *map, List *values, List *deparse_context)
{
	Printing	printing = {.map = map, .values = values, .context = deparse_context};

	initStringInfo(&printing.out);
	print_node(&printing, (List *) tree, true);
	return printing.out.data;
}
