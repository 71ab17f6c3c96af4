/*
 * check_deep.c: is every id of a store accounted for, and can every commit be read?
 *
 * Three reads, one page after the other: the counter table for the notes of burned ids, which are sorted; the index, in
 * the order of ids, beside these; and the commits table for what is not in the index, and for values that the foreign
 * table's columns cannot show. Memory is that of a page and of a sort.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/tuplesort.h"

#include "postgres/admin/check.h"
#include "postgres/core/budget.h"
#include "postgres/core/encoding.h"
#include "postgres/core/errors.h"
#include "postgres/session/task.h"
#include "postgres/session/tenure.h"
#include "postgres/table/options.h"
#include "postgres/table/relation.h"
#include "store/counter.h"
#include "store/id_walk.h"
#include "store/read.h"

/* A read of a whole table or index. Views of the spec have to stay. */
typedef struct WholeRead
{
	Check	   *check;
	StoreNames	names;
	ReadSpec	spec;
	Tenure	   *tenure;
	Usage	   *usage;			/* as long as the tenure */
	MemoryContext row_context;	/* reset for each item */
} WholeRead;

static void
whole_read_begin(WholeRead *read, Check *check, const TableOptions *options)
{
	read->check = check;
	read->names = options->names;
	read->usage = palloc0(sizeof(Usage));
	read->spec.budget = budget_of_statement();
	read->spec.segments = 1;
	read->spec.max_parallel = 1;
	read->tenure = tenure_new(CurrentMemoryContext, connection_acquire(GetUserId(), options->server, task_owner(check->relation)));
	read->row_context = AllocSetContextCreate(CurrentMemoryContext, "dynamodb_es check", ALLOCSET_DEFAULT_SIZES);
}

static void
whole_read_start(WholeRead *read)
{
	tenure_hold(read->tenure, read_start(tenure_client(read->tenure), &read->names, &read->spec, read->usage), &read_operation);
}

/* The next item; NULL at the end. It stays until the next call, as does what was allocated in row_context for it. */
static const cJSON *
whole_read_next(WholeRead *read)
{
	const cJSON *item;

	MemoryContextReset(read->row_context);
	item = tenure_await_item(read->tenure, read->usage, read->check->relation_name);
	if (item == NULL)
		tenure_drop(read->tenure);
	return item;
}

/* A key attribute as it is shown. */
static char *
key_shown(const cJSON *item, const char *attribute)
{
	AttributeValue value = attribute_get(item, attribute);

	if (value.type != ATTRIBUTE_S && value.type != ATTRIBUTE_N)
		return pstrdup("(none)");
	return encoding_for_message(value.text, value.length, MAX_NAMED_BYTES);
}

static char *
place_of_item(const cJSON *item)
{
	return psprintf("aggregate \"%s\", version %s", key_shown(item, COMMIT_AGGREGATE_ID), key_shown(item, COMMIT_VERSION));
}

/* The notes of burned ids: (first id, how many), by the first. */
typedef struct NoteSort
{
	Tuplesortstate *sort;
	TupleTableSlot *put;
	TupleTableSlot *got;
} NoteSort;

static void
notes_begin(NoteSort *notes)
{
	TupleDesc	desc = CreateTemplateTupleDesc(2);
	AttrNumber	key = 1;
	Oid			less = Int8LessOperator;
	Oid			collation = InvalidOid;
	bool		nulls_first = false;

	TupleDescInitEntry(desc, 1, "first", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 2, "count", INT8OID, -1, 0);
	notes->sort = tuplesort_begin_heap(desc, 1, &key, &less, &collation, &nulls_first, work_mem, NULL, TUPLESORT_NONE);
	notes->put = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	notes->got = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
}

static void
notes_put(NoteSort *notes, int64 first, int64 count)
{
	ExecClearTuple(notes->put);
	notes->put->tts_values[0] = Int64GetDatum(first);
	notes->put->tts_values[1] = Int64GetDatum(count);
	notes->put->tts_isnull[0] = notes->put->tts_isnull[1] = false;
	ExecStoreVirtualTuple(notes->put);
	tuplesort_puttupleslot(notes->sort, notes->put);
}

static void
notes_give_next(NoteSort *notes, IdWalk *walk)
{
	bool		isnull;

	if (tuplesort_gettupleslot(notes->sort, true, false, notes->got, NULL))
		id_walk_note(walk, DatumGetInt64(slot_getattr(notes->got, 1, &isnull)),
					 DatumGetInt64(slot_getattr(notes->got, 2, &isnull)));
	else
		id_walk_end_notes(walk);
}

