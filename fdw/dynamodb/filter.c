/*
 * filter.c: how is a tree of conditions written down? See filter.h.
 *
 * NOT binds closer than AND, and AND closer than OR. DynamoDB refuses redundant parentheses, so there are only those
 * that the order needs.
 */
#include "dynamodb/filter.h"

#include <string.h>

static void
write_type(const Filter *filter, Expression *expression, ByteBuffer *out)
{
	const char *name = attribute_type_name(filter->type);
	AttributeValue value = attribute_string(name, strlen(name));

	buffer_puts(out, "attribute_type(");
	expression_name(expression, out, filter->attribute);
	buffer_puts(out, ", ");
	expression_value(expression, out, &value);
	buffer_putc(out, ')');
}

static void
write_in(const Filter *filter, Expression *expression, ByteBuffer *out)
{
	expression_name(expression, out, filter->attribute);
	buffer_puts(out, " IN (");
	for (size_t i = 0; i < filter->nvalues; i++)
	{
		if (i > 0)
			buffer_puts(out, ", ");
		expression_value(expression, out, &filter->values[i]);
	}
	buffer_putc(out, ')');
}

/* An AND or OR of one child is that child. */
static const Filter *
skip_single(const Filter *filter)
{
	while ((filter->kind == FILTER_AND || filter->kind == FILTER_OR) && filter->nchildren == 1)
		filter = filter->children[0];
	return filter;
}

/* A child of `parent`, in parentheses where it would otherwise fall apart. */
static void
write_child(FilterKind parent, const Filter *child, Expression *expression, ByteBuffer *out)
{
	bool		apart;

	child = skip_single(child);
	apart = (child->kind == FILTER_OR && parent != FILTER_OR) || (child->kind == FILTER_AND && parent == FILTER_NOT);
	if (apart)
		buffer_putc(out, '(');
	filter_write(child, expression, out);
	if (apart)
		buffer_putc(out, ')');
}

static void
write_children(const Filter *filter, const char *between, Expression *expression, ByteBuffer *out)
{
	for (size_t i = 0; i < filter->nchildren; i++)
	{
		if (i > 0)
			buffer_puts(out, between);
		write_child(filter->kind, filter->children[i], expression, out);
	}
}

void
filter_write(const Filter *filter, Expression *expression, ByteBuffer *out)
{
	filter = skip_single(filter);
	switch (filter->kind)
	{
		case FILTER_AND:
			write_children(filter, " AND ", expression, out);
			break;
		case FILTER_OR:
			write_children(filter, " OR ", expression, out);
			break;
		case FILTER_NOT:
			buffer_puts(out, "NOT ");
			write_child(FILTER_NOT, filter->children[0], expression, out);
			break;
		case FILTER_COMPARE:
			expression_name(expression, out, filter->attribute);
			buffer_printf(out, " %s ", filter->comparator);
			expression_value(expression, out, &filter->values[0]);
			break;
		case FILTER_IN:
			write_in(filter, expression, out);
			break;
		case FILTER_EXISTS:
			buffer_puts(out, "attribute_exists(");
			expression_name(expression, out, filter->attribute);
			buffer_putc(out, ')');
			break;
		case FILTER_TYPE:
			write_type(filter, expression, out);
			break;
	}
}
