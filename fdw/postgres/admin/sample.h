/*
 * sample: the rows that ANALYZE looks at, out of those that were read.
 */
#ifndef DYNAMODB_ES_SAMPLE_H
#define DYNAMODB_ES_SAMPLE_H

#include "postgres.h"

#include "access/htup.h"

#include "postgres/table/relation.h"

typedef struct Sample Sample;

/* Allocated, as all that it keeps, in a new child of the current memory context. The relation must stay open. */
extern Sample *sample_new(Relation relation, const ColumnMap *map);

/* Forgets all rows. */
extern void sample_reset(Sample *sample);

/*
 * Takes an item, those of one aggregate one after the other. A row with an unreadable value is counted, but not kept.
 */
extern void sample_add(Sample *sample, const cJSON *item);

/* What was taken since the last reset. */
extern double sample_items(const Sample *sample);
extern double sample_unreadable(const Sample *sample);

/* false where it has too few aggregates to say how much more there is of a table. */
extern bool sample_extrapolates(const Sample *sample);

/*
 * Copies at most `target` rows into *rows, in the current memory context, and returns how many. `total_rows` is how
 * many the table has: as many as there were items if all of it was read.
 */
extern int	sample_draw(const Sample *sample, double total_rows, HeapTuple *rows, int target);

#endif