static void
notes_end(NoteSort *notes)
{
	ExecDropSingleTupleTableSlot(notes->put);
	ExecDropSingleTupleTableSlot(notes->got);
	tuplesort_end(notes->sort);
}

/* Sorts the notes that the counter table has of this store's ids. */
static void
collect_notes(Check *check, const TableOptions *options, NoteSort *notes)
{
	static const char *const attributes[] = {COUNTER_NAME, COUNTER_BURNED_COUNT};
	WholeRead	read = {0};
	const cJSON *item;

	whole_read_begin(&read, check, options);
	read.names.commit_table = options->names.counter_table; /* a Scan like any other */
	read.spec.path = READ_SCAN;
	read.spec.consistent = true;
	read.spec.attributes = attributes;
	read.spec.nattributes = lengthof(attributes);
	whole_read_start(&read);
	while ((item = whole_read_next(&read)) != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(read.row_context);
		int64_t		first;
		int64_t		count;

		switch (counter_read_note(item, options->names.counter, &first, &count))
		{
			case COUNTER_NOTE:
				notes_put(notes, first, count);
				break;
			case COUNTER_BAD_NOTE:
				check_found(check, CHECK_WARNING, "a note of burned ids is none",
							psprintf("\"%s\" in DynamoDB table \"%s\"", key_shown(item, COUNTER_NAME), options->names.counter_table),
							"Readers that wait for its ids do so in vain.");
				break;
			case COUNTER_NO_NOTE:
				break;
		}
		MemoryContextSwitchTo(caller);
	}
	tuplesort_performsort(notes->sort);
}

static char *
ids_shown(const IdFinding *finding)
{
	return finding->first == finding->last ? psprintf("commit id " INT64_FORMAT, finding->first)
		: psprintf("commit ids " INT64_FORMAT " to " INT64_FORMAT, finding->first, finding->last);
}

/* `place` and `place_before` are of the commit that was seen last, and of the one before. */
static void
id_found(Check *check, const IdFinding *finding, const char *place, const char *place_before)
{
	switch (finding->kind)
	{
		case ID_TWICE:
			check_found(check, CHECK_ERROR, psprintf("%s was given out twice", ids_shown(finding)),
						psprintf("%s; %s", place_before, place),
						"Readers that follow the ids may have passed over one of the two. "
						"See to it that the counter is not behind the commits.");
			break;
		case ID_GAP:
			check_found(check, CHECK_WARNING,
						psprintf("no commit has %s, and no note says that %s burned", ids_shown(finding),
								 finding->first == finding->last ? "it was" : "they were"),
						ids_shown(finding),
						"An append under way may still use them: check again later. After that they are gaps, as faults leave them.");
			break;
		case ID_GAP_NOTED:
			check_found(check, CHECK_INFO,
						psprintf("no commit has %s, noted as burned", ids_shown(finding)), ids_shown(finding),
						"Nothing is missing: a put was refused, and its id is not used again.");
			break;
		case ID_NOTED_AND_STORED:
			check_found(check, CHECK_ERROR, psprintf("%s is noted as burned, and a commit has it", ids_shown(finding)),
						place, "Readers that go by the notes pass over the commit.");
			break;
	}
}

/* Takes from the walk what it has found by now, until it is ready for the next id. */
static void
walk_on(Check *check, IdWalk *walk, NoteSort *notes, const char *place, const char *place_before)
{
	IdFinding	finding;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		switch (id_walk_step(walk, &finding))
		{
			case ID_WALK_FOUND:
				id_found(check, &finding, place, place_before);
				break;
			case ID_WALK_WANTS_NOTE:
				notes_give_next(notes, walk);
				break;
			case ID_WALK_WANTS_ID:
				return;
		}
	}
}

/* One commit as the index has it. */
static void
walk_item(Check *check, IdWalk *walk, NoteSort *notes, const cJSON *item, StringInfo place_before)
{
	AttributeValue id = attribute_get(item, COMMIT_ID);
	char	   *place = place_of_item(item);
	int64_t		number;

	if (attribute_to_int64(&id, &number) && number > 0)
	{
		id_walk_see(walk, number);
		walk_on(check, walk, notes, place, place_before->data);
	}
	else
		check_found(check, CHECK_ERROR, psprintf("%s is no commit id", key_shown(item, COMMIT_ID)), place,
					"Ids are integers from 1. Who wrote it?");
	resetStringInfo(place_before);
	appendStringInfoString(place_before, place);
}

