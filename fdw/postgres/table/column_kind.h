/*
 * column_kind: what a kind of column is: its types, its attribute, how a value is read and written.
 */
#ifndef DYNAMODB_ES_COLUMN_KIND_H
#define DYNAMODB_ES_COLUMN_KIND_H

#include "postgres.h"

#include "dynamodb/attribute.h"
#include "postgres/table/column.h"

typedef struct KindRule
{
	const char *name;			/* its types, for messages */
	Oid			types[3];		/* of the columns */
	AttributeType stored;		/* as which attribute */
	bool		has_characters; /* of which single ones may be unreadable */

	/*
	 * A value, which raises an error where it cannot be read. *lost is set where a character was replaced; with a NULL
	 * instead that is an error, too.
	 */
	Datum		(*read) (Column *column, const AttributeValue *value, bool *lost);

	/* As column_write has it. */
	AttributeValue (*write) (Column *column, Datum value);
} KindRule;

extern const KindRule *kind_rule(ColumnKind kind);

/* The kind of a type's columns; false: there is none. */
extern bool kind_of_type(Oid type, ColumnKind *kind);

/* All names, as "a, b or c"; in the current memory context. */
extern char *kind_names(void);

/* column_read.c */
extern Datum read_text(Column *column, const AttributeValue *value, bool *lost);
extern Datum read_uuid(Column *column, const AttributeValue *value, bool *lost);
extern Datum read_integer(Column *column, const AttributeValue *value, bool *lost);
extern Datum read_numeric(Column *column, const AttributeValue *value, bool *lost);
extern Datum read_float(Column *column, const AttributeValue *value, bool *lost);
extern Datum read_boolean(Column *column, const AttributeValue *value, bool *lost);
extern Datum read_timestamp(Column *column, const AttributeValue *value, bool *lost);
extern Datum read_bytea(Column *column, const AttributeValue *value, bool *lost);
extern Datum read_json(Column *column, const AttributeValue *value, bool *lost);

/* column_write.c */
extern AttributeValue write_text(Column *column, Datum value);
extern AttributeValue write_uuid(Column *column, Datum value);
extern AttributeValue write_exact_number(Column *column, Datum value);
extern AttributeValue write_float(Column *column, Datum value);
extern AttributeValue write_boolean(Column *column, Datum value);
extern AttributeValue write_timestamp(Column *column, Datum value);
extern AttributeValue write_bytea(Column *column, Datum value);
extern AttributeValue write_jsonb(Column *column, Datum value);

#endif
