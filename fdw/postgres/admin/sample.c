/*
 * sample.c: which rows may stand for the whole table?
 *
 * If the whole table was read, any rows may. Otherwise segments were read, and a segment of a Scan has all commits of its
 * aggregates. That is no random choice of rows: each aggregate occurs many times, so PostgreSQL would conclude that there are no
 * others. A random choice out of a large table would rarely have two rows of one aggregate. So the sample takes the first
 * row drawn of each aggregate. It takes only so many others that PostgreSQL's estimator arrives at the number of aggregates
 * that the part read suggests.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "common/pg_prng.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "postgres/admin/sample.h"
#include "postgres/core/compat.h"

/* Fewer aggregates than these say nothing about how many more there are. */
#define FEWEST_AGGREGATES 30

typedef struct SampleRow
{
	HeapTuple	tuple;
	int			aggregate;		/* its number, from 0 */
} SampleRow;

struct Sample
{
	Relation	relation;
	const ColumnMap *map;
	MemoryContext tuple_context;
	MemoryContext row_context;	/* reset at each row */
	Datum	   *values;
	bool	   *nulls;
	SampleRow  *rows;
	int			nrows;
	int			capacity;
	char	   *aggregate_id;	/* of the last item; NULL: none yet */
	int			naggregates;
	int			nunreadable;
};

Sample *
sample_new(Relation relation, const ColumnMap *map)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dynamodb_es sample", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Sample	   *sample = palloc0(sizeof(Sample));

	sample->relation = relation;
	sample->map = map;
	sample->tuple_context = AllocSetContextCreate(context, "dynamodb_es sample rows", ALLOCSET_DEFAULT_SIZES);
	sample->row_context = AllocSetContextCreate(context, "dynamodb_es row", ALLOCSET_DEFAULT_SIZES);
	sample->values = palloc0(sizeof(Datum) * Max(map->natts, 1));
	sample->nulls = palloc0(sizeof(bool) * Max(map->natts, 1));
	sample->capacity = 1024;
	sample->rows = palloc(sizeof(SampleRow) * sample->capacity);
	MemoryContextSwitchTo(caller);
	return sample;
}

void
sample_reset(Sample *sample)
{
	MemoryContextReset(sample->tuple_context);
	sample->aggregate_id = NULL;
	sample->nrows = sample->naggregates = sample->nunreadable = 0;
}

/*
 * Reads all columns of an item. false when a value is unreadable. A subtransaction for each row, cheap beside the
 * row's way here, is what makes it right to go on after an error.
 */
static bool
read_columns(Sample *sample, const cJSON *item)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool readable = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		columns_read(sample->map, sample->map->columns, sample->map->natts, item, sample->values, sample->nulls);
		readable = true;
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION)
		{
			CurrentResourceOwner = owner;
			MemoryContextSwitchTo(context);
			ReThrowError(error);
		}
		readable = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return readable;
}

static void
note_aggregate(Sample *sample, const cJSON *item)
{
	AttributeValue id = attribute_get(item, COMMIT_AGGREGATE_ID);
	const char *string = id.text != NULL ? id.text : "";

	if (sample->aggregate_id != NULL && strcmp(sample->aggregate_id, string) == 0)
		return;
	if (sample->aggregate_id != NULL)
		pfree(sample->aggregate_id);
	sample->aggregate_id = MemoryContextStrdup(sample->tuple_context, string);
	sample->naggregates++;
}

static void
keep_row(Sample *sample)
{
	MemoryContext caller = MemoryContextSwitchTo(sample->tuple_context);
	SampleRow  *row;

	if (sample->nrows == sample->capacity)
	{
		sample->capacity *= 2;
		sample->rows = repalloc_huge(sample->rows, sizeof(SampleRow) * sample->capacity);
	}
	row = &sample->rows[sample->nrows++];
	row->tuple = heap_form_tuple(RelationGetDescr(sample->relation), sample->values, sample->nulls);
	row->aggregate = sample->naggregates - 1;
	MemoryContextSwitchTo(caller);
}

void
sample_add(Sample *sample, const cJSON *item)
{
	MemoryContext caller = MemoryContextSwitchTo(sample->row_context);

	note_aggregate(sample, item);
	if (read_columns(sample, item))
		keep_row(sample);
	else
		sample->nunreadable++;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(sample->row_context);
}

double
sample_items(const Sample *sample)
{
	return (double) sample->nrows + sample->nunreadable;
}

bool
sample_extrapolates(const Sample *sample)
{
	return sample->naggregates >= FEWEST_AGGREGATES;
}

double
sample_unreadable(const Sample *sample)
{
	return sample->nunreadable;
}

/* All rows in random order. */
static SampleRow *
shuffled_rows(const Sample *sample)
{
	SampleRow  *rows = palloc(sizeof(SampleRow) * Max(sample->nrows, 1));

	for (int i = 0; i < sample->nrows; i++)
	{
		int			at = (int) pg_prng_uint64_range(&pg_global_prng_state, 0, i);

		rows[i] = rows[at];
		rows[at] = sample->rows[i];
	}
	return rows;
}

/*
 * Moves the rows to be taken to the front and returns how many those are. With d aggregates taken once or twice, and
 * t of them twice, the estimator (Haas and Stokes, in analyze.c) finds d (d + t) / (2 t + (d² - t²) / total_rows) of
 * them; t is small against d.
 */
static int
choose_of_aggregates(const Sample *sample, double total_rows, SampleRow *rows, int target)
{
	double		aggregates = sample->naggregates * (total_rows / sample_items(sample));
	bool	   *seen = palloc0(sizeof(bool) * sample->naggregates);
	double		distinct = 0;
	double		twice = 0;
	int			ntaken = 0;

	/* As many draws as there are aggregates: more would leave large ones no more likely to be met than small ones. */
	for (int i = 0; i < sample->nrows && i < sample->naggregates && ntaken < target; i++)
	{
		SampleRow	row = rows[i];

		if (!seen[row.aggregate])
			distinct++;
		else if (twice + 1 <= distinct * distinct * (1 - aggregates / total_rows) / (2 * aggregates - distinct))
			twice++;
		else
			continue;
		seen[row.aggregate] = true;
		rows[ntaken++] = row;
	}
	return ntaken;
}

int
sample_draw(const Sample *sample, double total_rows, HeapTuple *rows, int target)
{
	SampleRow  *chosen = shuffled_rows(sample);
	int			nchosen = Min(sample->nrows, target);

	if (total_rows > sample_items(sample) && sample_extrapolates(sample))
		nchosen = choose_of_aggregates(sample, total_rows, chosen, target);
	for (int i = 0; i < nchosen; i++)
		rows[i] = heap_copytuple(chosen[i].tuple);
	return nchosen;
}