static void
walk_index(Check *check, const TableOptions *options, NoteSort *notes)
{
	static const char *const attributes[] = {COMMIT_AGGREGATE_ID, COMMIT_VERSION, COMMIT_ID};
	static const KeyRange everything = {0};
	WholeRead	read = {0};
	StringInfoData place_before;
	const cJSON *item;
	IdWalk		walk;

	initStringInfo(&place_before);
	id_walk_begin(&walk);
	whole_read_begin(&read, check, options);
	read.spec.path = READ_INDEX;
	read.spec.ranges = &everything;
	read.spec.nranges = 1;
	read.spec.ordered = true;
	read.spec.attributes = attributes;
	read.spec.nattributes = lengthof(attributes);
	whole_read_start(&read);
	while ((item = whole_read_next(&read)) != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(read.row_context);

		walk_item(check, &walk, notes, item, &place_before);
		MemoryContextSwitchTo(caller);
	}
	id_walk_end(&walk, check->report->head);
	walk_on(check, &walk, notes, "", "");
}

void
check_ids(Check *check)
{
	const TablesReport *report = check->report;
	TableOptions options;
	NoteSort	notes;

	if (!report->commits.exists || !schema_fits(&report->commits) || !schema_index_is_usable(&report->commits)
		|| !report->counters.exists || !schema_fits(&report->counters))
		return;
	options = options_of_table(check->relation);
	notes_begin(&notes);
	collect_notes(check, &options, &notes);
	walk_index(check, &options, &notes);
	notes_end(&notes);
}

/*
 * Reads the columns of an item from *next on. true when all can be read; else the error of one of them, in the current
 * memory context, and *next behind it. A conversion may leave anything behind: so each attempt is a subtransaction.
 */
static bool
columns_are_readable(const ColumnMap *map, const cJSON *item, int *next, ErrorData **error)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile int at = *next;
	volatile bool is_readable = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		for (; at < map->natts; at++)
		{
			bool		isnull;

			if (map->columns[at] != NULL)
				column_read(map, map->columns[at], item, &isnull);
		}
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		*error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY((*error)->sqlerrcode) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		is_readable = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	*next = at + 1;
	return is_readable;
}

static void
check_commit(Check *check, const ColumnMap *map, const cJSON *item)
{
	ErrorData  *error;
	int			next = 0;

	if (!commit_is_indexed(item))
		check_found(check, CHECK_WARNING,
					psprintf("the commit is not in the index: its \"%s\" or \"%s\" is missing or of another type",
							 COMMIT_ID, COMMIT_ACTIVE),
					place_of_item(item),
					"What reads by commit id does not find it; what reads its aggregate, or the whole table, does.");
	while (next < map->natts && !columns_are_readable(map, item, &next, &error))
		check_found(check, CHECK_ERROR, error->message, place_of_item(item), error->detail);
}

/* The attributes of all columns, and those that tell a commit's place and whether it is in the index. Each once. */
static size_t
choose_attributes(const ColumnMap *map, const char ***attributes)
{
	static const char *const always[] = {COMMIT_AGGREGATE_ID, COMMIT_VERSION, COMMIT_ID, COMMIT_ACTIVE};
	size_t		count = lengthof(always);

	*attributes = palloc(sizeof(char *) * (count + map->natts));
	memcpy(*attributes, always, sizeof(always));
	for (int i = 0; i < map->natts; i++)
	{
		bool		is_there = map->columns[i] == NULL;

		for (size_t j = 0; j < lengthof(always) && !is_there; j++)
			is_there = strcmp(always[j], map->columns[i]->attribute) == 0;
		if (!is_there)
			(*attributes)[count++] = map->columns[i]->attribute;
	}
	return count;
}

void
check_commits(Check *check)
{
	const TableSchema *commits = &check->report->commits;
	TableOptions options;
	Relation	relation;
	ColumnMap  *map;
	WholeRead	read = {0};
	const char **attributes;
	const cJSON *item;

	if (!commits->exists || !commits->key_fits)
		return;
	options = options_of_table(check->relation);
	relation = table_open(check->relation, AccessShareLock);
	map = column_map_new(relation);
	whole_read_begin(&read, check, &options);
	read.spec.path = READ_SCAN;
	read.spec.consistent = options.consistent_read;
	read.spec.nattributes = choose_attributes(map, &attributes);
	read.spec.attributes = attributes;
	whole_read_start(&read);
	while ((item = whole_read_next(&read)) != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(read.row_context);

		check_commit(check, map, item);
		MemoryContextSwitchTo(caller);
	}
	table_close(relation, AccessShareLock);
}
