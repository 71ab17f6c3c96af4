/*
 * relation: the columns of a foreign table and the attributes of its items, and values on the way from one to the
 * other.
 */
#ifndef DYNAMODB_ES_RELATION_H
#define DYNAMODB_ES_RELATION_H

#include "postgres.h"

#include "access/attnum.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "dynamodb/attribute.h"
#include "postgres/table/column.h"
#include "postgres/table/unreadable.h"
#include "store/commit.h"

typedef struct ColumnMap
{
	const char *relation_name;
	int			natts;			/* of the relation; columns[attnum - 1] */
	Column	  **columns;		/* NULL: dropped */
	Column	   *by_role[COMMIT_ROLES];	/* NULL: the table has none */
	bool		replaces_unreadable;	/* the option of its table; set by whoever plans or reads */
	bool		times_have_slack;	/* likewise: committed_at_slack_ms is declared */
	Replacements *replacements; /* where to count that on reading; NULL: unreadable values are errors */
	const Column *ordered_by;	/* the one that the rows are read in the order of: it is never replaced; NULL: none */
} ColumnMap;

/* Made in the current memory context. Raises an error that names a column whose type or attribute will not do. */
extern ColumnMap *column_map_new(Relation relation);

/* An attribute's name in the server's encoding, for messages; in the current memory context. */
extern const char *attribute_shown(const char *attribute);
extern const char *column_attribute_shown(const Column *column);

/*
 * The value of a column in an item. An unreadable value is an error (22P02, 22P05, 22003) that names aggregate, version and
 * attribute, as far as the item has them. With map->replacements it is replaced instead, and counted: unreadable characters by
 * U+FFFD, any other value by NULL.
 */
extern Datum column_read(const ColumnMap *map, Column *column, const cJSON *item, bool *isnull);

/*
 * An item as a row: the values of these columns (NULL: skipped), by their attnums. All other columns of the relation are
 * NULL, and their values not set.
 */
extern void columns_read(const ColumnMap *map, Column *const *columns, int ncolumns, const cJSON *item, Datum *values,
						 bool *isnull);

/* The value of a text, varchar or uuid column from text in UTF-8. */
extern Datum column_of_text(Column *column, const char *text);

/*
 * The attribute of a column's value, which is not NULL: text in the current memory context, in UTF-8. Raises 22023,
 * 22003 for a value that DynamoDB cannot hold.
 */
extern AttributeValue column_write(Column *column, Datum value);

/*
 * A timestamp's milliseconds since the epoch, rounded down, and back. Raises 22023 for an infinite one, 22003 for
 * what is out of range.
 */
extern int64 timestamp_to_ms(TimestampTz timestamp);
extern TimestampTz timestamp_from_ms(int64 ms);

/* A timestamptz column holds multiples of so many milliseconds: 1000 for timestamptz(0). */
extern int64 timestamp_unit(const Column *column);

#endif
