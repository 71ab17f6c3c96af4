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
filter_tree_text(Node *tree, const ColumnMap *map, List *values, List *deparse_context)
{
	Printing	printing = {.map = map, .values = values, .context = deparse_context};

	initStringInfo(&printing.out);
	print_node(&printing, (List *) tree, true);
	return printing.out.data;
}
