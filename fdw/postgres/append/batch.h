/*
 * batch: rows on their way to one store, and what became of them.
 */
#ifndef DYNAMODB_ES_BATCH_H
#define DYNAMODB_ES_BATCH_H

#include "postgres.h"

#include "postgres/append/dense_store.h"
#include "postgres/append/last_versions.h"
#include "postgres/session/tenure.h"
#include "store/append.h"
#include "store/feed.h"
#include "store/id_set.h"

typedef struct RowBatch
{
	const char *relation_name;
	StoreNames	names;
	AppendSettings settings;
	Tenure	   *tenure;
	MemoryContext context;		/* what the rows need; reset by batch_forget */
	AppendRow  *rows;
	int			nrows;
	DenseStore *store;			/* the dense store that the rows go to; NULL: nobody takes turns */
	bool		has_turn;
	IdRange		stored;			/* the lowest and the highest id that its statement has stored so far; zeroes: none is */
	LastVersions *last_versions;	/* of its statement, where the version before has to be looked for; NULL: it has not */
	int64		raise_to;		/* an import's largest id that may be stored, which the counter has not reached yet; 0: none is */
	IdSet	   *imported;		/* the ids that its statement has imported, as many as there is room for; NULL: it is no import */
	Usage		usage;
} RowBatch;

/*
 * Appends the rows and returns when each is stored or skipped; raises an error, which says what became of each, when
 * one is not. The count of commits that a rollback leaves in the store is kept.
 */
extern void batch_append(RowBatch *batch);

/*
 * Likewise where the settings expect a value of the counter. false: it has another one, which settings.head points at.
 * In any case, an error included, the turn is still the batch's: whoever calls gives it to others.
 */
extern bool batch_try(RowBatch *batch);
extern void batch_give_turn(RowBatch *batch);

/* Takes the turn before it is needed. true: that was waited for, so that others may have appended. */
extern bool batch_take_turn(RowBatch *batch);

/* At the end of a statement: raises the counter to what was imported. An error says that it could not be. */
extern void batch_raise(RowBatch *batch);

/* At the end of a statement: tells those who follow the store of what was stored. */
extern void batch_wake(const RowBatch *batch);

/* Empties the batch and frees what its rows needed. */
extern void batch_forget(RowBatch *batch);

#endif
