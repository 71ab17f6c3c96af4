/*
 * filter: a FilterExpression as a tree.
 *
 * DynamoDB applies it after the items of a page were read and paid for: it saves transfer, not capacity. A comparison
 * is false where the attribute is absent or of another type, but "<>" is true there, and so is NOT of a comparison.
 * Source: "Condition and filter expressions, operators, and functions", DynamoDB Developer Guide.
 */
#ifndef DYNAMODB_ES_FILTER_H
#define DYNAMODB_ES_FILTER_H

#include <stddef.h>

#include "base/buffer.h"
#include "dynamodb/attribute.h"
#include "dynamodb/request.h"

/* DynamoDB's limit for one expression. */
#define FILTER_MAX_IN 100

typedef enum FilterKind
{
	FILTER_AND,					/* of at least one child */
	FILTER_OR,
	FILTER_NOT,					/* of one child */
	FILTER_COMPARE,				/* attribute comparator value */
	FILTER_IN,					/* attribute IN (values) */
	FILTER_EXISTS,				/* attribute_exists(attribute) */
	FILTER_TYPE					/* attribute_type(attribute, type) */
} FilterKind;

/* A view: nodes, texts and values are the caller's, and must outlive the operation that they are given to. */
typedef struct Filter
{
	FilterKind	kind;
	const struct Filter *const *children;
	size_t		nchildren;
	const char *attribute;
	const char *comparator;		/* "=", "<>", "<", "<=", ">", ">=" */
	const AttributeValue *values;	/* one for COMPARE, up to FILTER_MAX_IN for IN */
	size_t		nvalues;
	AttributeType type;			/* TYPE */
} Filter;

/* Appends the expression, its names and values going through *expression. */
extern void filter_write(const Filter *filter, Expression *expression, ByteBuffer *out);

#endif
